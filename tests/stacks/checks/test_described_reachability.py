"""Which ports are open to the internet, from the rules that EC2 would describe."""

import pytest

from runbook_lib.stacks.checks.reachability import reachability
from tests.stacks.checks.described_site import Site

GROUPS = {"sg-1": "local-web", "sg-2": "by-hand", "sg-3": "default"}


def rule(number, group, low=443, high=None, protocol="tcp", **more):
    ports = {} if low is None else {"FromPort": low, "ToPort": low if high is None else high}
    own = {"SecurityGroupRuleId": f"sgr-{number}", "GroupId": group, "IsEgress": False, "IpProtocol": protocol}
    return own | ports | more


def look(*rules, groups=GROUPS, vpc="vpc-1"):
    site = Site()
    site.see("vpc.", vpc)
    site.answer("ec2", "describe_security_groups", {
        "SecurityGroups": [{"GroupId": own, "GroupName": name} for own, name in groups.items()]},
        Filters=[{"Name": "vpc-id", "Values": ["vpc-1"]}])  # fmt: skip
    site.answer("ec2", "describe_security_group_rules", {"SecurityGroupRules": [*rules]},
                Filters=[{"Name": "group-id", "Values": [*groups]}])  # fmt: skip
    (check,) = reachability(site.environment)
    assert check.claim == "No security group opens anything but ports 80 and 443 to the whole internet"
    return check.probe(site.snapshot(), site.observed)


V4, V6 = {"CidrIpv4": "0.0.0.0/0"}, {"CidrIpv6": "::/0"}
INSIDE = {"CidrIpv4": "10.0.0.0/8"}


def test_what_is_open_is_told_group_by_group():
    """Each in order, also those that let nothing in."""
    holds, found = look(
        rule(1, "sg-2", 443, **V4), rule(2, "sg-2", 80, **V6), rule(3, "sg-1", 22, **INSIDE),
        rule(4, "sg-1", 1000, 2000, "udp", ReferencedGroupInfo={"GroupId": "sg-2"}),
        rule(5, "sg-3", IsEgress=True, **V4),
    )  # fmt: skip
    assert holds is True
    assert list(found.items()) == [
        ("by-hand", ["tcp 443 from 0.0.0.0/0 (sgr-1)", "tcp 80 from ::/0 (sgr-2)"]),
        ("default", []),
        ("local-web", ["tcp 22 from 10.0.0.0/8 (sgr-3)", "udp 1000-2000 from by-hand (sgr-4)"]),
    ]


@pytest.mark.parametrize(
    ("opened", "told"),
    [
        (rule(1, "sg-1", 80, **V4), ""), (rule(1, "sg-1", 443, **V6), ""),
        (rule(1, "sg-1", 22, **V4), "tcp 22 from 0.0.0.0/0"), (rule(1, "sg-1", 22, **V6), "tcp 22 from ::/0"),
        (rule(1, "sg-1", 80, 81, **V4), "tcp 80-81 from 0.0.0.0/0"),
        (rule(1, "sg-1", 79, 80, **V4), "tcp 79-80 from 0.0.0.0/0"),
        (rule(1, "sg-1", 443, 444, **V6), "tcp 443-444 from ::/0"),
        (rule(1, "sg-1", 442, 443, **V6), "tcp 442-443 from ::/0"),
        (rule(1, "sg-1", 443, protocol="udp", **V4), "udp 443 from 0.0.0.0/0"),
        (rule(1, "sg-1", 80, protocol="udp", **V4), "udp 80 from 0.0.0.0/0"),
        (rule(1, "sg-1", None, protocol="-1", **V4), "all from 0.0.0.0/0"),
        (rule(1, "sg-1", 22, CidrIpv4="128.0.0.0/1"), ""), (rule(1, "sg-1", 22, PrefixListId="pl-1"), ""),
        (rule(1, "sg-1", 22, IsEgress=True, **V4), ""),
    ],
)  # fmt: skip
def test_only_http_and_https_may_be_open_to_the_whole_internet(opened, told):
    """A failure names only what is too open."""
    others = rule(2, "sg-2", 443, **V4), rule(3, "sg-1", 22, **INSIDE)
    holds, found = look(*others, opened)
    assert holds is not bool(told)
    if told:
        assert found == {"local-web": [f"{told} (sgr-1)"]}
    else:
        assert set(found) == set(GROUPS.values())


def test_all_that_is_too_open():
    """In the order of the texts, in each group; a group without a name is told by its id."""
    groups = {"sg-1": "", "sg-2": "by-hand"}
    rules = rule(1, "sg-2", 3306, **V4), rule(2, "sg-1", 22, **V4), rule(3, "sg-1", 22, **V6), rule(4, "sg-2", 22, **V4)
    assert look(*rules, rule(5, "sg-1", 5, **INSIDE), groups=groups) == (False, {
        "by-hand": ["tcp 22 from 0.0.0.0/0 (sgr-4)", "tcp 3306 from 0.0.0.0/0 (sgr-1)"],
        "sg-1": ["tcp 22 from 0.0.0.0/0 (sgr-2)", "tcp 22 from ::/0 (sgr-3)"],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        (INSIDE, "10.0.0.0/8"), ({"CidrIpv6": "fd00::/8"}, "fd00::/8"), ({"PrefixListId": "pl-1"}, "pl-1"),
        ({"ReferencedGroupInfo": {"GroupId": "sg-3"}}, "default"),
        ({"ReferencedGroupInfo": {"GroupId": "sg-9"}}, "sg-9"),
        ({"ReferencedGroupInfo": {}}, ""), ({}, ""),
    ],
)  # fmt: skip
def test_whom_a_rule_lets_in(peer, told):
    assert look(rule(1, "sg-2", 22, **peer))[1]["by-hand"] == [f"tcp 22 from {told} (sgr-1)"]


def test_without_a_vpc_nothing_is_open():
    assert look(vpc=None) == (True, {})
