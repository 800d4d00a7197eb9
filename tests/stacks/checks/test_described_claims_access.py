"""Claims 4 and 6, of who reaches what, proved from what AWS would describe."""

import pytest

from runbook_lib.stacks.checks import claims_of_access
from runbook_lib.stacks.checks.claims_of_access import bastion, database_port, way_in
from tests.stacks.checks.described_site import (
    ANYONE,
    EVERYTHING,
    OFFICE,
    Site,
    allow,
    route,
    tags,
    told,
    without_groups,
)

SECOND = "local-database in subnet-private-b"
"""The place of the database in the other subnet of its group."""
PUBLIC = ["0.0.0.0", "11.0.0.0", "100.128.0.0", "172.32.0.0", "192.169.0.0"]
"""The first of the internet's addresses that stand for all of it."""


@pytest.fixture
def site():
    return Site()


def reaches(who, what, *ports, sources=PUBLIC, more=0):
    return [*[f"{source} reaches {what} on {port}" for source in who or sources for port in ports][:5],
            *([f"and {more} more"] if more else [])]  # fmt: skip


def test_the_servers_alone_reach_the_database(site):
    finding = database_port(site.account())
    assert told(finding) == ("pass", ["2 web servers reach 3306, and nothing else of 7 interfaces does"])
    assert finding.looked_at == ("local-database", "eni-db", SECOND, "eni-web-a", "eni-web-b", "sg-db")


def test_there_is_no_database_to_reach(site):
    site.database["DBSubnetGroup"]["Subnets"] = [{"SubnetIdentifier": "subnet-elsewhere"}]
    for _ in range(2):
        finding = database_port(site.account())
        assert told(finding) == ("fail", ["there is no database"])
        assert finding.looked_at == ()
        site.database = None


def test_a_server_that_does_not_reach_the_database(site):
    """None does without a rule, and only some of their ports get an answer where an ACL denies it to the others."""
    site.ingress["sg-db"] = []
    closed = "SG_HAS_NO_RULES at sg-db: no rule allows traffic from"
    assert told(database_port(site.account())) == ("fail", [
        f"{own} does not reach {end} on 3306: {closed} {own}, tcp port 3306"
        for own in ("eni-web-a", "eni-web-b") for end in ("eni-db", SECOND)
    ])  # fmt: skip
    site.ingress["sg-db"] = [allow(3306, "sg-web")]
    site.entries.insert(0, {**site.entries[1], "RuleNumber": 50, "CidrBlock": "10.20.3.0/24", "RuleAction": "deny",
                            "Protocol": "6", "PortRange": {"From": 50000, "To": 50010}})  # fmt: skip
    denied = "SUBNET_ACL_RESTRICTION at acl-1: rule 50 denies replies to 10.20.3.13, tcp port 50000"
    assert told(database_port(site.account())) == ("fail", [f"eni-web-b does not reach eni-db on 3306: {denied}"])


@pytest.mark.parametrize("ports", [(32767, 32767), (61000, 61000)])
def test_ports_that_linux_does_not_use_are_not_missed(site, ports):
    site.entries.insert(0, {**site.entries[1], "RuleNumber": 50, "RuleAction": "deny", "Protocol": "6",
                            "PortRange": {"From": ports[0], "To": ports[1]}})  # fmt: skip
    assert database_port(site.account()).result == "pass"
    assert bastion(site.account()).result == "pass"


def test_without_a_server_others_may_still_not_reach_the_database(site):
    site.see("auto_scaling_group", None)
    site.health = {}
    site.interfaces = {name: each for name, each in site.interfaces.items() if "-web-" not in name}
    finding = database_port(site.account())
    assert told(finding) == ("fail", [
        "there is no web server",
        *(f"a member of local-web reaches {end} on 3306" for end in ("eni-db", SECOND)),
    ])  # fmt: skip
    assert finding.looked_at == ("local-database", "eni-db", SECOND, "sg-db")


def test_that_the_database_reaches_itself_is_its_own_affair(site):
    """What else is in its group is not."""
    site.ingress["sg-db"].append(allow(3306, "sg-db"))
    assert told(database_port(site.account())) == ("fail", [
        f"a member of local-db reaches {end} on 3306" for end in ("eni-db", SECOND)
    ])  # fmt: skip


