"""What is sent to EC2 for one of our rules."""

import pytest

from runbook_lib.resources.base import Observed
from tests.resources.cases_network import CASES, alb, rule, web
from tests.resources.test_security_group_described import sent, tags

DRIFT = frozenset({"port"})


def of(source, **changes):
    return rule(source=source, port=8080, description="why", **changes)


@pytest.mark.parametrize(
    ("source", "given"),
    [
        ("203.0.113.0/24", {"IpRanges": [{"CidrIp": "203.0.113.0/24", "Description": "why"}]}),
        (alb, {"UserIdGroupPairs": [{"GroupId": "sg-2", "Description": "why"}]}),
    ],
)
def test_a_rule_is_created_for_one_port_of_tcp_with_its_tags(source, given):
    request = {
        "GroupId": "sg-1",
        "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, **given}],
        "TagSpecifications": [
            {"ResourceType": "security-group-rule", "Tags": tags("security_group_rule.web-app")},
        ],
    }
    assert sent(of(source).create) == [("authorize_security_group_ingress", request)]


@pytest.mark.parametrize(
    ("source", "given"),
    [("203.0.113.0/24", {"CidrIpv4": "203.0.113.0/24"}), (alb, {"ReferencedGroupId": "sg-2"})],
)
def test_a_rule_that_differs_is_written_again_under_its_id(source, given):
    """All of it: what a request leaves out, EC2 would take away."""
    wanted = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "Description": "why", **given}
    request = {"GroupId": "sg-1", "SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-1", "SecurityGroupRule": wanted}]}
    assert sent(of(source).update, Observed("sgr-1", {}), DRIFT) == [("modify_security_group_rules", request)]


def test_a_rule_is_revoked_by_its_id():
    request = {"GroupId": "sg-3", "SecurityGroupRuleIds": ["sgr-1"]}
    assert sent(of(alb).delete, Observed("sgr-1", {"group": "sg-3"})) == [("revoke_security_group_ingress", request)]


def test_a_rule_stays_in_its_group():
    """EC2 moves none; a group that waits for one of its rules reports it as an orphan."""
    assert (of(alb).immutable, of(alb).owner_field) == ({"group"}, "group")
    assert of(alb).dependencies == (web, alb)


@pytest.mark.parametrize(
    ("resource", "codes"),
    [
        (web, ["InvalidVpcID.NotFound", "InvalidGroup.NotFound", "InvalidPermission.Duplicate"]),
        (CASES["security group rule"][0], ["InvalidGroup.NotFound"]),
    ],
)
def test_what_ec2_does_not_know_yet_is_tried_again(resource, codes):
    assert all(resource.is_eventual(code, "The group 'sg-1' does not exist") for code in codes)
    assert not resource.is_eventual("InvalidParameterValue", "The group 'sg-1' does not exist")


def test_a_group_waits_for_the_interfaces_that_others_leave():
    assert (web.immutable, web.wait_timeout, web.delete_timeout) == ({"vpc", "description"}, 300, 1200)
