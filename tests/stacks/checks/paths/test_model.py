"""What decides on connections: traffic, the route that counts, and which subnets are public."""

from ipaddress import ip_address

import pytest

from runbook_lib.stacks.checks.paths.model import (
    ANY,
    EPHEMERAL,
    LINUX,
    TCP,
    UDP,
    Interface,
    Nat,
    Network,
    Outside,
    Traffic,
)
from tests.stacks.checks.paths.by_hand import network, route, subnet


@pytest.mark.parametrize(
    ("traffic", "protocol", "port", "matches"),
    [
        (Traffic("-1"), "tcp", 22, True),
        (Traffic("-1", 80, 80), "udp", 22, True),
        (Traffic("tcp"), "tcp", 22, True),
        (Traffic("tcp"), "udp", 22, False),
        (Traffic("tcp", 22), "tcp", 22, True),
        (Traffic("tcp", 22), "tcp", 21, False),
        (Traffic("tcp", 22), "tcp", 23, False),
        (Traffic("tcp", 22, 24), "tcp", 21, False),
        (Traffic("tcp", 22, 24), "tcp", 22, True),
        (Traffic("tcp", 22, 24), "tcp", 23, True),
        (Traffic("tcp", 22, 24), "tcp", 24, True),
        (Traffic("tcp", 22, 24), "tcp", 25, False),
        (Traffic("tcp", 22, 24), "udp", 23, False),
        (Traffic("icmp", 0, 0), "icmp", 0, True),
    ],
)
def test_traffic_is_a_protocol_and_a_range_of_ports(traffic, protocol, port, matches):
    assert traffic.matches(protocol, port) is matches


@pytest.mark.parametrize(
    ("address", "own"),
    [("10.0.0.0", True), ("10.0.255.255", True), ("10.1.0.0", False), ("2001:db8::1", True), ("2001:db9::", False)],
)
def test_the_vpc_has_the_addresses_of_all_its_networks(address, own):
    assert network().contains(ip_address(address)) is own


@pytest.mark.parametrize(
    ("address", "target"),
    [("8.8.8.8", "igw-1"), ("8.8.4.4", "tgw-1"), ("9.9.9.9", "pl-first"), ("10.0.0.1", "local"), ("2600::", None)],
)
def test_the_longest_prefix_counts_and_then_the_rank(address, target):
    routes = [
        route("0.0.0.0/0", "nat-0"),
        route("8.8.0.0/16", "vgw-1", rank=2),
        route("8.8.0.0/16", "tgw-1"),
        route("8.8.8.0/24", "igw-1", rank=2, active=False),
        route("9.0.0.0/8", "vgw-2", rank=2),
        route("9.0.0.0/8", "pl-first", rank=1),
    ]
    found = network(routes={"a": routes}).route("subnet-a", ip_address(address))
    assert (found and found.target) == target


def test_without_a_table_there_is_no_route():
    lonely = network(subnets=[subnet("a", 1, table="")])
    assert lonely.route("subnet-a", ip_address("10.0.0.1")) is None
    assert not lonely.is_public("subnet-a")


@pytest.mark.parametrize(
    ("routes", "public"),
    [
        ([route("0.0.0.0/0", "igw-1")], True),
        ([route("8.0.0.0/8", "igw-1"), route("0.0.0.0/0", "nat-1")], True),
        ([route("0.0.0.0/0", "igw-1", active=False)], False),
        ([route("0.0.0.0/0", "igw-of-another-vpc")], False),
        ([route("0.0.0.0/0", "nat-1")], False),
        ([], False),
    ],
)
def test_a_subnet_is_public_when_a_route_leads_to_an_internet_gateway(routes, public):
    own = network(routes={"a": routes}, gateways=frozenset({"igw-0", "igw-1"}))
    assert own.is_public("subnet-a") is public
    assert not own.is_public("subnet-b")


def test_what_is_not_said_is_the_usual():
    assert Interface("eni-1", "subnet-1", (), None) == Interface(
        "eni-1", "subnet-1", (), None, public=False, instance="", kind="interface", description="", requester="",
        source_dest_check=True,
    )  # fmt: skip
    assert Nat("nat-1", "subnet-1").state == "available"
    usual = route("0.0.0.0/0", "igw-1")
    assert (usual.active, usual.rank) == (True, 0)
    empty = Network("vpc-1", (), {}, {}, {}, {}, {})
    assert (empty.nats, empty.gateways, empty.names, empty.tags) == ({}, frozenset(), {}, {})


def test_protocols_are_written_as_ec2_writes_them():
    assert (ANY, TCP, UDP) == ("-1", "tcp", "udp")


def test_ports_of_clients():
    """As AWS and Linux document them."""
    assert (EPHEMERAL[0], EPHEMERAL[-1]) == (1024, 65535)
    assert (LINUX[0], LINUX[-1]) == (32768, 60999)


@pytest.mark.parametrize("text", ["8.8.8.8", "2600::1"])
def test_an_address_outside_is_called_by_itself(text):
    assert Outside(ip_address(text)).id == text