def test_whoever_else_reaches_the_database(site):
    """An instance of its group, a group without members, what AWS runs, and an address behind a peering connection."""
    site.ingress["sg-db"] += [allow(3306, "sg-hand")]
    site.ingress["sg-hand"], site.egress["sg-hand"], site.names["sg-hand"] = [], [EVERYTHING], ""
    ends = ("eni-db", SECOND)
    told_of = ["fail", [f"a member of sg-hand reaches {end} on 3306" for end in ends]]
    assert [*told(database_port(site.account()))] == told_of
    site.add("eni-hand", "subnet-public-b", "sg-hand", "sg-alb")
    told_of[1][:0] = [f"eni-hand (sg-hand, local-alb) reaches {end} on 3306" for end in ends]
    assert [*told(database_port(site.account()))] == told_of
    site.interfaces["eni-hand"]["Description"] = "by hand"
    _, why = told(database_port(site.account()))
    assert why[0] == "by hand (sg-hand, local-alb) reaches eni-db on 3306"
    site.interfaces["eni-hand"]["Attachment"] = {"InstanceId": "i-hand"}
    _, why = told(database_port(site.account()))
    assert why[0] == "i-hand (sg-hand, local-alb) reaches eni-db on 3306"
    site.interfaces.pop("eni-hand")
    site.ingress["sg-db"] = [allow(3306, "sg-web", "192.168.0.0/24")]
    site.routes["rtb-private"].append(route("192.168.0.0/16", "pcx-1"))
    assert told(database_port(site.account())) == ("fail", reaches(["192.168.0.0"], "eni-db", 3306) + reaches(
        ["192.168.0.0"], SECOND, 3306))  # fmt: skip


def test_no_group_stops_an_interface_without_one(site):
    site.add("eni-bare", "subnet-public-a", PrivateIpAddresses=[{"PrivateIpAddress": "10.20.0.77"}])
    site.ingress["sg-db"] += [allow(3306, "10.20.0.77/32")]
    _, why = told(database_port(without_groups(site, "eni-bare")))
    assert why[:2] == [f"eni-bare (no group) reaches {end} on 3306" for end in ("eni-db", SECOND)]
    site.database["VpcSecurityGroups"] = []
    site.interfaces["eni-db"]["Groups"] = []
    finding = database_port(without_groups(site, "eni-db"))
    assert finding.result == "fail"
    assert finding.looked_at == ("local-database", "eni-db", SECOND, "eni-web-a", "eni-web-b")
    assert "i-bastion (local-bastion) reaches eni-db on 3306" in finding.why


def test_the_internet_reaches_the_load_balancer_only(site):
    finding = way_in(site.account())
    assert told(finding) == ("pass", ["the internet reaches eni-alb-a, eni-alb-b"])
    assert finding.looked_at == (*sorted(site.interfaces), "igw-1")
    site.interfaces["eni-alb-a"].pop("Association")
    assert told(way_in(site.account())) == ("pass", ["the internet reaches eni-alb-b"])


@pytest.mark.parametrize("closed", ["group", "addresses", "gone"])
def test_the_internet_does_not_reach_the_load_balancer(site, closed):
    if closed == "group":
        site.ingress["sg-alb"] = []
    for zone in "ab" if closed != "group" else "":
        if closed == "gone":
            site.interfaces.pop(f"eni-alb-{zone}")
        else:
            site.interfaces[f"eni-alb-{zone}"].pop("Association")
    assert told(way_in(site.account())) == ("fail", ["nothing reaches the load balancer"])


def test_a_peering_connection_alone_does_not_make_the_load_balancer_reachable(site):
    site.routes["rtb-public"] = [site.routes["rtb-public"][0], route("192.168.0.0/16", "pcx-1")]
    assert told(way_in(site.account())) == ("fail", ["nothing reaches the load balancer"])


def test_whatever_else_the_internet_reaches(site):
    site.add("eni-open", "subnet-public-b", "sg-alb", public=True)
    assert told(way_in(site.account())) == (
        "fail",
        reaches(PUBLIC, "eni-open (local-alb)", "tcp 80", "tcp 443", more=9),
    )
    site.interfaces["eni-open"]["InterfaceType"] = "nat_gateway"  # it lets nobody in that it did not ask
    assert way_in(site.account()).result == "pass"
    site.interfaces.pop("eni-open")
    site.add("eni-bare", "subnet-public-b", public=True)
    _, why = told(way_in(without_groups(site, "eni-bare")))
    assert why[0] == "0.0.0.0 reaches eni-bare (no group) on tcp 0"


def test_administrators_reach_nothing_but_the_bastion(site):
    site.add("eni-open", "subnet-public-b", "sg-bastion", public=True)
    assert told(way_in(site.account())) == ("fail", reaches(["203.0.113.0"], "eni-open (local-bastion)", "tcp 22"))


