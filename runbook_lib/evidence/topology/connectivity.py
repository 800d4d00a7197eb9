"""Who may talk to whom on which port, as the rules of security groups have it.

Two groups talk where both let them: the one out, the other one in.  What somebody outside may send is his own matter.
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
    """Somebody who may come in: a security group's members, or networks outside of it.

    Args:
        key: What the rules call it; of several networks, the first.
        names: How it is called; several networks that may do the same are one speaker.
    """

    key: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        return ", ".join(self.names)


@dataclass(frozen=True)
class Flow:
    """A speaker, the group that it may talk to, and the ports."""

    speaker: Peer
    group: str
    ports: str


@dataclass(frozen=True)
class Connectivity:
    """All of it: who comes from outside, and every way, in the order of the groups."""

    outside: tuple[Peer, ...]
    ways: tuple[Flow, ...]

    def to(self, group: str) -> tuple[Flow, ...]:
        """The ways that lead to a group's members."""
        return tuple(way for way in self.ways if way.group == group)


def connectivity(networks: Iterable[Network]) -> Connectivity:
    """Read the rules of all networks."""
    networks = tuple(networks)
    groups = {group.id: group for network in networks for group in network.groups}
    rules = [rule for network in networks for rule in network.rules]
    outside = _audiences(rule for rule in rules if rule.source not in groups)
    speakers = outside | {own: Peer(own, (group.name,)) for own, group in groups.items()}
    ports: dict[tuple[Peer, str], dict[str, None]] = defaultdict(dict)
    for rule in rules:
        ports[speakers[rule.source], rule.group] |= dict.fromkeys(_open(rule, networks))
    order = {group.id: place for place, group in enumerate(in_order(groups.values(), rules))}
    first = list(dict.fromkeys(outside.values()))
    ranks = {speaker.key: place - len(first) for place, speaker in enumerate(first)} | order
    ways = [
        Flow(speaker, group, ", ".join(sorted(told, key=_by_number)))
        for (speaker, group), told in ports.items()
        if told
    ]
    return Connectivity(tuple(first), tuple(sorted(ways, key=lambda way: (order[way.group], ranks[way.speaker.key]))))


def in_order(groups: Iterable[Group], rules: Iterable[Rule]) -> list[Group]:
    """Who speaks before who is spoken to, as far as there is such an order."""
    left = sorted(groups, key=lambda group: (not group.ours, group.name, group.id))
    known = {group.id for group in left}
    hears = {own: {r.source for r in rules if r.group == own and r.source in known - {own}} for own in known}
    found: list[Group] = []
    while left:
        waiting = {group.id for group in left}
        # Where all wait for each other, one has to be the first.
        nearest = min(left, key=lambda group: (len(hears[group.id] & waiting), left.index(group)))
        found.append(nearest)
        left.remove(nearest)
    return found


def _open(rule: Rule, networks: Iterable[Network]) -> Iterator[str]:
    """The ports of a rule on which its source may send, too."""
    networks = tuple(networks)
    own = next((network for network in networks if rule.source in {group.id for group in network.groups}), None)
    if own is None or own.exits is None:
        yield rule.ports
        return
    places = _places(rule.group, networks)
    for way in own.exits:
        if way.group == rule.source and (way.target == rule.group or _reaches(way.target, places)):
            common = Ports.parse(rule.ports).common(Ports.parse(way.ports))
            if common:
                yield str(common)


def _places(group: str, networks: Iterable[Network]) -> list[str]:
    """The networks in which a group's members are: their subnets, else all of the VPC."""
    found = []
    for network in networks:
        if group in {one.id for one in network.groups}:
            inside = {thing.subnet for thing in network.things if group in thing.groups}
            cidrs = {subnet.id: subnet.cidr for subnet in network.subnets}
            found += [cidrs[subnet] for subnet in inside & set(cidrs)] or [network.cidr]
    return found


def _reaches(target: str, places: Iterable[str]) -> bool:
    """Whether a network covers any of those; a list of prefixes is one of AWS's services, or not known."""
    try:
        to = ip_network(target, strict=False)
        return any(to.overlaps(ip_network(place, strict=False)) for place in places)
    except (ValueError, TypeError):  # no network, or of another version
        return False


def _audiences(rules: Iterable[Rule]) -> dict[str, Peer]:
    """Who comes from outside, by what the rules call it: networks that may do the same are one; the internet first."""
    may: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for rule in rules:
        may[rule.source].add((rule.group, rule.ports))
    alike: dict[frozenset[tuple[str, str]], list[str]] = defaultdict(list)
    for source in sorted(may, key=lambda source: (source not in INTERNET, ":" in source, _by_number(source))):
        alike[frozenset(may[source])].append(source)
    found = [(Peer(sources[0], tuple(map(_called, sources))), sources) for sources in alike.values()]
    return {source: speaker for speaker, sources in found for source in sources}


def _called(source: str) -> str:
    return INTERNET.get(source, source)


def _by_number(words: str) -> tuple[tuple[int, str], ...]:
    """Numbers in the order of numbers."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", words) if part)
