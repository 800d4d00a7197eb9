"""Each component that a connection passes, and each way in which it stops one, with the whole answer."""

from ipaddress import ip_address

import pytest

from runbook_lib.stacks.checks.paths.model import Nat, Outside
from runbook_lib.stacks.checks.paths.trace import Path, reach
from tests.stacks.checks.paths.by_hand import entry, interface, network, route, rule, subnet

A = interface("eni-a", "subnet-a", "10.0.1.4")
B = interface("eni-b", "subnet-b", "10.0.2.4", groups=("sg-b",))
A6 = interface("eni-a", "subnet-a", "2001:db8:0:1::4")
PUBLIC = interface("eni-a", "subnet-a", "10.0.1.4", public=True)
WEB, WEB6 = Outside(ip_address("8.8.8.8")), Outside(ip_address("2600::1"))
ACL, DENIED = "SUBNET_ACL_RESTRICTION", {"allow": False}
NO_ROUTE, NOWHERE = "NO_ROUTE_TO_DESTINATION", "NO_POSSIBLE_DESTINATION"
ONE_PORT = range(1024, 1025)
ACROSS = ("eni-a", "sg-a", "acl-a", "rtb-a", "acl-b", "sg-b", "eni-b")
DEFAULT = [route("0.0.0.0/0", "igw-1"), route("::/0", "igw-1")]


def opened(*entries, block="0.0.0.0/0"):
    """An ACL that lets everything else pass."""
    return (*entries, entry(200, "in", block), entry(200, "out", block))


def test_neighbours_in_a_subnet_meet_no_acl_and_no_route():
    neighbour = interface("eni-c", "subnet-a", "10.0.1.5", groups=("sg-b",))
    assert reach(network(acls={}, tables={}), A, neighbour, 443) == Path(("eni-a", "sg-a", "sg-b", "eni-c"))


def test_from_one_subnet_to_another():
    path = reach(network(), A, B, 443)
    assert path == Path(ACROSS)
    assert (path.code, path.component, path.detail, path.partly) == ("", "", "", "")
    assert path.reachable
    assert str(path) == "eni-a → sg-a → acl-a → rtb-a → acl-b → sg-b → eni-b"


def test_an_acl_of_both_subnets_is_passed_twice():
    shared = network(subnets=[subnet("b", 2, acl="acl-a")])
    assert reach(shared, A, B, 443).steps == ("eni-a", "sg-a", "acl-a", "rtb-a", "acl-a", "sg-b", "eni-b")


@pytest.mark.parametrize(
    ("changes", "passed", "component", "detail"),
    [
        ({"a": opened(entry(90, "out", "10.0.2.4/32", **DENIED))}, 2, "acl-a",
         "rule 90 denies to 10.0.2.4, tcp port 443"),
        ({"a": (entry(32766, "out", **DENIED),)}, 2, "acl-a", "rule 32766 denies to 10.0.2.4, tcp port 443"),
        ({"a": (entry(32767, "out", **DENIED),)}, 2, "acl-a", "no rule allows to 10.0.2.4, tcp port 443"),
        ({"a": (entry(1, "in"), entry(2, "out", "10.0.3.0/24"))}, 2, "acl-a",
         "no rule allows to 10.0.2.4, tcp port 443"),
        ({"b": opened(entry(7, "in", "10.0.1.4/32", **DENIED))}, 4, "acl-b",
         "rule 7 denies from 10.0.1.4, tcp port 443"),
        ({"b": (entry(1, "in", protocol="udp"), entry(2, "out"))}, 4, "acl-b",
         "no rule allows from 10.0.1.4, tcp port 443"),
        ({"b": (entry(1, "in", protocol="tcp", low=80, high=442), entry(2, "out"))}, 4, "acl-b",
         "no rule allows from 10.0.1.4, tcp port 443"),
        ({"b": (entry(1, "in"),)}, 6, "acl-b", "no rule allows replies to 10.0.1.4, tcp port 1024"),
        ({"a": opened(entry(5, "in", "10.0.2.4/32", protocol="tcp", low=1024, high=1024, **DENIED))}, 6, "acl-a",
         "rule 5 denies replies from 10.0.2.4, tcp port 1024"),
    ],
)  # fmt: skip
def test_an_acl_stops_what_goes_and_what_comes_back(changes, passed, component, detail):
    """With the components that were passed before; a reply adds none to them."""
    path = reach(network(acls=changes), A, B, 443, ports=ONE_PORT)
    assert path == Path(ACROSS[:passed], ACL, component, detail)
    assert not path.reachable
    assert str(path) == f"{ACL} at {component}: {detail}"


