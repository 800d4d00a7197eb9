"""Which peers may connect to which security groups, on which ports, by the rules of the groups.

A flow exists when the source's egress rules and the target's ingress rules allow it.  The egress of
networks outside the environment is assumed to be open.
https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from ...resources.traffic import INTERNET, Ports
from .model import Group, Network, Rule


@dataclass(frozen=True)
class Peer:
    """The source of connections: members of a security group, or networks outside the environment.

    Args:
        key: The group's id or the CIDR block; of several networks, the first one.
        names: For a reader; networks with the same permissions are one peer.
    """

    key: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """All its names in one line."""
        return ", ".join(self.names)


@dataclass(frozen=True)
class Flow:
    """A source that may connect to a target.

    Args:
        target: The id of a security group.
        ports: As text, such as ``80, 443``.
    """

    source: Peer
    target: str
    ports: str


@dataclass(frozen=True)
class Connectivity:
    """All flows, in the order of the target groups, and the peers outside the environment."""

    external: tuple[Peer, ...]
    flows: tuple[Flow, ...]

    def flows_to(self, group: str) -> tuple[Flow, ...]:
        """The flows to a group's members."""
        return tuple(flow for flow in self.flows if flow.target == group)


def derive_connectivity(networks: Iterable[Network]) -> Connectivity:
    """Derive the flows from the rules of all networks."""
    networks = tuple(networks)
    groups = {group.id: group for network in networks for group in network.groups}
    rules = [rule for network in networks for rule in network.rules]
    external = _external_peers(rule for rule in rules if rule.source not in groups)
    peers = external | {own: Peer(own, (group.name,)) for own, group in groups.items()}
    ports: dict[tuple[Peer, str], dict[str, None]] = defaultdict(dict)
    for rule in rules:
        ports[peers[rule.source], rule.group] |= dict.fromkeys(_allowed_ports(rule, networks))
    order = {group.id: place for place, group in enumerate(order_groups(groups.values(), rules))}
    first = list(dict.fromkeys(external.values()))
    ranks = {peer.key: place - len(first) for place, peer in enumerate(first)} | order
    flows = [
        Flow(peer, group, ", ".join(sorted(allowed, key=_natural_key)))
        for (peer, group), allowed in ports.items()
        if allowed
    ]
    ordered = sorted(flows, key=lambda flow: (order[flow.target], ranks[flow.source.key]))
    return Connectivity(tuple(first), tuple(ordered))


def order_groups(groups: Iterable[Group], rules: Iterable[Rule]) -> list[Group]:
    """Put sources before their targets; a cycle is broken at the first group by name."""
    left = sorted(groups, key=lambda group: (not group.ours, group.name, group.id))
    known = {group.id for group in left}
    sources = {own: {r.source for r in rules if r.group == own and r.source in known - {own}} for own in known}
    ordered: list[Group] = []
    while left:
        waiting = {group.id for group in left}
        nearest = min(left, key=lambda group: (len(sources[group.id] & waiting), left.index(group)))
        ordered.append(nearest)
        left.remove(nearest)
    return ordered


def _allowed_ports(rule: Rule, networks: Iterable[Network]) -> Iterator[str]:
    """The ports of an ingress rule that the egress rules of its source allow as well."""
    networks = tuple(networks)
    own = next((network for network in networks if rule.source in {group.id for group in network.groups}), None)
    if own is None or own.egress_rules is None:
        yield rule.ports
        return
    targets = _member_networks(rule.group, networks)
    for egress in own.egress_rules:
        if egress.group == rule.source and (egress.target == rule.group or _overlaps(egress.target, targets)):
            common = Ports.parse(rule.ports).common(Ports.parse(egress.ports))
            if common:
                yield str(common)


def _member_networks(group: str, networks: Iterable[Network]) -> list[str]:
    """The CIDR blocks of the subnets in which a group has members; of the VPC where it has none."""
    blocks = []
    for network in networks:
        if group in {one.id for one in network.groups}:
            inside = {node.subnet for node in network.nodes if group in node.groups}
            cidrs = {subnet.id: subnet.cidr for subnet in network.subnets}
            blocks += [cidrs[subnet] for subnet in inside & set(cidrs)] or [network.cidr]
    return blocks


def _overlaps(target: str, blocks: Iterable[str]) -> bool:
    """Whether a CIDR block overlaps any of the others; a prefix list does not: its addresses are not known here."""
    try:
        network = ip_network(target, strict=False)
        return any(network.overlaps(ip_network(block, strict=False)) for block in blocks)
    except (ValueError, TypeError):  # not a CIDR block, or of another IP version
        return False


def _external_peers(rules: Iterable[Rule]) -> dict[str, Peer]:
    """Peers outside the environment by the source in the rules; networks with the same permissions are one peer."""
    permissions: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for rule in rules:
        permissions[rule.source].add((rule.group, rule.ports))
    alike: dict[frozenset[tuple[str, str]], list[str]] = defaultdict(list)
    for source in sorted(permissions, key=lambda source: (source not in INTERNET, ":" in source, _natural_key(source))):
        alike[frozenset(permissions[source])].append(source)
    peers = [(Peer(sources[0], tuple(INTERNET.get(name, name) for name in sources)), sources)
             for sources in alike.values()]  # fmt: skip
    return {source: peer for peer, sources in peers for source in sources}


def _natural_key(text: str) -> tuple[tuple[int, str], ...]:
    """A sort key that compares digits as numbers."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text) if part)
