"""Claims 1 and 5, of the subnets and their way out, proved from what AWS would describe."""

import pytest

from runbook_lib.resources.base import Observed
from runbook_lib.resources.interface_endpoint import InterfaceEndpoint
from runbook_lib.stacks.checks.claims_of_network import nat_of, one_vpc, way_out
from tests.stacks.checks.described_site import ANYONE, B, Site, allow, route, told

PRIVATE = ["subnet-private-a", "subnet-private-b"]
SUBNETS = (*PRIVATE, "subnet-public-a", "subnet-public-b")
NONE = "the environment has no private subnet"


@pytest.fixture
def site():
    return Site()


def untagged(site, tier):
    for own in site.subnets:
        site.subnets[own]["Tags"] = [] if tier in own else site.subnets[own]["Tags"]


def test_one_vpc_with_two_subnets_of_each_kind(site):
    finding = one_vpc(site.account())
    assert told(finding) == ("pass", ["2 public and 2 private subnets in us-west-2a, us-west-2b"])
    assert finding.looked_at == ("vpc-1", *SUBNETS)


@pytest.mark.parametrize("vpcs", [(), ("vpc-1", "vpc-2")])
def test_no_vpc_or_two(site, vpcs):
    site.vpcs = [{**site.vpcs[0], "VpcId": each} for each in vpcs]
    finding = one_vpc(site.account())
    assert told(finding) == ("fail", [f"{len(vpcs)} VPCs are tagged as this environment's"])
    assert finding.looked_at == vpcs


def test_a_subnet_is_public_by_its_routes_whatever_its_name(site):
    site.tables["subnet-public-b"] = "rtb-private"
    told_of = "1 public subnets, in us-west-2a: at least two in two zones are needed"
    assert told(one_vpc(site.account())) == ("fail", [told_of])
    for own in site.tables:
        site.tables[own] = "rtb-public"
    untagged(site, "private")
    assert told(one_vpc(site.account())) == ("fail", [
        "0 private subnets, in no zone: at least two in two zones are needed",
    ])  # fmt: skip


def test_two_subnets_in_one_zone(site):
    for own in ("subnet-public-a", "subnet-private-a"):
        site.subnets[own]["AvailabilityZone"] = B
    assert told(one_vpc(site.account())) == ("fail", [
        f"2 {kind} subnets, in us-west-2b: at least two in two zones are needed" for kind in ("public", "private")
    ])  # fmt: skip


def test_the_zones_of_many_subnets_are_told_once_and_in_order(site):
    for number, zone in enumerate("dcab" * 2):
        site.subnets[f"subnet-{number}"] = {
            "CidrBlock": f"10.20.{10 + number}.0/24",
            "AvailabilityZone": f"us-west-2{zone}",
        }
        site.tables[f"subnet-{number}"] = "rtb-public"
    holds = "10 public and 2 private subnets in us-west-2a, us-west-2b, us-west-2c, us-west-2d"
    finding = one_vpc(site.account())
    assert told(finding) == ("pass", [holds])
    assert finding.looked_at == ("vpc-1", *sorted(site.subnets))


def test_a_subnet_of_another_region(site):
    site.subnets["subnet-private-b"]["AvailabilityZone"] = "us-east-1b"
    assert told(one_vpc(site.account())) == ("fail", ["subnet-private-b is in us-east-1b, not in us-west-2"])


def test_the_way_out_by_the_nat_gateway(site):
    finding = way_out(site.account())
    assert told(finding) == ("pass", [f"{own} through nat-1" for own in PRIVATE])
    assert finding.looked_at == (*PRIVATE, "rtb-public", "rtb-private", "nat-1")


def test_without_private_subnets_nothing_has_a_way_out(site):
    untagged(site, "private")
    finding = way_out(site.account())
    assert told(finding) == ("fail", [NONE])
    assert finding.looked_at == ("rtb-public", "rtb-private", "nat-1")


def test_a_subnet_without_a_way_out(site):
    """Each of them is told."""
    site.nats["nat-1"]["State"] = "failed"
    account = site.account()
    stopped = "BAD_STATE at nat-1: the NAT gateway is failed"
    assert told(way_out(account)) == ("fail", [f"{own}: {stopped}" for own in PRIVATE])
    assert nat_of(account, PRIVATE[0]) == ("", stopped)
    site.routes["rtb-b"] = [site.routes["rtb-private"][0]]
    site.tables["subnet-private-b"], site.nats["nat-1"]["State"] = "rtb-b", "available"
    account = site.account()
    stopped = "NO_ROUTE_TO_DESTINATION at rtb-b: no route matches 1.1.1.1"
    assert told(way_out(account)) == ("fail", [f"subnet-private-b: {stopped}"])
    assert [nat_of(account, own) for own in PRIVATE] == [("nat-1", ""), ("", stopped)]