def test_the_first_entry_of_an_acl_decides():
    allowed = [entry(1, "in", "10.0.1.4/32"), entry(2, "in", **DENIED), entry(3, "out")]
    assert reach(network(acls={"b": allowed}), A, B, 443).reachable
    assert not reach(network(acls={"b": [allowed[1], allowed[0], allowed[2]]}), A, B, 443).reachable


def test_a_subnet_of_which_no_acl_or_table_is_known_is_named_itself():
    hidden = network(subnets=[subnet("a", 1, acl="")])
    assert reach(hidden, A, B, 443) == Path(
        ("eni-a", "sg-a"), ACL, "subnet-a", "no rule allows to 10.0.2.4, tcp port 443"
    )
    hidden = network(subnets=[subnet("a", 1, table="")])
    assert reach(hidden, A, B, 443) == Path(
        ("eni-a", "sg-a", "acl-a"), NO_ROUTE, "subnet-a", "no route matches 10.0.2.4"
    )


@pytest.mark.parametrize(
    ("tables", "passed", "code", "component", "detail"),
    [
        ({"rtb-a": ()}, 3, NO_ROUTE, "rtb-a", "no route matches 10.0.2.4"),
        ({"rtb-a": (route("10.0.0.0/8", "pcx-1", active=False),)}, 3, "BAD_STATE_ROUTE", "rtb-a",
         "the route 10.0.0.0/8 → pcx-1 is a blackhole"),
        ({"rtb-a": (route("10.0.0.0/16", "local"), route("10.0.2.0/24", "eni-f"))}, 4, "MORE_SPECIFIC_ROUTE", "rtb-a",
         "a more specific route sends 10.0.2.4 to eni-f"),
        ({"rtb-b": ()}, 6, NO_ROUTE, "rtb-b", "no route matches 10.0.1.4"),
        ({"rtb-b": (route("10.0.0.0/8", "eni-f"),)}, 6, "MORE_SPECIFIC_ROUTE", "rtb-b",
         "a more specific route sends 10.0.1.4 to eni-f"),
    ],
)  # fmt: skip
def test_a_route_stops_what_goes_and_what_comes_back(tables, passed, code, component, detail):
    whole = network()
    path = reach(network(tables={**whole.tables, **tables}), A, B, 443)
    assert path == Path(ACROSS[:passed], code, component, detail)


TO, FROM = "no rule allows traffic to eni-b, tcp port 443", "no rule allows traffic from eni-a, tcp port 443"
ANYONE = [rule("0.0.0.0/0")]


@pytest.mark.parametrize(
    ("groups", "passed", "code", "component", "detail"),
    [
        ({"sg-a": (ANYONE, ())}, 1, "SG_HAS_NO_RULES", "sg-a", TO),
        ({"sg-a": (ANYONE, [rule("10.0.2.5/32")])}, 1, "ENI_SG_RULES_MISMATCH", "sg-a", TO),
        ({"sg-a": (ANYONE, [rule("0.0.0.0/0", "udp")])}, 1, "ENI_SG_RULES_MISMATCH", "sg-a", TO),
        ({"sg-b": ((), ANYONE)}, 5, "SG_HAS_NO_RULES", "sg-b", FROM),
        ({"sg-b": ([rule("sg-c"), rule("10.0.1.4/32", "tcp", 442, 442)], ANYONE)}, 5, "ENI_SG_RULES_MISMATCH", "sg-b",
         FROM),
    ],
)  # fmt: skip
def test_a_security_group_stops_what_none_of_its_rules_allows(groups, passed, code, component, detail):
    assert reach(network(groups=groups), A, B, 443) == Path(ACROSS[:passed], code, component, detail)


@pytest.mark.parametrize("peer", ["10.0.1.4/32", "sg-a"])
def test_a_rule_allows_an_address_or_the_members_of_a_group(peer):
    """Security groups remember connections: no rule lets the reply out."""
    groups = {"sg-a": ((), [rule("sg-b", "tcp", 443)]), "sg-b": ([rule("sg-c"), rule(peer, "tcp", 443)], ())}
    assert reach(network(groups=groups), A, B, 443) == Path(ACROSS)


