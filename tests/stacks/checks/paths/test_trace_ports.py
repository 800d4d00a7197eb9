"""Which ports, addresses and protocols a connection is tried with."""

from ipaddress import ip_address

import pytest

from runbook_lib.stacks.checks.paths.model import Outside
from runbook_lib.stacks.checks.paths.trace import Path, reach
from tests.stacks.checks.paths.by_hand import entry, interface, network, rule

A = interface("eni-a", "subnet-a", "10.0.1.4")
B = interface("eni-b", "subnet-b", "10.0.2.4", groups=("sg-b",))
ACROSS = ("eni-a", "sg-a", "acl-a", "rtb-a", "acl-b", "sg-b", "eni-b")


def replies(low, high, protocol="tcp"):
    """Replies come in to these ports only."""
    return network(acls={"a": (entry(1, "in", protocol=protocol, low=low, high=high), entry(1, "out"))})


@pytest.mark.parametrize(
    ("low", "high", "ports", "stopped"),
    [
        (1024, 65535, range(1024, 65536), None),
        (1024, 4999, range(1024, 65536), 5000),
        (5000, 65535, range(1024, 65536), 1024),
        (5000, 65535, range(5000, 65536), None),
        (5000, 6000, range(32768, 61000), 32768),
    ],
)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_the_ports_of_the_source_that_get_an_answer(low, high, ports, stopped, protocol):
    """Where only some do, the path says what stops the others."""
    path = reach(replies(low, high, protocol), A, B, 443, protocol, ports=ports)
    detail = f"no rule allows replies from 10.0.2.4, {protocol} port {stopped}"
    if stopped is None:
        assert path == Path(ACROSS)
    elif stopped == 32768:
        assert path == Path(ACROSS[:6], "SUBNET_ACL_RESTRICTION", "acl-a", detail)
    else:
        told = f"SUBNET_ACL_RESTRICTION at acl-a: {detail}"
        assert path == Path(ACROSS, partly=told)
        assert path.reachable
        assert str(path) == f"{' → '.join(ACROSS)} (partly: {told})"


def test_clients_use_ephemeral_ports_of_tcp_unless_told_otherwise():
    """All of them are tried."""
    assert reach(replies(1024, 65535), A, B, 443).partly == ""
    for low, high, first in ((1025, 65535, 1024), (1024, 65534, 65535)):
        assert reach(replies(low, high), A, B, 443).partly.endswith(f"replies from 10.0.2.4, tcp port {first}")
    assert reach(replies(1024, 65535, "udp"), A, B, 443).code == "SUBNET_ACL_RESTRICTION"


def test_the_two_need_addresses_of_the_same_version():
    six = interface("eni-6", "subnet-b", "2001:db8:0:2::4", groups=("sg-b",))
    for other in (six, interface("eni-6", "subnet-b"), Outside(ip_address("2600::1"))):
        detail = "the two have no addresses of the same IP version"
        assert reach(network(), A, other, 443) == Path((), "NO_POSSIBLE_DESTINATION", other.id, detail)
    both = interface("eni-b", "subnet-b", "2001:db8:0:2::4", "10.0.2.4", groups=("sg-b",))
    assert reach(network(), A, both, 443) == Path(ACROSS)


PAIR = interface("eni-b", "subnet-b", "10.0.2.4", "10.0.2.5", groups=("sg-b", "sg-c"))


def test_the_first_address_tells_the_path():
    """And the first one that is stopped tells why, of a path and of the part that is none."""
    source = interface("eni-a", "subnet-a", "10.0.1.4", groups=("sg-b", "sg-a"))
    own = network(groups={"sg-a": ((), [rule("10.0.2.5/32")]), "sg-b": ([rule("0.0.0.0/0")], [rule("10.0.2.4/32")])})
    assert reach(own, source, PAIR, 443).steps[1] == "sg-b"
    told = "ENI_SG_RULES_MISMATCH at sg-a: no rule allows traffic to eni-b, tcp port 443"
    for number in (4, 5):
        own = network(groups={"sg-a": ((), [rule(f"10.0.2.{number}/32")])})
        assert reach(own, A, PAIR, 443) == Path(ACROSS, partly=told)
    denied = network(acls={"a": tuple(entry(n, "out", f"10.0.2.{n}/32", allow=False) for n in (5, 4))})
    assert reach(denied, A, PAIR, 443).detail == "rule 4 denies to 10.0.2.4, tcp port 443"


@pytest.mark.parametrize(
    ("protocol", "port", "reply"),
    [("50", 0, 0), ("50", 7, 0), ("icmp", 8, 0), ("icmp", 13, 13), ("icmpv6", 128, 129), ("icmpv6", 1, 1),
     ("tcp", 22, 1024), ("udp", 53, 1024)],
)  # fmt: skip
def test_the_port_or_type_of_a_reply(protocol, port, reply):
    """Other protocols have neither."""
    closed = network(acls={"a": (entry(1, "out"),)})
    path = reach(closed, A, B, port, protocol)
    assert path.detail == f"no rule allows replies from 10.0.2.4, {protocol} port {reply}"
    closed = network(groups={"sg-b": ((), ())})
    assert reach(closed, A, B, port, protocol).detail == f"no rule allows traffic from eni-a, {protocol} port {port}"
