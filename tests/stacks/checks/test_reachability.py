"""Whatever was opened by hand, verify notices."""

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.stacks.checks.reachability import reachability
from runbook_lib.stacks.stack import Stack
from tests.stacks.test_network import network, params

HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
ANYTHING = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
RANGE = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
INSIDE = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


@pytest.fixture
def probe(engine, door):
    """Asks afresh whether the claim holds."""
    net = network(params())
    ground = Stack("ground", all=[*net.vpc, *net.security_groups, *net.rules])
    engine.apply(ground)
    (check,) = reachability(net)
    return lambda: check.probe(Snapshot(door), engine.survey(ground, refresh=True))


def test_what_the_stack_opens_is_as_claimed(probe):
    """What was looked at is found: every group of the VPC, also one without rules, with all it lets in."""
    holds, found = probe()
    assert holds
    assert [rule.partition(" (")[0] for rule in found["test-alb"]] == [
        "tcp 443 from 0.0.0.0/0", "tcp 80 from 0.0.0.0/0",
    ]  # fmt: skip
    assert [rule.partition(" (")[0] for rule in found["test-db"]] == ["tcp 3306 from test-web"]
    assert found["default"] == []


@pytest.mark.parametrize(
    ("rule", "told"),
    [(ANYTHING, "all from ::/0"), (RANGE, "tcp 80-443 from 0.0.0.0/0"), (HTTPS, ""), (INSIDE, "")],
)
def test_a_group_that_somebody_made_by_hand_counts_too(probe, engine, aws, rule, told):
    """A group that no stack knows, in the same VPC: it is named with what it opens, and to whom."""
    ec2 = aws.client("ec2")
    (vpc,) = (vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"])
    made = ec2.create_security_group(GroupName="by-hand", Description="-", VpcId=vpc)
    ec2.authorize_security_group_ingress(GroupId=made["GroupId"], IpPermissions=[rule])
    holds, found = probe()
    assert holds is not bool(told)
    assert len(found["by-hand"]) == 1
    assert found["by-hand"][0].startswith(told)
    assert (set(found) == {"by-hand"}) is bool(told), "a failure names only what is too open"
