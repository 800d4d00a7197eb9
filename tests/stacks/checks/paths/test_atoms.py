"""Addresses, ports and protocols that stand for all others, as exact lists."""

from ipaddress import ip_address, ip_network

import pytest

from runbook_lib.stacks.checks.paths.atoms import as_place, destination_ports, outside, places, protocols, source_ports
from runbook_lib.stacks.checks.paths.model import Interface, Network, Subnet
from tests.stacks.checks.paths.by_hand import entry, interface, network, route, rule, subnet

ALWAYS4 = ["0.0.0.0", "10.0.0.0", "11.0.0.0", "100.64.0.0", "100.128.0.0", "172.16.0.0", "172.32.0.0", "192.168.0.0",
           "192.169.0.0"]  # fmt: skip
ALWAYS6 = ["::", "2000::", "4000::"]


def bare(**parts):
    """A network with nothing in it but what a test names."""
    empty = {"networks": (), **{key: {} for key in ("subnets", "groups", "acls", "tables", "interfaces")}}
    return Network("vpc-1", **empty | parts)


def addresses(own, more=()):
    return [str(each.address) for each in outside(own, more)]


def in_order(*texts):
    return [str(each) for each in sorted(set(map(ip_address, texts)), key=lambda one: (one.version, one))]


def test_addresses_that_every_network_tells_apart():
    """Private, carrier-grade and public ones, and the public ones of IPv6."""
    assert addresses(bare()) == ALWAYS4 + ALWAYS6


@pytest.mark.parametrize(
    ("parts", "more"),
    [
        ({"groups": {"sg-1": network(groups={"sg-a": ([rule("8.8.0.0/16")], ())}).groups["sg-a"]}}, []),
        ({"groups": {"sg-1": network(groups={"sg-a": ((), [rule("sg-a"), rule("8.8.0.0/16")])}).groups["sg-a"]}}, []),
        ({"acls": {"acl-1": (entry(1, "in"),), "acl-2": (entry(2, "out"), entry(3, "in", "8.8.0.0/16"))}}, []),
        ({"tables": {"rtb-1": (route("0.0.0.0/0", "igw-1"),), "rtb-2": (route("8.8.0.0/16", "igw-1"),)}}, []),
        ({}, [ip_network("8.8.0.0/16")]),
        ({}, iter([ip_network("8.8.0.0/16")])),
    ],
)
def test_what_rules_entries_routes_and_the_caller_tell_apart(parts, more):
    assert addresses(bare(**parts), more) == in_order("8.8.0.0", "8.9.0.0", *ALWAYS4, *ALWAYS6)


def test_a_network_of_one_version_does_not_cut_the_other():
    own = bare(tables={"rtb-1": (route("::8/125", "igw-1"), route("::/0", "igw-1"), route("0.0.0.0/0", "igw-1"))})
    assert addresses(own) == in_order("::8", "::10", *ALWAYS4, *ALWAYS6)


def test_addresses_of_the_vpc_are_not_outside():
    own = bare(networks=(ip_network("10.0.0.0/16"), ip_network("2000::/56")))
    expected = in_order("10.1.0.0", "2000:0:0:100::", *ALWAYS4, *ALWAYS6)
    assert addresses(own) == [text for text in expected if text not in ("10.0.0.0", "2000::")]


def test_a_subnet_cuts_what_is_outside_too():
    """One of a network that is about to go."""
    own = bare(subnets={"subnet-1": Subnet("subnet-1", (ip_network("8.8.0.0/16"),), "", "", "")})
    assert addresses(own) == in_order("8.8.0.0", "8.9.0.0", *ALWAYS4, *ALWAYS6)