def test_what_comes_by_a_peering_connection_is_not_the_internet(site):
    site.routes["rtb-private"].append(route("192.168.0.0/16", "pcx-1"))
    site.routes["rtb-public"].append(route("192.168.0.0/16", "pcx-1"))
    site.ingress["sg-web"].append(allow(8080, "192.168.0.0/16"))
    assert way_in(site.account()).result == "pass"
    site.ingress["sg-bastion"].append(allow(22, "192.168.0.0/16", "198.51.100.7/32"))
    assert told(way_in(site.account())) == ("fail", reaches(["198.51.100.7"], "i-bastion (local-bastion)", "tcp 22"))


@pytest.mark.parametrize(
    ("opened", "told_of"),
    [
        (allow(443, OFFICE), "203.0.113.0 reaches i-bastion (local-bastion) on tcp 443"),
        (allow(22, OFFICE, protocol="udp"), "203.0.113.0 reaches i-bastion (local-bastion) on udp 22"),
        (allow(22, "203.0.112.7/32"), "203.0.112.7 reaches i-bastion (local-bastion) on tcp 22"),
        (allow(0, OFFICE), "203.0.113.0 reaches i-bastion (local-bastion) on tcp 0"),
        (allow(65535, OFFICE), "203.0.113.0 reaches i-bastion (local-bastion) on tcp 65535"),
        (allow(8, OFFICE, protocol="icmp"), "203.0.113.0 reaches i-bastion (local-bastion) on icmp 8"),
        (allow(0, OFFICE, protocol="icmp"), "203.0.113.0 reaches i-bastion (local-bastion) on icmp 0"),
        (allow(None, OFFICE, protocol="50"), "203.0.113.0 reaches i-bastion (local-bastion) on 50 0"),
        (allow(22, OFFICE), ""),
    ],
)
def test_only_administrators_reach_the_bastion_and_only_by_ssh(site, opened, told_of):
    site.ingress["sg-bastion"].append(opened)
    result, why = told(way_in(site.account()))
    assert (result, why[0]) == ("fail", told_of) if told_of else (result, why[1:]) == ("pass", [])


def test_an_echo_by_ipv6(site):
    site.vpcs[0]["Ipv6CidrBlockAssociationSet"] = site.subnets["subnet-public-a"]["Ipv6CidrBlockAssociationSet"] = [
        {"Ipv6CidrBlock": "2600:1f14::/64", "Ipv6CidrBlockState": {"State": "associated"}}
    ]
    site.routes["rtb-public"].append(route("::/0", "igw-1"))
    site.entries += [{**each, "RuleNumber": 101, "CidrBlock": None, "Ipv6CidrBlock": "::/0"} for each in site.entries]
    site.interfaces["eni-bastion"]["Ipv6Addresses"] = [{"Ipv6Address": "2600:1f14::7"}]
    site.ingress["sg-bastion"].append(allow(128, "2a00::/16", protocol="icmpv6"))
    assert told(way_in(site.account())) == ("fail", reaches(["2a00::"], "i-bastion (local-bastion)", "icmpv6 128"))


@pytest.mark.parametrize("mode", ["ssm", "instance_connect_endpoint"])
def test_only_with_ssh_may_the_internet_reach_the_bastion(mode):
    site = Site(compute_bastion=mode)
    site.see("instance_connect_endpoint", "eice-1", interfaces=["eni-bastion"])
    site.instances[0]["Tags"] = tags(key="instance.bastion-ssm")
    site.ingress["sg-bastion"] = [allow(22, "203.0.0.0/16")]
    assert told(way_in(site.account())) == ("fail", reaches(["203.0.0.0"], "i-bastion (local-bastion)", "tcp 22"))


@pytest.mark.parametrize("where", ["subnet-public-b", "subnet-private-b"])
def test_who_gets_in_by_no_port_is_tried_with_one(site, where, monkeypatch):
    """Without a public address, or without a route to the internet: also of groups with many ports it takes no time."""
    tried, reach = [], claims_of_access.reach

    def spy(network, source, end, port, protocol="tcp", **more):
        tried.append((source.id, end.id, protocol))
        return reach(network, source, end, port, protocol, **more)

    monkeypatch.setattr(claims_of_access, "reach", spy)
    site.ingress["sg-hand"], site.egress["sg-hand"] = [allow(port, ANYONE) for port in range(1000, 1100, 2)], []
    site.names["sg-hand"] = "by-hand"
    site.add("eni-hand", where, "sg-hand")
    assert way_in(site.account()).result == "pass"
    for protocol in ("tcp", "udp", "another protocol"):
        assert tried.count(("0.0.0.0", "eni-hand", protocol)) == 1
