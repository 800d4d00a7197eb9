"""The text alternative of the topology drawing, for readers who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator

from .connectivity import Connectivity
from .model import Network, Node, Topology


def describe_topology(topology: Topology, connectivity: Connectivity) -> str:
    """Everything that the drawing shows: nodes zone by zone, then who may connect to whom."""
    return " ".join(_sentences(topology, connectivity))


def _sentences(topology: Topology, connectivity: Connectivity) -> Iterator[str]:
    yield f"Region {topology.region} of account {topology.account}, as it was seen at {topology.at}."
    if not topology.networks:
        yield f"Nothing of {topology.env} was found."
    for network in topology.networks:
        gateways = f", with {', '.join(network.gateways)}" if network.gateways else ""
        yield f"VPC {network.name}, {network.cidr}{gateways}."
        yield from _zones(network)
    names = {group.id: group.name for network in topology.networks for group in network.groups}
    for flow in connectivity.flows:
        yield f"{flow.source.name} may talk to {names[flow.target]} on {flow.ports}."
    if topology.denied:
        yield f"Not known: {', '.join(topology.denied)}."


def _zones(network: Network) -> Iterator[str]:
    known = {subnet.id for subnet in network.subnets}
    for subnet in sorted(network.subnets, key=lambda s: (s.zone, not s.public, s.name)):
        kind = "public" if subnet.public else "private"
        route = f"out by {subnet.default_route}" if subnet.default_route else "no way out"
        nodes = [node for node in network.nodes if node.subnet == subnet.id]
        inside = "; ".join(_describe(node, network) for node in nodes) or "nothing"
        foreign = "" if subnet.ours else ", not tagged as ours"
        yield (
            f"Zone {subnet.zone}, {kind} subnet {subnet.name}, {subnet.cidr}{foreign}, {route}, in which is {inside}."
        )
    for node in network.nodes:
        if node.subnet not in known:
            zone = f"zone {node.zone}" if node.zone else "a zone that is not known"
            yield f"In a subnet that is not known, in {zone}: {_describe(node, network)}."


def _describe(node: Node, network: Network) -> str:
    groups = [group.name for group in network.groups if group.id in node.groups]
    member = f" in {', '.join(groups)}" if groups else ""
    foreign = "" if node.ours else ", not tagged as ours"
    name = "" if node.name in ("", node.id) else f" {node.name}"
    address = f" at {node.address}" if node.address else ""
    return f"{node.kind}{name} {node.id} ({', '.join(node.notes)}){address}{member}{foreign}"
