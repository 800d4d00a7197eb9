"""Follow a connection through a network: a pure function of what was observed.

A connection is possible when its packets arrive and the replies come back.  Security groups remember connections,
network ACLs do not, so ACLs see the replies too.  The codes are those of AWS's Reachability Analyzer.
https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_network

from .atoms import source_ports
from .model import EPHEMERAL, TCP, UDP, Address, Interface, Network, Outside, Route, Rule

End = Interface | Outside

_RFC1918 = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_RFC6598 = ip_network("100.64.0.0/10")
_ICMP_REPLY = {"icmp": {8: 0}, "icmpv6": {128: 129}}
_ONWARD = ("pcx-", "tgw-", "vgw-", "lgw-", "cagw-", "arn:")
"""What leads to networks that are not looked into."""


@dataclass(frozen=True)
class Path:
    """The way of a connection.

    Args:
        steps: The components that it passes, in order.
        code: What stops it, as Reachability Analyzer calls it; empty where it is possible.
        component: The component that stops it.
        detail: Why, in a sentence.
        partly: What stops it from some of the source's ports, where it is possible from others.
    """

    steps: tuple[str, ...]
    code: str = ""
    component: str = ""
    detail: str = ""
    partly: str = ""

    @property
    def reachable(self) -> bool:
        """Whether the connection is possible."""
        return not self.code

    def __str__(self) -> str:
        if self.reachable:
            return " → ".join(self.steps) + (f" (partly: {self.partly})" if self.partly else "")
        return f"{self.code} at {self.component}: {self.detail}"


@dataclass(frozen=True)
class _Packet:
    protocol: str
    source: Address
    destination: Address
    source_port: int
    port: int

    @property
    def reply(self) -> _Packet:
        port = self.source_port
        if self.protocol in _ICMP_REPLY:
            port = _ICMP_REPLY[self.protocol].get(self.port, self.port)
        return _Packet(self.protocol, self.destination, self.source, self.port, port)


class _StopError(Exception):
    """A component that lets the packet go no further."""

    def __init__(self, code: str, component: str, detail: str) -> None:
        self.code, self.component, self.detail = code, component, detail


def reach(
    network: Network, source: End, destination: End, port: int, protocol: str = TCP, *, ports: range = EPHEMERAL
) -> Path:
    """Return the path of a connection, or the component that stops it.

    Args:
        ports: The ports of the source that are tried.  Where only some get an answer, the path says so in ``partly``.
    """
    stopped: Path | None = None
    passed: Path | None = None
    for packet in _packets(network, source, destination, protocol, port, ports):
        path = _follow(network, source, destination, packet)
        if path.reachable:
            passed = passed or path
        else:
            stopped = stopped or path
        if passed and stopped:
            return replace(passed, partly=str(stopped))
    missing = Path((), "NO_POSSIBLE_DESTINATION", destination.id, "the two have no addresses of the same IP version")
    return passed or stopped or missing


def _packets(
    network: Network, source: End, destination: End, protocol: str, port: int, ports: range
) -> Iterator[_Packet]:
    sources = source_ports(network, protocol, ports) if protocol in (TCP, UDP) else (0,)
    for start in _addresses(source):
        for end in _addresses(destination):
            if start.version == end.version:
                yield from (_Packet(protocol, start, end, number, port) for number in sources)


def _addresses(end: End) -> Sequence[Address]:
    return (end.address,) if isinstance(end, Outside) else end.addresses


def _follow(network: Network, source: End, destination: End, packet: _Packet) -> Path:
    steps = [source.id]
    try:
        if isinstance(source, Interface) and isinstance(destination, Interface):
            _inside(network, source, destination, packet, steps)
        elif isinstance(source, Interface):
            _outward(network, source, packet, steps)
        elif isinstance(destination, Interface):
            _inward(network, destination, packet, steps)
        else:
            raise _StopError("NO_POSSIBLE_DESTINATION", destination.id, "neither end is in the VPC")
    except _StopError as stop:
        return Path(tuple(steps), stop.code, stop.component, stop.detail)
    return Path((*steps, destination.id))


def _inside(network: Network, source: Interface, destination: Interface, packet: _Packet, steps: list[str]) -> None:
    _pass_groups(network, source, packet, steps, egress=True, peer=destination)
    if source.subnet != destination.subnet:
        _cross(network, source.subnet, destination.subnet, packet, steps)
    _pass_groups(network, destination, packet, steps, egress=False, peer=source)
    if source.subnet != destination.subnet:
        _cross(network, destination.subnet, source.subnet, packet.reply, None)


def _cross(network: Network, start: str, end: str, packet: _Packet, steps: list[str] | None) -> None:
    """From one subnet to another of the VPC; *steps* is ``None`` for a reply."""
    _pass_acl(network, start, packet, steps, egress=True)
    route = _route(network, start, packet.destination, steps)
    if route.target != "local":
        table = network.subnets[start].table
        detail = f"a more specific route sends {packet.destination} to {route.target}"
        raise _StopError("MORE_SPECIFIC_ROUTE", table, detail)
    _pass_acl(network, end, packet, steps, egress=False)


def _outward(network: Network, source: Interface, packet: _Packet, steps: list[str]) -> None:
    _pass_groups(network, source, packet, steps, egress=True, peer=None)
    _pass_acl(network, source.subnet, packet, steps, egress=True)
    route = _route(network, source.subnet, packet.destination, steps)
    target = route.target
    if target.startswith("nat-"):
        _through_nat(network, target, source.subnet, packet, steps)
    elif target.startswith("igw-"):
        _pass_gateway(network, target, packet.destination, inbound=False)
        if packet.source.version == 4 and not source.public:
            raise _no_public_address(target, "EGRESS", source)
        steps.append(target)
    elif target.startswith("eni-"):
        middle = network.interfaces.get(target)
        if middle is None or middle.source_dest_check:
            detail = "the interface takes no packets that are not addressed to it"
            raise _StopError("ENI_SOURCE_DEST_CHECK_RESTRICTION", target, detail)
        steps.append(target)
    elif target == "local":
        raise _StopError("NO_POSSIBLE_DESTINATION", network.id, f"{packet.destination} belongs to nothing in the VPC")
    else:
        steps.append(target)
    _pass_acl(network, source.subnet, packet.reply, None, egress=False)


def _through_nat(network: Network, name: str, subnet: str, packet: _Packet, steps: list[str]) -> None:
    """Through a NAT gateway to the internet and back.  It is taken to keep the port, which its own range contains."""
    nat = network.nats.get(name)
    if nat is None or nat.state != "available":
        raise _StopError("BAD_STATE", name, f"the NAT gateway is {nat.state if nat else 'not there'}")
    if packet.source.version == 6:
        raise _StopError("NO_ROUTE_TO_DESTINATION", name, "the NAT gateway translates IPv4 only")
    if nat.subnet != subnet:
        _pass_acl(network, nat.subnet, packet, steps, egress=False)
    steps.append(name)
    _pass_acl(network, nat.subnet, packet, steps, egress=True)
    route = _route(network, nat.subnet, packet.destination, steps)
    if not route.target.startswith("igw-"):
        table = network.subnets[nat.subnet].table
        raise _StopError("NO_ROUTE_TO_DESTINATION", table, f"{name} is in a subnet without an internet gateway")
    _pass_gateway(network, route.target, packet.destination, inbound=False)
    steps.append(route.target)
    # A gateway in the same subnet has that subnet's route, which leads to itself: it was stopped above.
    _pass_acl(network, nat.subnet, packet.reply, None, egress=False)
    _pass_acl(network, nat.subnet, packet.reply, None, egress=True)


def _inward(network: Network, destination: Interface, packet: _Packet, steps: list[str]) -> None:
    """From outside; a connection enters where its replies leave."""
    route = _route(network, destination.subnet, packet.source, None)
    target = route.target
    if target.startswith("igw-"):
        _pass_gateway(network, target, packet.source, inbound=True)
        if packet.source.version == 4 and not destination.public:
            raise _no_public_address(target, "INGRESS", destination)
    elif not target.startswith(_ONWARD):
        table = network.subnets[destination.subnet].table
        raise _StopError("NO_ROUTE_TO_DESTINATION", table, f"{target} lets no connections in from {packet.source}")
    steps.append(target)
    _pass_acl(network, destination.subnet, packet, steps, egress=False)
    _pass_groups(network, destination, packet, steps, egress=False, peer=None)
    _pass_acl(network, destination.subnet, packet.reply, None, egress=True)


def _pass_gateway(network: Network, gateway: str, other: Address, *, inbound: bool) -> None:
    if gateway not in network.gateways:
        raise _StopError("UNASSOCIATED_COMPONENT", gateway, "the internet gateway is not attached to the VPC")
    side, way = ("SOURCE", "INGRESS") if inbound else ("DESTINATION", "EGRESS")
    if isinstance(other, IPv4Address):
        for name, networks in (("RFC1918", _RFC1918), ("RFC6598", (_RFC6598,))):
            if any(other in each for each in networks):
                detail = f"{other} is a private address"
                raise _StopError(f"IGW_{side}_ADDRESS_NOT_IN_{name}_{way}", gateway, detail)


def _no_public_address(gateway: str, way: str, interface: Interface) -> _StopError:
    detail = f"{interface.id} has no public address"
    return _StopError(f"IGW_PUBLIC_IP_ASSOCIATION_FOR_{way}", gateway, detail)


def _route(network: Network, subnet: str, address: Address, steps: list[str] | None) -> Route:
    table = network.subnets[subnet].table
    route = network.route(subnet, address)
    if route is None:
        raise _StopError("NO_ROUTE_TO_DESTINATION", table or subnet, f"no route matches {address}")
    if not route.active:
        raise _StopError("BAD_STATE_ROUTE", table, f"the route {route.network} → {route.target} is a blackhole")
    if steps is not None:
        steps.append(table)
    return route


def _pass_acl(network: Network, subnet: str, packet: _Packet, steps: list[str] | None, *, egress: bool) -> None:
    acl = network.subnets[subnet].acl
    other = packet.destination if egress else packet.source
    entry = next(
        (
            each
            for each in network.acls.get(acl, ())
            if each.egress == egress and each.traffic.matches(packet.protocol, packet.port) and other in each.network
        ),
        None,
    )
    if entry is None or not entry.allow:
        reply = "" if steps is not None else "replies "
        way = f"{reply}{'to' if egress else 'from'} {other}, {packet.protocol} port {packet.port}"
        rule = f"rule {entry.number} denies" if entry and entry.number < 32767 else "no rule allows"
        raise _StopError("SUBNET_ACL_RESTRICTION", acl or subnet, f"{rule} {way}")
    if steps is not None:
        steps.append(acl)


def _pass_groups(
    network: Network, interface: Interface, packet: _Packet, steps: list[str], *, egress: bool, peer: Interface | None
) -> None:
    if interface.groups is None:
        return
    groups = [network.groups[name] for name in interface.groups if name in network.groups]
    address = packet.destination if egress else packet.source
    names = (peer.groups or ()) if peer else ()
    for group in groups:
        if any(_allows(rule, packet, address, names) for rule in (group.egress if egress else group.ingress)):
            steps.append(group.id)
            return
    none = not any(group.egress if egress else group.ingress for group in groups)
    way = f"{'to' if egress else 'from'} {peer.id if peer else address}, {packet.protocol} port {packet.port}"
    component = ", ".join(interface.groups) or interface.id
    raise _StopError("SG_HAS_NO_RULES" if none else "ENI_SG_RULES_MISMATCH", component, f"no rule allows traffic {way}")


def _allows(rule: Rule, packet: _Packet, address: Address, groups: Sequence[str]) -> bool:
    if not rule.traffic.matches(packet.protocol, packet.port):
        return False
    return rule.peer in groups if isinstance(rule.peer, str) else address in rule.peer