@pytest.mark.parametrize("ports", [(32767, 32767), (40000, 40010), (61000, 61000)])
def test_an_acl_that_lets_answers_to_some_ports_in_only(site, ports):
    site.entries.insert(0, {**site.entries[0], "RuleNumber": 50, "RuleAction": "deny", "Protocol": "6",
                            "PortRange": {"From": ports[0], "To": ports[1]}})  # fmt: skip
    denied = f"SUBNET_ACL_RESTRICTION at acl-1: rule 50 denies replies from 1.1.1.1, tcp port {ports[0]}"
    wrong = ports[0] == 40000
    assert way_out(site.account()).result == ("fail" if wrong else "pass")
    assert nat_of(site.account(), PRIVATE[0]) == (("", denied) if wrong else ("nat-1", ""))


def test_a_way_out_by_something_else(site):
    site.routes["rtb-private"][1] = route(ANYONE, "tgw-1")
    problem = "it leaves without a NAT gateway: a server in subnet-private-a → acl-1 → rtb-private → tgw-1 → 1.1.1.1"
    assert nat_of(site.account(), PRIVATE[0]) == ("", problem)
    assert told(way_out(site.account())) == ("fail", [
        f"{own}: {problem.replace(PRIVATE[0], own)}" for own in PRIVATE
    ])  # fmt: skip


def test_only_web_matters_of_the_way_out(site):
    """Servers ask by HTTPS: what an ACL denies of other ports and protocols stops nobody."""
    deny = {**site.entries[1], "RuleNumber": 50, "RuleAction": "deny", "Protocol": "6"}
    site.entries[:0] = [{**deny, "PortRange": {"From": low, "To": high}} for low, high in ((1, 442), (444, 1023))]
    assert way_out(site.account()).result == "pass"
    site.entries[:0] = [{**deny, "PortRange": {"From": 443, "To": 443}}]
    stopped = "SUBNET_ACL_RESTRICTION at acl-1: rule 50 denies to 1.1.1.1, tcp port 443"
    assert told(way_out(site.account())) == ("fail", [f"{own}: {stopped}" for own in PRIVATE])


def test_a_nat_gateway_must_be_in_a_public_subnet(site):
    """Its routes lead to an internet gateway that is attached."""
    site.nats["nat-1"]["SubnetId"] = "subnet-private-b"
    site.routes["rtb-b"] = [site.routes["rtb-private"][0], route("1.1.1.0/24", "igw-1"), route(ANYONE, "nat-1")]
    site.tables["subnet-private-b"] = "rtb-b"
    assert nat_of(site.account(), PRIVATE[0]) == ("nat-1", "")
    site.routes["rtb-b"][1] = route("1.1.1.0/24", "igw-2")
    gone = "UNASSOCIATED_COMPONENT at igw-2: the internet gateway is not attached to the VPC"
    assert nat_of(site.account(), PRIVATE[0]) == ("", gone)


def two_gateways(site):
    site.nats["nat-2"] = {"SubnetId": "subnet-public-b", "State": "available"}
    site.routes["rtb-b"] = [site.routes["rtb-private"][0], route(ANYONE, "nat-2")]
    site.tables["subnet-private-b"] = "rtb-b"


@pytest.mark.parametrize(("nat", "problem"), [
    ("single", ""), ("per_zone", "nat-1 is in us-west-2a, and nat: per_zone promises one in us-west-2b")
])  # fmt: skip
def test_per_zone_promises_a_gateway_in_each_zone(nat, problem):
    site = Site(network_nat=nat)
    assert nat_of(site.account(), PRIVATE[0]) == ("nat-1", "")
    assert nat_of(site.account(), PRIVATE[1]) == ("nat-1", problem)
    result = (
        ("fail", [f"subnet-private-b: {problem}"]) if problem else ("pass", [f"{own} through nat-1" for own in PRIVATE])
    )
    assert told(way_out(site.account())) == result
    two_gateways(site)
    assert told(way_out(site.account())) == ("pass", [f"{PRIVATE[0]} through nat-1", f"{PRIVATE[1]} through nat-2"])


@pytest.fixture
def closed():
    """An environment that nothing leads out of: an endpoint of each service in each zone."""
    site = Site(network_nat="none")
    site.routes["rtb-private"].pop()
    site.nats = {}
    site.ingress["sg-endpoints"], site.egress["sg-endpoints"] = [allow(443, "sg-web")], []
    site.names["sg-endpoints"] = "local-endpoints"
    for zone in "ab":
        site.add(f"eni-ep-{zone}", f"subnet-private-{zone}", "sg-endpoints", InterfaceType="vpc_endpoint")
    for each in services(site):
        site.observed[each] = Observed(f"vpce-{each.service}", {"subnets": PRIVATE})
    return site


