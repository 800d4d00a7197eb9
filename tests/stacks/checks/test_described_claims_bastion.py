"""Claim 11, of the bastion, proved from what AWS would describe."""

import pytest

from runbook_lib.stacks.checks.claims_of_access import bastion
from tests.stacks.checks.described_site import OFFICE, Site, allow, route, tags, told, without_groups

SECOND = "local-database in subnet-private-b"
"""The place of the database in the other subnet of its group."""


@pytest.fixture
def site():
    return Site()


def test_the_bastion_reaches_the_servers_and_administrators_reach_it(site):
    finding = bastion(site.account())
    assert told(finding) == ("pass", ["it reaches 2 web servers on 22; 203.0.113.0/24 reach it"])
    assert finding.looked_at == ("eni-bastion", "sg-bastion", "eni-web-a", "eni-web-b", "eni-db", SECOND)


def test_several_networks_of_administrators():
    """Each has to reach the bastion."""
    site = Site(network_admin_cidrs=(OFFICE, "198.51.100.0/25"))
    assert told(bastion(site.account())) == ("fail", ["198.51.100.0/25 does not reach the bastion on 22"])
    site.ingress["sg-bastion"].append(allow(22, "198.51.100.0/25"))
    assert told(bastion(site.account())) == (
        "pass", ["it reaches 2 web servers on 22; 203.0.113.0/24, 198.51.100.0/25 reach it"],
    )  # fmt: skip
    site.ingress["sg-bastion"] = [allow(22, "203.0.113.1/32", "198.51.100.0/25")]
    assert told(bastion(site.account())) == ("fail", ["203.0.113.0/24 does not reach the bastion on 22"])


def test_one_bastion_that_administrators_reach_is_enough(site):
    site.add("eni-more", "subnet-public-b", "sg-web", "sg-bastion", "sg-alb", instance="i-bastion")
    site.interfaces["eni-more"]["Groups"].append({"GroupId": "sg-db"})
    site.ingress["sg-alb"] = site.ingress["sg-db"] = []
    finding = bastion(site.account())
    assert "203.0.113.0/24 does not reach the bastion on 22" not in finding.why
    assert finding.looked_at[:6] == ("eni-bastion", "eni-more", "sg-alb", "sg-bastion", "sg-db", "sg-web")


@pytest.mark.parametrize("mode", ["ssh", "ssm", "instance_connect_endpoint"])
def test_there_is_no_bastion(mode):
    site = Site(compute_bastion=mode)
    site.instances = []
    site.see("instance_connect_endpoint", None)
    finding = bastion(site.account())
    assert told(finding) == ("fail", ["there is no bastion"])
    assert finding.looked_at == ()


def test_a_bastion_without_web_servers(site):
    site.see("auto_scaling_group", None)
    site.health = {}
    finding = bastion(site.account())
    assert told(finding) == ("fail", ["there is no web server"])
    assert finding.looked_at == ("eni-bastion", "sg-bastion", "eni-db", SECOND)


def test_a_bastion_that_does_not_reach_the_servers(site):
    site.ingress["sg-web"] = [allow(22, "10.20.2.0/24")]
    stopped = "ENI_SG_RULES_MISMATCH at sg-web: no rule allows traffic from eni-bastion, tcp port 22"
    assert told(bastion(site.account())) == ("fail", [
        f"eni-bastion does not reach {own} on 22: {stopped}" for own in ("eni-web-a", "eni-web-b")
    ])  # fmt: skip


def test_a_bastion_that_reaches_the_database(site):
    """On whatever port."""
    site.ingress["sg-db"] += [allow(3306, "sg-bastion"), allow(0, "sg-bastion"), allow(65535, "sg-bastion")]
    assert told(bastion(site.account())) == ("fail", [
        f"eni-bastion reaches the database on {port}" for port in (0, 3306, 65535)
    ])  # fmt: skip
    site.ingress["sg-db"] = [allow(3306, "sg-web"), allow(None, "sg-bastion", protocol="-1"),
                             allow(65535, "sg-web")]  # fmt: skip
    _, why = told(bastion(site.account()))
    assert not [line for line in why if "65536" in line]


def test_a_database_without_a_group(site):
    site.database["VpcSecurityGroups"] = []
    site.interfaces["eni-db"]["Groups"] = []
    assert told(bastion(without_groups(site, "eni-db"))) == ("fail", [
        f"eni-bastion reaches the database on {port}" for port in (0,)
    ])  # fmt: skip