def test_one_group_of_several_is_enough():
    """Also beside one that the VPC does not show; the path names the first that allows."""
    both = interface("eni-b", "subnet-a", "10.0.1.5", groups=("sg-elsewhere", "sg-b", "sg-c", "sg-a"))
    own = network(groups={"sg-b": ([rule("10.9.0.0/16")], ())})
    assert reach(own, A, both, 443) == Path(("eni-a", "sg-a", "sg-c", "eni-b"))
    none = network(groups={name: ([rule("10.9.0.0/16")], ANYONE) if name == "sg-b" else ((), ANYONE)
                           for name in ("sg-a", "sg-b", "sg-c")})  # fmt: skip
    code, component = "ENI_SG_RULES_MISMATCH", "sg-elsewhere, sg-b, sg-c, sg-a"
    assert reach(none, A, both, 443) == Path(("eni-a", "sg-a"), code, component, FROM)


def test_what_has_no_groups_and_what_is_subject_to_none():
    """An interface has at least one group; what AWS runs without one, none asks about."""
    bare, free = (interface("eni-b", "subnet-a", "10.0.1.5", groups=groups) for groups in ((), None))
    assert reach(network(), A, bare, 443) == Path(("eni-a", "sg-a"), "SG_HAS_NO_RULES", "eni-b", FROM)
    assert reach(network(), A, free, 443) == Path(("eni-a", "sg-a", "eni-b"))
    assert reach(network(), free, A, 443) == Path(("eni-b", "sg-a", "eni-a"))
    members = network(groups={"sg-a": ([rule("sg-b")], ())})
    assert reach(members, free, A, 443).code == "ENI_SG_RULES_MISMATCH"


def test_a_group_is_no_peer_of_what_is_outside():
    own = network(groups={"sg-a": ([rule("sg-a")], [rule("sg-a")])}, routes={"a": DEFAULT}, gateways={"igw-1"})
    code, detail = "ENI_SG_RULES_MISMATCH", "no rule allows traffic {} 8.8.8.8, tcp port 443"
    assert reach(own, PUBLIC, WEB, 443) == Path(("eni-a",), code, "sg-a", detail.format("to"))
    passed = ("8.8.8.8", "igw-1", "acl-a")
    assert reach(own, WEB, PUBLIC, 443) == Path(passed, code, "sg-a", detail.format("from"))


OUT = ("eni-a", "sg-a", "acl-a", "rtb-a")


@pytest.mark.parametrize("target", ["vgw-1", "pcx-1", "tgw-1", "vpce-1", "eigw-1", "lgw-1"])
def test_other_networks_are_not_looked_into(target):
    own = network(routes={"a": [route("0.0.0.0/0", target)]})
    assert reach(own, A, WEB, 443) == Path((*OUT, target, "8.8.8.8"))
    closed = network(routes={"a": [route("0.0.0.0/0", target)]}, acls={"a": (entry(1, "out"),)})
    detail = "no rule allows replies from 8.8.8.8, tcp port 1024"
    assert reach(closed, A, WEB, 443) == Path((*OUT, target), ACL, "acl-a", detail)


@pytest.mark.parametrize(("source", "destination"), [(PUBLIC, WEB), (A6, WEB6)])
def test_through_an_internet_gateway(source, destination):
    own = network(routes={"a": DEFAULT}, gateways={"igw-0", "igw-1"})
    assert reach(own, source, destination, 443) == Path((*OUT, "igw-1", destination.id))
    assert reach(own, destination, source, 443) == Path((destination.id, "igw-1", "acl-a", "sg-a", "eni-a"))


def test_an_internet_gateway_needs_a_public_address_and_its_vpc():
    own = network(routes={"a": DEFAULT}, gateways={"igw-1"})
    detail, code = "eni-a has no public address", "IGW_PUBLIC_IP_ASSOCIATION_FOR_{}"
    assert reach(own, A, WEB, 443) == Path(OUT, code.format("EGRESS"), "igw-1", detail)
    assert reach(own, WEB, A, 443) == Path(("8.8.8.8",), code.format("INGRESS"), "igw-1", detail)
    loose = network(routes={"a": DEFAULT}, gateways={"igw-0"})
    code, detail = "UNASSOCIATED_COMPONENT", "the internet gateway is not attached to the VPC"
    assert reach(loose, PUBLIC, WEB, 443) == Path(OUT, code, "igw-1", detail)
    assert reach(loose, WEB, PUBLIC, 443) == Path(("8.8.8.8",), code, "igw-1", detail)