def services(site):
    return list(site.environment.every(InterfaceEndpoint))


def test_endpoints_instead_of_a_way_out(closed):
    names = [each.service for each in services(closed)]
    holds = f"nothing leads to the internet; endpoints of {', '.join(names)} answer instead"
    finding = way_out(closed.account())
    assert told(finding) == ("pass", [holds])
    assert finding.looked_at == (*PRIVATE, "rtb-public", "rtb-private", *(f"vpce-{each}" for each in names))


def test_a_way_out_against_the_parameters(closed):
    closed.routes["rtb-private"].append(route("1.0.0.0/8", "tgw-1"))
    told_of = "it reaches the internet, against nat: none: a server in"
    assert told(way_out(closed.account())) == ("fail", [
        f"{own}: {told_of} {own} → acl-1 → rtb-private → tgw-1 → 1.1.1.1" for own in PRIVATE
    ])  # fmt: skip
    closed.tables["subnet-private-a"] = "rtb-public"  # without a public address, nobody passes the internet gateway
    _, why = told(way_out(closed.account()))
    assert [line.partition(":")[0] for line in why] == PRIVATE[1:]


def test_a_way_out_for_https_only_is_one_and_one_without_answers_is_none(closed):
    closed.routes["rtb-private"].append(route("1.0.0.0/8", "tgw-1"))
    deny = {**closed.entries[1], "RuleNumber": 50, "RuleAction": "deny", "Protocol": "6", "CidrBlock": "1.0.0.0/8"}
    closed.entries[:0] = [{**deny, "PortRange": {"From": low, "To": high}} for low, high in ((0, 442), (444, 65535))]
    assert [line.partition(":")[0] for line in way_out(closed.account()).why] == PRIVATE
    closed.entries[:2] = [{**deny, "Egress": False, "PortRange": {"From": 32768, "To": 60999}}]
    assert way_out(closed.account()).result == "pass"


def test_endpoints_without_private_subnets(closed):
    untagged(closed, "private")
    assert told(way_out(closed.account())) == ("fail", [NONE])


def test_endpoints_that_do_not_answer(closed):
    """One is missing, one is not ready yet, one is in no subnet, and one in one only."""
    missing, pending, nowhere, half, *_ = services(closed)
    closed.observed[missing] = None
    closed.observed[pending] = Observed("vpce-2", {"subnets": []}, ready=False, status="pending")
    closed.observed[nowhere] = Observed("vpce-3", {"subnets": ["subnet-public-a"]})
    closed.observed[half] = Observed("vpce-4", {"subnets": [PRIVATE[1]]})
    finding = way_out(closed.account())
    assert told(finding) == ("fail", [
        f"there is no endpoint of {missing.service}",
        f"the endpoint of {pending.service} is pending",
        f"the endpoint of {nowhere.service} is not in subnet-private-a, subnet-private-b",
        f"the endpoint of {half.service} is not in subnet-private-a",
    ])  # fmt: skip
    assert finding.looked_at[4:7] == ("vpce-2", "vpce-3", "vpce-4")


def test_a_web_server_that_does_not_reach_an_endpoint(closed):
    closed.ingress["sg-endpoints"] = [allow(443, "10.20.2.0/24"), allow(80, "sg-web")]
    closed.interfaces["eni-ep-b"]["Description"] = "VPC Endpoint Interface vpce-logs"
    stopped = (
        "ENI_SG_RULES_MISMATCH at sg-endpoints: no rule allows traffic from a server in subnet-private-b, tcp port 443"
    )
    assert told(way_out(closed.account())) == ("fail", [
        f"a web server in subnet-private-b does not reach {end}: {stopped}"
        for end in ("eni-ep-a", "VPC Endpoint Interface vpce-logs")
    ])  # fmt: skip
    closed.see("security_group.web", None)
    assert way_out(closed.account()).result == "pass"


def test_an_endpoint_that_answers_to_some_ports_only(closed):
    closed.ingress["sg-other"], closed.egress["sg-other"], closed.names["sg-other"] = [], [], "other"
    closed.add("eni-other", "subnet-private-a", "sg-other")  # no endpoint
    closed.entries.insert(0, {**closed.entries[0], "RuleNumber": 50, "RuleAction": "deny", "Protocol": "6",
                              "CidrBlock": "10.20.2.0/24", "PortRange": {"From": 50000, "To": 50010}})  # fmt: skip
    denied = "SUBNET_ACL_RESTRICTION at acl-1: rule 50 denies replies from 10.20.2.17, tcp port 50000"
    assert told(way_out(closed.account())) == ("fail", [
        f"a web server in subnet-private-b does not reach eni-ep-a: {denied}"
    ])  # fmt: skip
    closed.entries[0]["PortRange"] = {"From": 1024, "To": 32767}
    assert way_out(closed.account()).result == "pass"