def test_whoever_else_reaches_the_bastion(site):
    """Those inside are told with their groups, those outside by their addresses, and a group for all its members."""
    site.ingress["sg-bastion"] += [allow(2222, "sg-alb", protocol="udp"), allow(22, "198.51.100.0/24", "sg-bastion")]
    assert told(bastion(site.account())) == ("fail", [
        *(f"ELB app/local-web/50dc{zone} (local-alb) reaches the bastion on udp 2222" for zone in "ab"),
        "a member of local-alb reaches the bastion on udp 2222",
        "a member of local-bastion reaches the bastion on tcp 22",
        "198.51.100.0 reaches the bastion on tcp 22",
    ])  # fmt: skip


def test_who_is_not_asked_from_inside_reaches_no_bastion(site):
    site.ingress["sg-bastion"].append(allow(22, "10.20.0.0/24"))
    site.interfaces["eni-nat"]["Groups"] = [{"GroupId": "sg-alb"}]
    _, why = told(bastion(site.account()))
    assert not [line for line in why if "eni-nat" in line]


@pytest.mark.parametrize("mode", ["ssm", "instance_connect_endpoint"])
def test_a_bastion_that_nothing_reaches(mode):
    """Neither administrators nor others; it needs no public address."""
    site = Site(compute_bastion=mode)
    site.see("instance_connect_endpoint", "eice-1", interfaces=["eni-bastion"])
    site.instances[0]["Tags"] = tags(key="instance.bastion-ssm")
    site.ingress["sg-bastion"] = []
    assert told(bastion(site.account())) == ("fail", ["i-bastion has a public address"])
    site.interfaces["eni-bastion"]["Attachment"] = {"InstanceId": "i-bastion"}
    site.interfaces["eni-bastion"].pop("Association")
    assert told(bastion(site.account())) == ("pass", [
        f"it reaches 2 web servers on 22; nothing reaches it but by {mode}"
    ])  # fmt: skip
    site.ingress["sg-bastion"] = [allow(22, OFFICE)]
    site.routes["rtb-public"] += [route(OFFICE, "tgw-1")]
    assert told(bastion(site.account())) == ("fail", ["203.0.113.0 reaches the bastion on tcp 22"])


def test_an_endpoint_with_a_public_address_is_told_by_its_interface():
    site = Site(compute_bastion="instance_connect_endpoint")
    site.see("instance_connect_endpoint", "eice-1", interfaces=["eni-bastion"])
    site.ingress["sg-bastion"] = []
    site.interfaces["eni-bastion"].pop("Attachment")
    assert told(bastion(site.account())) == ("fail", ["eni-bastion has a public address"])


@pytest.fixture
def without():
    """An environment that asks for no bastion, and has none."""
    site = Site(compute_bastion="none")
    site.interfaces.pop("eni-bastion")
    site.instances = []
    site.ingress["sg-web"] = [allow(8080, "sg-alb")]
    return site


def test_no_bastion_where_none_is_asked_for(without):
    finding = bastion(without.account())
    why = "the parameters ask for no bastion, and nothing reaches a web server by SSH"
    assert told(finding) == ("exception", [why])
    assert finding.looked_at == ("eni-web-a", "eni-web-b")


def test_who_reaches_a_server_by_ssh_where_nobody_should(without):
    without.ingress["sg-web"].append(allow(22, "sg-web", "sg-bastion"))
    finding = bastion(without.account())
    assert told(finding) == ("fail", [
        "i-b (local-web) reaches i-a on 22", "a member of local-bastion reaches i-a on 22",
        "a member of local-web reaches i-a on 22", "i-a (local-web) reaches i-b on 22",
        "a member of local-bastion reaches i-b on 22", "and 1 more",
    ])  # fmt: skip
    assert finding.looked_at == ("eni-web-a", "eni-web-b")


def test_a_bastion_that_is_left(without):
    """Of any of the ways by which there was one."""
    for name in ("bastion", "bastion-ssm"):
        without.add(f"eni-{name}", "subnet-public-a", "sg-bastion", instance=f"i-{name}")
        without.instances.append({"InstanceId": f"i-{name}", "Tags": tags(key=f"instance.{name}")})
    assert told(bastion(without.account())) == ("fail", [
        f"{name} is there, against bastion: none" for name in ("i-bastion", "i-bastion-ssm")
    ])  # fmt: skip


@pytest.mark.parametrize(("others", "told_of"), [(5, 0), (6, 1), (8, 3)])
def test_of_many_problems_the_first(without, others, told_of):
    for number in range(others):
        without.add(f"eni-{number}", "subnet-public-a", "sg-bastion", instance=f"i-{number}")
        without.instances.append({"InstanceId": f"i-{number}", "Tags": tags(key="instance.bastion")})
    _, why = told(bastion(without.account()))
    assert why == [f"i-{number} is there, against bastion: none" for number in range(5)] + (
        [f"and {told_of} more"] if told_of else []
    )