@pytest.mark.parametrize(
    ("address", "name"),
    [("10.9.0.1", "RFC1918"), ("172.16.0.0", "RFC1918"), ("172.31.255.255", "RFC1918"), ("192.168.1.1", "RFC1918"),
     ("100.64.0.0", "RFC6598"), ("100.127.255.255", "RFC6598"), ("172.32.0.0", ""), ("100.128.0.0", ""),
     ("9.255.255.255", ""), ("192.169.0.0", "")],
)  # fmt: skip
def test_an_internet_gateway_knows_no_private_addresses(address, name):
    own, other = network(routes={"a": DEFAULT}, gateways={"igw-1"}), Outside(ip_address(address))
    for path, steps, way in (
        (reach(own, PUBLIC, other, 443), OUT, "IGW_DESTINATION_ADDRESS_NOT_IN_{}_EGRESS"),
        (reach(own, other, PUBLIC, 443), (address,), "IGW_SOURCE_ADDRESS_NOT_IN_{}_INGRESS"),
    ):
        if name:
            assert path == Path(steps, way.format(name), "igw-1", f"{address} is a private address")
        else:
            assert path.reachable


def test_through_an_interface_that_forwards():
    code = "ENI_SOURCE_DEST_CHECK_RESTRICTION"
    detail = "the interface takes no packets that are not addressed to it"
    forwards = interface("eni-f", "subnet-b", "10.0.2.9", source_dest_check=False)
    for middle, expected in (
        ({"eni-f": forwards}, Path((*OUT, "eni-f", "8.8.8.8"))),
        ({"eni-f": interface("eni-f", "subnet-b", "10.0.2.9")}, Path(OUT, code, "eni-f", detail)),
        ({}, Path(OUT, code, "eni-f", detail)),
    ):
        own = network(routes={"a": [route("0.0.0.0/0", "eni-f")]}, interfaces=middle)
        assert reach(own, A, WEB, 443) == expected


def test_an_address_of_the_vpc_that_nothing_has():
    """A place where nothing is, told from the outside."""
    nobody = Outside(ip_address("10.0.9.9"))
    assert reach(network(), A, nobody, 443) == Path(OUT, NOWHERE, "vpc-1", "10.0.9.9 belongs to nothing in the VPC")


def test_an_acl_stops_what_leaves_the_vpc():
    own = network(routes={"a": DEFAULT}, gateways={"igw-1"}, acls={"a": opened(entry(1, "out", "8.0.0.0/8", **DENIED))})
    assert reach(own, PUBLIC, WEB, 443) == Path(
        ("eni-a", "sg-a"), ACL, "acl-a", "rule 1 denies to 8.8.8.8, tcp port 443"
    )


NAT = ("eni-a", "sg-a", "acl-a", "rtb-a", "acl-n", "nat-1", "acl-n", "rtb-n", "igw-1", "8.8.8.8")


def behind_nat(nat_subnet="n", state="available", **more):
    """What leaves subnet a goes through a NAT gateway."""
    whole = {
        "routes": {"a": [route("0.0.0.0/0", "nat-1"), route("::/0", "nat-1")], "n": DEFAULT},
        "nats": {"nat-1": Nat("nat-1", f"subnet-{nat_subnet}", state)},
        "gateways": {"igw-1"},
    }
    return network(**whole | more)


def test_through_a_nat_gateway():
    """It has its own public address; and its subnet's ACL sees the packet come and go."""
    assert reach(behind_nat(), A, WEB, 443) == Path(NAT)


def test_a_nat_gateway_in_the_same_subnet_sends_nothing_on():
    """Its packets meet the route that led to it; they are in the subnet already, and meet the ACL on their way out."""
    code, detail = NO_ROUTE, "nat-1 is in a subnet without an internet gateway"
    steps = (*OUT, "nat-1", "acl-a", "rtb-a")
    assert reach(behind_nat("a"), A, WEB, 443) == Path(steps, code, "rtb-a", detail)


def test_a_nat_gateway_translates_ipv4_only():
    assert reach(behind_nat(), A6, WEB6, 443) == Path(OUT, NO_ROUTE, "nat-1", "the NAT gateway translates IPv4 only")


def test_the_internet_gateway_behind_a_nat_gateway_knows_no_private_addresses():
    code = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS"
    private = Outside(ip_address("192.168.1.1"))
    assert reach(behind_nat(), A, private, 443) == Path(NAT[:8], code, "igw-1", "192.168.1.1 is a private address")