def test_a_place_for_each_group_in_each_subnet_at_each_kind_of_address():
    own = network(acls={letter: (entry(1, "in", "10.0.2.64/26"),) for letter in "abn"})
    blocks = {"a": ["10.0.1.0", "2001:db8:0:1::"], "n": ["10.0.3.0", "2001:db8:0:3::"],
              "b": ["10.0.2.0", "10.0.2.64", "10.0.2.128", "2001:db8:0:2::"]}  # fmt: skip
    expected = {
        Interface(f"{text} with {group}", f"subnet-{letter}", (ip_address(text),), (group,))
        for letter, texts in blocks.items() for text in texts for group in ("sg-a", "sg-b", "sg-c")
    }  # fmt: skip
    found = list(places(own))
    assert len(found) == len(expected)
    assert set(found) == expected


def test_without_groups_there_is_no_place():
    assert list(places(bare(subnets={"subnet-a": subnet("a", 1)}))) == []


def test_an_interface_in_another_subnet():
    """It keeps all but its place."""
    one = interface("eni-1", "subnet-a", "10.0.1.77", groups=("sg-a", "sg-b"), public=True, instance="i-1")
    moved = interface("eni-1 in subnet-b", "subnet-b", "10.0.2.4", "2001:db8:0:2::4", groups=("sg-a", "sg-b"),
                      public=True, instance="i-1")  # fmt: skip
    assert as_place(one, network(), "subnet-b") == moved


ENTRIES = {
    "a": [entry(1, "in", protocol="tcp", low=1026, high=1030), entry(2, "out", protocol="udp", low=5000, high=5001)],
    "b": [entry(1, "in", protocol="tcp", low=22), entry(2, "in", protocol="tcp"), entry(3, "out", low=8, high=9)],
}


@pytest.mark.parametrize(
    ("protocol", "ports", "expected"),
    [
        ("tcp", range(65536), (0, 8, 10, 22, 23, 1026, 1031)),
        ("tcp", range(1024, 65536), (1024, 1026, 1031)),
        ("tcp", range(1027, 1031), (1027,)),
        ("tcp", range(1027, 1032), (1027, 1031)),
        ("udp", range(65536), (0, 8, 10, 5000, 5002)),
        ("50", range(65536), (0, 8, 10)),
    ],
)
def test_one_source_port_of_each_interval_that_an_acl_tells_apart(protocol, ports, expected):
    assert source_ports(network(acls=ENTRIES), protocol, ports) == expected


def test_destination_ports_are_those_of_the_acls_and_of_the_rules_on_the_way():
    """What every group lets out, and what the destination's own groups let in."""
    groups = {
        "sg-a": ([rule("0.0.0.0/0", "tcp", 80, 81)], [rule("sg-b", "tcp", 443, 443)]),
        "sg-b": ([rule("0.0.0.0/0", "tcp", 5432, 5432)], [rule("sg-b", "udp", 53, 53)]),
        "sg-c": ([rule("0.0.0.0/0", "tcp", 6379, 6379)], ()),
    }
    own, ports = network(groups=groups, acls={**ENTRIES, "n": ()}), range(65536)
    always = {0, 8, 10, 22, 23, 1026, 1031, 443, 444}
    assert destination_ports(own, "tcp", ports, ("sg-b",)) == tuple(sorted({*always, 5432, 5433}))
    several = tuple(sorted({*always, 80, 82, 6379, 6380}))
    assert destination_ports(own, "tcp", ports, ("sg-c", "sg-elsewhere", "sg-a")) == several
    assert destination_ports(own, "tcp", range(1031), ()) == tuple(sorted(always - {1031}))


def test_protocols_are_those_that_are_named_tcp_udp_and_another():
    groups = {
        "sg-a": ([rule("0.0.0.0/0", "50")], [rule("0.0.0.0/0", "icmp")]),
        "sg-b": ([rule("0.0.0.0/0", "tcp"), rule("0.0.0.0/0")], [rule("0.0.0.0/0", "51")]),
    }
    own = network(groups=groups, acls={"a": [entry(1, "in", protocol="icmpv6"), entry(2, "in", protocol="103")]})
    assert protocols(own) == ("103", "50", "51", "icmp", "icmpv6", "tcp", "udp", "another protocol")
    assert protocols(bare()) == ("tcp", "udp", "another protocol")
