"""Reachability agrees with packets that are carried through the same network one by one."""

import random
from ipaddress import ip_address

import pytest

from runbook_lib.stacks.checks.paths.model import Outside
from runbook_lib.stacks.checks.paths.observe import network_of
from runbook_lib.stacks.checks.paths.trace import reach
from tests.stacks.checks.paths.networks import OUTSIDE, PORTS, SOURCE_PORTS, V4, V6, draw_network, draw_subnet
from tests.stacks.checks.paths.packet_walk import Walk

NAMES = [f"eni-{number}" for number in range(4)]
CODES = {
    "BAD_STATE", "BAD_STATE_ROUTE", "ENI_SG_RULES_MISMATCH", "ENI_SOURCE_DEST_CHECK_RESTRICTION",
    "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS", "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS",
    "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", "IGW_PUBLIC_IP_ASSOCIATION_FOR_INGRESS",
    "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS", "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS",
    "MORE_SPECIFIC_ROUTE", "NO_POSSIBLE_DESTINATION", "NO_ROUTE_TO_DESTINATION", "SG_HAS_NO_RULES",
    "SUBNET_ACL_RESTRICTION", "UNASSOCIATED_COMPONENT",
}  # fmt: skip


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
    assert len(CODES - codes) <= 2, CODES - codes
    assert codes <= CODES


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
