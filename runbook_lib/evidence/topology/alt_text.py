"""The same as the picture shows, in words, for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator

from .connectivity import Connectivity
from .model import Network, Node, Topology


def alt_text(sight: Topology, heard: Connectivity) -> str:
    """Everything that is in the picture, zone by zone, then who may talk to whom."""
    return " ".join(_sentences(sight, heard))


def _sentences(sight: Topology, heard: Connectivity) -> Iterator[str]:
    yield f"Region {sight.region} of account {sight.account}, as it was seen at {sight.at}."
    if not sight.networks:
        yield f"Nothing of {sight.env} was found."
    for network in sight.networks:
        doors = f", with {', '.join(network.doors)}" if network.doors else ""
        yield f"VPC {network.name}, {network.cidr}{doors}."
        yield from _zones(network)
    names = {group.id: group.name for network in sight.networks for group in network.groups}
    for way in heard.ways:
        yield f"{way.speaker.name} may talk to {names[way.group]} on {way.ports}."
    if sight.unread:
        yield f"Not known: {', '.join(sight.unread)}."


def _zones(network: Network) -> Iterator[str]:
    known = {subnet.id for subnet in network.subnets}
    for subnet in sorted(network.subnets, key=lambda s: (s.zone, not s.public, s.name)):
        kind = "public" if subnet.public else "private"
        way = f"out by {subnet.out}" if subnet.out else "no way out"
        things = [thing for thing in network.things if thing.subnet == subnet.id]
        inside = "; ".join(_told(thing, network) for thing in things) or "nothing"
        stranger = "" if subnet.ours else ", not tagged as ours"
        yield (
            f"Zone {subnet.zone}, {kind} subnet {subnet.name}, {subnet.cidr}{stranger}, {way}, in which is {inside}."
        )
    for thing in network.things:
        if thing.subnet not in known:
            zone = f"zone {thing.zone}" if thing.zone else "a zone that is not known"
            yield f"In a subnet that is not known, in {zone}: {_told(thing, network)}."


def _told(thing: Node, network: Network) -> str:
    groups = [group.name for group in network.groups if group.id in thing.groups]
    member = f" in {', '.join(groups)}" if groups else ""
    stranger = "" if thing.ours else ", not tagged as ours"
    named = "" if thing.name in ("", thing.id) else f" {thing.name}"
    address = f" at {thing.address}" if thing.address else ""
    return f"{thing.kind}{named} {thing.id} ({', '.join(thing.notes)}){address}{member}{stranger}"
