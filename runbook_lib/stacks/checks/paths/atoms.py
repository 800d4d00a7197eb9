"""Addresses and ports that stand for all others: no rule, ACL entry or route tells the ones from the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from .model import ANY, Address, Interface, IpNetwork, Network, Outside, Traffic

_FORMS: tuple[tuple[type[IPv4Address | IPv6Address], int], ...] = ((IPv4Address, 32), (IPv6Address, 128))


@lru_cache(maxsize=256)
def source_ports(network: Network, protocol: str, ports: range) -> tuple[int, ...]:
    """One port of each interval that the ACL entries treat alike: security groups do not look at a source's port."""
    return _cut(protocol, ports, (entry.traffic for entries in network.acls.values() for entry in entries))


@lru_cache(maxsize=256)
def destination_ports(network: Network, protocol: str, ports: range, groups: tuple[str, ...]) -> tuple[int, ...]:
    """One port of each interval that is treated alike on the way to a member of the groups."""
    return _cut(protocol, ports, (
        *(entry.traffic for entries in network.acls.values() for entry in entries),
        *(rule.traffic for group in network.groups.values() for rule in group.egress),
        *(rule.traffic for own in groups if own in network.groups for rule in network.groups[own].ingress),
    ))  # fmt: skip


def _cut(protocol: str, ports: range, traffic: Iterable[Traffic]) -> tuple[int, ...]:
    cuts = {ports.start}
    for each in traffic:
        if each.protocol in (ANY, protocol) and each.low is not None:
            cuts |= {each.low, (each.low if each.high is None else each.high) + 1}
    return tuple(sorted(cut for cut in cuts if cut in ports))


@lru_cache(maxsize=16)
def protocols(network: Network) -> tuple[str, ...]:
    """The protocols that rules and entries name, TCP and UDP, and one that stands for all others."""
    named = {traffic.protocol for traffic in _traffic(network)} - {ANY}
    return (*sorted({"tcp", "udp", *named}), "another protocol")


def outside(network: Network, more: Iterable[IpNetwork] = ()) -> Iterator[Outside]:
    """Addresses outside the VPC, one of each set that is treated alike.

    Args:
        more: Networks that the caller tells apart.
    """
    for address in _representatives(network, more):
        if not network.contains(address):
            yield Outside(address)


def places(network: Network) -> Iterator[Interface]:
    """All places where an interface could be: each group's member in each subnet, at addresses treated differently."""
    for address in _representatives(network, ()):
        subnet = next((s for s in network.subnets.values() if any(address in each for each in s.networks)), None)
        for group in network.groups if subnet else ():
            assert subnet
            yield Interface(f"{address} with {group}", subnet.id, (address,), (group,))


def as_place(interface: Interface, network: Network, subnet: str) -> Interface:
    """The same interface in another subnet, at its first address: AWS keeps the first four of each for itself.

    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
    """
    addresses = tuple(each[4] for each in network.subnets[subnet].networks)
    return replace(interface, id=f"{interface.id} in {subnet}", subnet=subnet, addresses=addresses)


@lru_cache(maxsize=8)
def _cached_networks(entries: tuple[IpNetwork, ...]) -> tuple[Address, ...]:
    return tuple(form(cut) for form, bits in _FORMS for cut in _network_cuts(entries, bits))


def _network_cuts(entries: Iterable[IpNetwork], bits: int) -> list[int]:
    own = [each for each in entries if each.max_prefixlen == bits]
    cuts = {0, *(int(n.network_address) for n in own), *(int(n.broadcast_address) + 1 for n in own)}
    return sorted(cut for cut in cuts if cut < 2**bits)


def _representatives(network: Network, more: Iterable[IpNetwork]) -> tuple[Address, ...]:
    return _cached_networks(tuple(dict.fromkeys((*_networks(network), *more))))


def _networks(network: Network) -> Iterator[IpNetwork]:
    yield from (IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
    yield IPv6Network("2000::/3")
    yield from network.networks
    for subnet in network.subnets.values():
        yield from subnet.networks
    for group in network.groups.values():
        yield from (rule.peer for rule in (*group.ingress, *group.egress) if not isinstance(rule.peer, str))
    for entries in network.acls.values():
        yield from (entry.network for entry in entries)
    for routes in network.tables.values():
        yield from (route.network for route in routes)


def _traffic(network: Network) -> Iterator[Traffic]:
    for group in network.groups.values():
        yield from (rule.traffic for rule in (*group.ingress, *group.egress))
    for entries in network.acls.values():
        yield from (entry.traffic for entry in entries)
