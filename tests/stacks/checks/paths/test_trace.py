"""Reachability agrees with packets that are carried through the same network one by one."""

import random
import re
from ipaddress import ip_address

import pytest

from runbook_lib.stacks.checks.paths.atoms import outside, places
from runbook_lib.stacks.checks.paths.model import Outside
from runbook_lib.stacks.checks.paths.observe import network_of
from runbook_lib.stacks.checks.paths.trace import reach
from tests.stacks.checks.paths.networks import OUTSIDE, PORTS, SOURCE_PORTS, V4, V6, draw_network, draw_subnet
from tests.stacks.checks.paths.packet_walk import Walk

NAMES = [f"eni-{number}" for number in range(4)]
ADDRESS, PORT = r"[\da-f.:]+", r"(tcp|udp) port \d+"
CODES = {
    "BAD_STATE": r"the NAT gateway is (pending|not there)",
    "BAD_STATE_ROUTE": rf"the route {ADDRESS}/\d+ → \S+ is a blackhole",
    "ENI_SG_RULES_MISMATCH": rf"no rule allows traffic (to|from) (eni-\d|{ADDRESS}), {PORT}",
    "ENI_SOURCE_DEST_CHECK_RESTRICTION": "the interface takes no packets that are not addressed to it",
    "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS": rf"{ADDRESS} is a private address",
    "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS": rf"{ADDRESS} is a private address",
    "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS": r"eni-\d has no public address",
    "IGW_PUBLIC_IP_ASSOCIATION_FOR_INGRESS": r"eni-\d has no public address",
    "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS": rf"{ADDRESS} is a private address",
    "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS": rf"{ADDRESS} is a private address",
    "MORE_SPECIFIC_ROUTE": rf"a more specific route sends {ADDRESS} to \S+",
    "NO_POSSIBLE_DESTINATION": rf"{ADDRESS} belongs to nothing in the VPC"
    r"|the two have no addresses of the same IP version",
    "NO_ROUTE_TO_DESTINATION": rf"no route matches {ADDRESS}|the NAT gateway translates IPv4 only"
    rf"|nat-0 is in a subnet without an internet gateway|\S+ lets no connections in from {ADDRESS}",
    "SG_HAS_NO_RULES": rf"no rule allows traffic (to|from) (eni-\d|{ADDRESS}), {PORT}",
    "SUBNET_ACL_RESTRICTION": rf"(rule \d\d? denies|no rule allows) (replies )?(to|from) {ADDRESS}, {PORT}",
    "UNASSOCIATED_COMPONENT": "the internet gateway is not attached to the VPC",
}
"""What stops a connection, as Reachability Analyzer calls it, and the sentence beside it."""


def compare(seed):
    """How many of the connections of one network are possible, in part, and not; and the codes of those."""
    rng = random.Random(seed)
    world = draw_network(rng)
    network, walk = network_of(**world), Walk(world)
    kinds, codes = [], set()
    pairs = [(a, b) for a in NAMES for b in NAMES if a != b]
    pairs += [(a, b) for a in NAMES for b in OUTSIDE] + [(b, a) for a in NAMES for b in OUTSIDE]
    for source, destination in rng.sample(pairs, 16):
        port, protocol = rng.choice(PORTS), rng.choice(("tcp", "tcp", "udp"))
        ends = [network.interfaces[e] if e in network.interfaces else Outside(ip_address(e))
                for e in (source, destination)]  # fmt: skip
        path = reach(network, *ends, port, protocol, ports=SOURCE_PORTS)
        walked = list(walk.outcomes(source, destination, port, protocol, SOURCE_PORTS))
        question = f"network {seed}: {source} → {destination}, {protocol} {port}: {path}"
        assert path.reachable == any(walked), question
        assert bool(path.partly) == (any(walked) and not all(walked)), question
        kinds.append("partly" if path.partly else "possible" if path.reachable else "stopped")
        codes |= {path.code} - {""}
        if path.code:
            assert path.component, question
            assert re.fullmatch(CODES[path.code], path.detail), question
    return kinds, codes


@pytest.mark.parametrize("part", range(3))
def test_agrees_with_the_packet_walk(part):
    """A sample; no kind of answer and no code is missing from it."""
    agree(range(100 * part, 100 * part + 100))


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(1, 8))
def test_agrees_with_the_packet_walk_on_all_networks(part):
    agree(range(300 * part, 300 * part + 300))


def agree(seeds):
    kinds, codes = [], set()
    for seed in seeds:
        more, stopped_by = compare(seed)
        kinds += more
        codes |= stopped_by
    assert set(kinds) == {"partly", "possible", "stopped"}
    assert kinds.count("possible") > len(kinds) / 20
    assert len(CODES.keys() - codes) <= 2, CODES.keys() - codes


