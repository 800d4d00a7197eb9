"""Security groups and rules that EC2 does not take are refused with its codes."""

import pytest

from tests.local.overlays.errors import refused, untouched

TO_US = {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22} | TO_US


def test_groups_that_are_not_made(network):
    """Names that are EC2's own or taken, and what is not plain ASCII."""
    ec2 = network.ec2
    wrong = [
        ({"GroupName": "sg-web"}, "InvalidParameterValue", "Group names may not be in the format sg-*."),
        ({"GroupName": "default"}, "InvalidParameterValue", "Cannot use reserved security group name: default"),
        ({"GroupName": "web"}, "InvalidGroup.Duplicate", "web"),
        ({"GroupName": "x" * 256}, "InvalidParameterValue", "Valid names are strings less than 256 characters"),
        ({"Description": "für alle"}, "InvalidParameterValue", "Character sets beyond ASCII are not supported."),
        ({"Description": "a < b"}, "InvalidParameterValue", "Valid descriptions are strings less than 256 characters"),
        ({"VpcId": "vpc-00000000000000000"}, "InvalidVpcID.NotFound", ""),
    ]
    with untouched(ec2.describe_security_groups):
        for changed, code, words in wrong:
            with refused(code, words):
                ec2.create_security_group(**({"GroupName": "new", "Description": "d", "VpcId": network.vpc} | changed))


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_rules_that_are_not_added(network, direction):
    """A wrong one among several keeps all of them out."""
    ec2 = network.ec2
    authorize = getattr(ec2, f"authorize_security_group_{direction}")
    authorize(GroupId=network.group, IpPermissions=[SSH])
    https = SSH | {"FromPort": 443, "ToPort": 443}
    nobody = {"UserIdGroupPairs": [{"GroupId": "sg-00000000000000000"}], "IpRanges": []}
    wrong = [
        ({"FromPort": 99}, "InvalidParameterValue", "99-22"),
        ({"ToPort": 65536}, "InvalidParameterValue", "TCP/UDP (to) port (65536) out of range"),
        ({"FromPort": -1}, "InvalidParameterValue", "TCP/UDP (from) port (-1) out of range"),
        ({"IpProtocol": "bogus"}, "InvalidParameterValue", "Unknown protocol"),
        ({"IpRanges": [{"CidrIp": "10.0/8"}]}, "InvalidParameterValue", "CIDR"),
        ({"IpRanges": []}, "MissingParameter", "include source security group or CIDR information"),
        (nobody, "InvalidGroup.NotFound", "sg-00000000000000000"),
        ({}, "InvalidPermission.Duplicate", ""),
    ]
    with untouched(ec2.describe_security_groups, ec2.describe_security_group_rules):
        for changed, code, words in wrong:
            with refused(code, words):
                authorize(GroupId=network.group, IpPermissions=[https, SSH | changed])
        with refused("InvalidParameterValue", "Must specify both from and to ports with TCP/UDP."):
            authorize(GroupId=network.group, IpPermissions=[{"IpProtocol": "tcp"} | TO_US])


def test_all_protocols_need_no_ports(network):
    """Nor does ICMP stand for ports from 0 on."""
    for permission in ({"IpProtocol": "-1"}, {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}):
        network.ec2.authorize_security_group_ingress(GroupId=network.group, IpPermissions=[permission | TO_US])