@pytest.mark.parametrize(
    ("entries", "passed", "component", "detail"),
    [
        ({"n": opened(entry(1, "in", "10.0.1.4/32", **DENIED))}, 4, "acl-n",
         "rule 1 denies from 10.0.1.4, tcp port 443"),
        ({"n": opened(entry(2, "out", "8.0.0.0/8", **DENIED))}, 6, "acl-n", "rule 2 denies to 8.8.8.8, tcp port 443"),
        ({"n": opened(entry(3, "in", "8.0.0.0/8", **DENIED))}, 9, "acl-n",
         "rule 3 denies replies from 8.8.8.8, tcp port 1024"),
        ({"n": opened(entry(4, "out", "10.0.1.4/32", **DENIED))}, 9, "acl-n",
         "rule 4 denies replies to 10.0.1.4, tcp port 1024"),
        ({"a": opened(entry(5, "in", "8.0.0.0/8", **DENIED))}, 9, "acl-a",
         "rule 5 denies replies from 8.8.8.8, tcp port 1024"),
    ],
)  # fmt: skip
def test_an_acl_on_the_way_through_a_nat_gateway(entries, passed, component, detail):
    assert reach(behind_nat(acls=entries), A, WEB, 443) == Path(NAT[:passed], ACL, component, detail)


@pytest.mark.parametrize(
    ("changes", "passed", "code", "component", "detail"),
    [
        ({"state": "pending"}, 4, "BAD_STATE", "nat-1", "the NAT gateway is pending"),
        ({"nats": {}}, 4, "BAD_STATE", "nat-1", "the NAT gateway is not there"),
        ({"gateways": set()}, 8, "UNASSOCIATED_COMPONENT", "igw-1", "the internet gateway is not attached to the VPC"),
        ({"subnets": [subnet("n", 3, table="")]}, 7, NO_ROUTE, "subnet-n", "no route matches 8.8.8.8"),
        ({"routes": {"a": [route("0.0.0.0/0", "nat-1")], "n": [route("0.0.0.0/0", "nat-2")]}}, 8, NO_ROUTE, "rtb-n",
         "nat-1 is in a subnet without an internet gateway"),
    ],
)  # fmt: skip
def test_a_nat_gateway_stops_what_it_cannot_send_on(changes, passed, code, component, detail):
    assert reach(behind_nat(**changes), A, WEB, 443) == Path(NAT[:passed], code, component, detail)


def test_two_ends_outside_are_no_business_of_the_vpc():
    other = Outside(ip_address("8.8.4.4"))
    assert reach(network(), WEB, other, 443) == Path(("8.8.8.8",), NOWHERE, "8.8.4.4", "neither end is in the VPC")


@pytest.mark.parametrize("target", ["pcx-1", "tgw-1", "vgw-1", "lgw-1", "cagw-1", "arn:aws:networkmanager::1"])
def test_a_connection_enters_where_its_replies_leave(target):
    own = network(routes={"a": [route("0.0.0.0/0", target)]})
    assert reach(own, WEB, A, 443) == Path(("8.8.8.8", target, "acl-a", "sg-a", "eni-a"))


@pytest.mark.parametrize("target", ["nat-1", "eni-f", "vpce-1", "eigw-1", "local"])
def test_what_only_lets_out_lets_nothing_in(target):
    own = network(routes={"a": [route("0.0.0.0/0", target)]})
    detail = f"{target} lets no connections in from 8.8.8.8"
    assert reach(own, WEB, A, 443) == Path(("8.8.8.8",), NO_ROUTE, "rtb-a", detail)


IN = ("8.8.8.8", "igw-1", "acl-a", "sg-a", "eni-a")


@pytest.mark.parametrize(
    ("changes", "passed", "code", "component", "detail"),
    [
        ({"acls": {"a": (entry(1, "out"),)}}, 2, ACL, "acl-a", "no rule allows from 8.8.8.8, tcp port 443"),
        ({"groups": {"sg-a": ((), ANYONE)}}, 3, "SG_HAS_NO_RULES", "sg-a",
         "no rule allows traffic from 8.8.8.8, tcp port 443"),
        ({"acls": {"a": (entry(1, "in"),)}}, 4, ACL, "acl-a", "no rule allows replies to 8.8.8.8, tcp port 1024"),
        ({"routes": {}}, 1, NO_ROUTE, "rtb-a", "no route matches 8.8.8.8"),
    ],
)  # fmt: skip
def test_what_stops_a_connection_from_outside(changes, passed, code, component, detail):
    own = network(**{"routes": {"a": DEFAULT}, "gateways": {"igw-1"}} | changes)
    assert reach(own, WEB, PUBLIC, 443) == Path(IN[:passed], code, component, detail)