@pytest.mark.parametrize(
    ("protocol", "number", "block", "addresses", "request_type", "reply_type"),
    [
        ("icmp", "1", V4, ("10.0.0.4", "10.0.0.70"), 8, 0),
        ("icmpv6", "58", V6, ("2001:db8::4", "2001:db8:0:1::4"), 128, 129),
    ],
)
def test_the_answer_to_an_echo_has_a_type_of_its_own(protocol, number, block, addresses, request_type, reply_type):
    """The destination's network ACL lets the request in and out again only what it names."""
    field = "CidrBlock" if protocol == "icmp" else "Ipv6CidrBlock"
    everything = [
        {"RuleNumber": 100, "Egress": egress, "Protocol": "-1", field: block, "RuleAction": "allow"}
        for egress in (False, True)
    ]

    def path(outgoing, incoming=request_type):
        world = draw_network(random.Random(0))
        world["subnets"] = [draw_subnet(0), draw_subnet(1)]
        types = {False: incoming, True: outgoing}
        entries = [
            {"RuleNumber": 100, "Egress": egress, "Protocol": number, field: block, "RuleAction": "allow",
             "IcmpTypeCode": {"Type": kind, "Code": -1}}
            for egress, kind in types.items()
        ]  # fmt: skip
        world["acls"] = [
            {"NetworkAclId": f"acl-{n}", "Associations": [{"SubnetId": f"subnet-{n}"}], "Entries": rules}
            for n, rules in enumerate((everything, entries))
        ]
        local = {"GatewayId": "local", "State": "active", "Origin": "CreateRouteTable"}
        routes = [{"DestinationCidrBlock": V4, **local}, {"DestinationIpv6CidrBlock": V6, **local}]
        world["tables"] = [{"RouteTableId": "rtb-0", "Associations": [{"Main": True}], "Routes": routes}]
        anybody = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": V4}], "Ipv6Ranges": [{"CidrIpv6": V6}]}
        world["groups"] = [{"GroupId": "sg-0", "IpPermissions": [anybody], "IpPermissionsEgress": [anybody]}]
        world["interfaces"] = [
            {"NetworkInterfaceId": f"eni-{n}", "SubnetId": f"subnet-{n}", "Groups": [{"GroupId": "sg-0"}],
             "PrivateIpAddresses": [{"PrivateIpAddress": address}] if field == "CidrBlock" else [],
             "Ipv6Addresses": [] if field == "CidrBlock" else [{"Ipv6Address": address}]}
            for n, address in enumerate(addresses)
        ]  # fmt: skip
        network = network_of(**world)
        return reach(network, network.interfaces["eni-0"], network.interfaces["eni-1"], request_type, protocol)

    assert path(reply_type).reachable
    for other in (request_type, reply_type + 1, reply_type + 2):
        stopped = path(other)
        told = f"no rule allows replies to {addresses[0]}, {protocol} port {reply_type}"
        assert (stopped.code, stopped.component, stopped.detail) == ("SUBNET_ACL_RESTRICTION", "acl-1", told)
    stopped = path(reply_type, incoming=reply_type + 1)
    assert stopped.detail == f"no rule allows from {addresses[0]}, {protocol} port {request_type}"


def test_all_networks_of_the_vpc_are_its_own():
    """Those that were added, and not those that go, or could not be added."""
    world = draw_network(random.Random(1))
    states = {"10.1.0.0/16": "associated", "10.2.0.0/16": "disassociating", "10.3.0.0/16": "failed"}
    more = [{"CidrBlock": block, "CidrBlockState": {"State": state}} for block, state in states.items()]
    world["vpc"] |= {"CidrBlockAssociationSet": [{"CidrBlock": V4}, *more]}
    world["vpc"]["Ipv6CidrBlockAssociationSet"].append(
        {"Ipv6CidrBlock": "2001:db9::/56", "Ipv6CidrBlockState": {"State": "disassociated"}}
    )
    assert list(map(str, network_of(**world).networks)) == [V4, "10.1.0.0/16", V6]


def test_addresses_outside_come_in_order():
    """So that two runs name the same ones."""
    found = [each.address for each in outside(network_of(**draw_network(random.Random(2))))]
    assert len(found) > 10
    assert found == sorted(found, key=lambda address: (address.version, address))


def test_every_subnet_has_a_place_for_each_group():
    """Also where no rule, route or network ACL tells its addresses from those beside it."""
    world = draw_network(random.Random(0))
    anybody = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    world |= {"subnets": [draw_subnet(number) for number in range(3)], "acls": [], "tables": [], "interfaces": []}
    world["groups"] = [{"GroupId": name, "IpPermissions": anybody, "IpPermissionsEgress": []} for name in ("a", "b")]
    found = {(place.groups, place.subnet) for place in places(network_of(**world))}
    assert found == {((group,), f"subnet-{number}") for group in ("a", "b") for number in range(3)}
