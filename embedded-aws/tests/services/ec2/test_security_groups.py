"""Validation of security groups and their rules."""

import pytest

from services.errors import raises, unchanged

FROM_PRIVATE = {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22} | FROM_PRIVATE


def test_invalid_groups_are_rejected(network):
    """Reserved and duplicate names, and text that is too long or not ASCII."""
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
    with unchanged(ec2.describe_security_groups):
        for changed, code, message in wrong:
            with raises(code, message):
                ec2.create_security_group(**({"GroupName": "new", "Description": "d", "VpcId": network.vpc} | changed))


UNKNOWN_GROUP = {"UserIdGroupPairs": [{"GroupId": "sg-00000000000000000"}], "IpRanges": []}
PING = {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1}
INVALID_RULES = [
    ({"FromPort": 99}, "InvalidParameterValue", "99-22"),
    ({"ToPort": 65536}, "InvalidParameterValue", "TCP/UDP (to) port (65536) out of range"),
    ({"FromPort": -1}, "InvalidParameterValue", "TCP/UDP (from) port (-1) out of range"),
    ({"FromPort": None, "ToPort": None}, "InvalidParameterValue", "Must specify both from and to ports with TCP/UDP."),
    (PING | {"FromPort": 256}, "InvalidParameterValue", "ICMP type (256) out of range"),
    (PING | {"ToPort": 65535}, "InvalidParameterValue", "ICMP code (65535) out of range"),
    (PING | {"ToPort": None}, "InvalidParameterValue", "Must specify both from and to ports with ICMP."),
    ({"IpProtocol": "bogus"}, "InvalidParameterValue", "Unknown protocol"),
    ({"IpProtocol": None}, "InvalidParameterValue", "must specify protocols explicitly"),
    ({"IpRanges": [{"CidrIp": "10.0/8"}]}, "InvalidParameterValue", "CIDR"),
    ({"IpRanges": []}, "MissingParameter", ""),
    ({"IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "x" * 256}]}, "InvalidParameterValue", "less than 256"),
    (UNKNOWN_GROUP, "InvalidGroup.NotFound", "sg-00000000000000000"),
]


def flat(rule, cidr="CidrIp"):
    """Convert a rule to flat fields, without IpPermissions."""
    bare = {name: value for name, value in rule.items() if not isinstance(value, list)}
    for range_ in rule["IpRanges"]:
        bare |= {cidr: range_["CidrIp"]} | {name: range_[name] for name in ("Description",) if name in range_}
    for pair in rule.get("UserIdGroupPairs", []):
        bare["ReferencedGroupId"] = pair["GroupId"]
    return bare


class Rules:
    """Adds rules to a security group, or modifies its rule, in each form of a request."""

    def __init__(self, network, direction):
        self.ec2, self.group = network.ec2, {"GroupId": network.group}
        self.authorize = getattr(self.ec2, f"authorize_security_group_{direction}")
        created = self.authorize(**self.group, IpPermissions=[SSH])
        self.rule_id = created["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    def permissions(self, rule):
        """Add the rule in IpPermissions, after a valid one."""
        self.authorize(**self.group, IpPermissions=[SSH | {"FromPort": 443, "ToPort": 443}, rule])

    def flat(self, rule):
        self.authorize(**self.group, **flat(rule))

    def modify(self, rule):
        """Replace the existing rule."""
        update = {"SecurityGroupRuleId": self.rule_id, "SecurityGroupRule": flat(rule, "CidrIpv4")}
        self.ec2.modify_security_group_rules(**self.group, SecurityGroupRules=[update])


@pytest.mark.parametrize("form", ["permissions", "flat", "modify"])
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_invalid_rules_are_rejected(network, direction, form):
    """In every form of a request, and when a rule is modified."""
    rules = Rules(network, direction)
    with unchanged(network.ec2.describe_security_groups, network.ec2.describe_security_group_rules):
        for wrong, code, message in INVALID_RULES:
            rule = {name: value for name, value in (SSH | wrong).items() if value is not None}
            if form == "flat" and {"Description", "ReferencedGroupId"} & flat(rule).keys():
                continue  # it has none of these
            with raises(code, message):
                getattr(rules, form)(rule)
        if form != "modify":
            with raises("InvalidPermission.Duplicate"):
                getattr(rules, form)(SSH)


def test_a_rule_is_added_and_modified_in_every_form(network):
    """CIDR blocks are stored in canonical form."""
    rules, ping = Rules(network, "ingress"), PING | {"IpRanges": [{"CidrIp": "10.0.0.1/8"}]}
    rules.flat(ping)
    rules.modify(SSH | {"ToPort": 23, "IpRanges": [{"CidrIp": "10.0.0.1/8", "Description": "to us"}]})
    (group,) = network.ec2.describe_security_groups(GroupIds=[network.group])["SecurityGroups"]
    ports_and_ranges = {
        rule["IpProtocol"]: (rule["FromPort"], rule["ToPort"], rule["IpRanges"]) for rule in group["IpPermissions"]
    }
    private = {"CidrIp": "10.0.0.0/8"}
    assert ports_and_ranges == {"icmp": (8, -1, [private]), "tcp": (22, 23, [private | {"Description": "to us"}])}


def test_a_description_that_is_too_long_is_rejected(network):
    Rules(network, "ingress")
    long = SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "x" * 256}]}
    with unchanged(network.ec2.describe_security_groups), raises("InvalidParameterValue", "less than 256"):
        network.ec2.update_security_group_rule_descriptions_ingress(GroupId=network.group, IpPermissions=[long])


def test_a_rule_for_all_protocols_needs_no_ports(network):
    """And ICMP types and codes can be -1."""
    for permission in ({"IpProtocol": "-1"}, {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}):
        network.ec2.authorize_security_group_ingress(GroupId=network.group, IpPermissions=[permission | FROM_PRIVATE])
