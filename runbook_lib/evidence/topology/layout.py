"""The layout of the topology drawing: zones are columns, and each security group is a row across them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil

from ..drawing.svg import Box
from ..drawing.theme import TextStyle
from .connectivity import Connectivity, Flow, derive_connectivity, order_groups
from .model import Group, Network, Node, Subnet, Topology

WIDTH = 1100
MARGIN, PAD, GAP, LANE = 12, 10, 10, 12
CARD_WIDTH, NODE_WIDTH, NODE_HEIGHT = 236, 172, 58
MAX_TEXT_WIDTH = 230
GATEWAY_TEXT = TextStyle(11, color="dim")
HEAD, LINE = 28, 17
TITLE = 62
_ROW_GAP = 15
"""Between two rows: the band behind a row is a little higher than the row."""


@dataclass(frozen=True)
class Card:
    """A security group or an external peer, at the left; *flows* are those that end there."""

    key: str
    names: tuple[str, ...]
    box: Box
    description: str = ""
    flows: tuple[Flow, ...] = ()
    repeated: bool = False
    ours: bool = True

    @property
    def start_y(self) -> float:
        """Where on its left edge the flows from it begin."""
        return self.box.y + HEAD / 2

    def flow_y(self, number: int) -> float:
        """Where on its left edge the n-th flow to it ends."""
        return self.box.y + HEAD + LINE * (number + 0.5) - 2


@dataclass(frozen=True)
class SubnetBox:
    """A subnet in its zone; ``None`` for nodes whose subnet AWS does not report."""

    subnet: Subnet | None
    box: Box


@dataclass
class NetworkArea:
    """A network and everything in it; each node is in the row of one of its groups."""

    network: Network
    box: Box
    gateways: list[tuple[str, Box]] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    zones: list[tuple[str, Box]] = field(default_factory=list)
    subnets: list[SubnetBox] = field(default_factory=list)
    bands: list[tuple[str, Box]] = field(default_factory=list)
    nodes: list[tuple[Node, str, Box]] = field(default_factory=list)
    unused_groups: tuple[Group, ...] = ()


@dataclass(frozen=True)
class Layout:
    """The whole page: lines, then cards from *left* on, then zones from *zones_left* on."""

    width: float
    height: float
    region: Box
    left: float
    zones_left: float
    external: tuple[Card, ...]
    areas: tuple[NetworkArea, ...]
    connectivity: Connectivity

    @property
    def cards(self) -> tuple[Card, ...]:
        """All cards: those outside, and those of each area."""
        return (*self.external, *(card for area in self.areas for card in area.cards))


def compute_layout(topology: Topology) -> Layout:
    """Place every box of the drawing."""
    connectivity = derive_connectivity(topology.networks)
    sources = {flow.source.key for flow in connectivity.flows}
    cards = 3 * MARGIN + LANE * max(1, len(sources))
    zones_left = cards + CARD_WIDTH + 14
    columns = max((len(_zones(network)) for network in topology.networks), default=0)
    wanted = zones_left + columns * (NODE_WIDTH + 4 * PAD + GAP) + 3 * MARGIN
    width = max(WIDTH, wanted)
    external, y = [], float(TITLE)
    for source in connectivity.external:
        box = Box(cards, y, CARD_WIDTH, HEAD + LINE * (min(len(source.names), 3) - 1))
        external.append(Card(source.key, source.names, box))
        y = box.bottom + 8
    top = max(y, TITLE + 36) + 6
    areas, y = [], top + 36
    for network in topology.networks:
        areas.append(_NetworkLayout(network, connectivity, cards, width).compute(y))
        y = areas[-1].box.bottom + MARGIN
    region = Box(MARGIN, top, width - 2 * MARGIN, max(y, top + 90) - top)
    return Layout(width, region.bottom + MARGIN, region, cards, zones_left, tuple(external), tuple(areas), connectivity)


@dataclass
class _SubnetTier:
    """Subnets of one kind, side by side in their zones; each row holds the members of one group."""

    cells: dict[str, Subnet | None]
    rows: dict[str, dict[str, list[Node]]]


class _NetworkLayout:
    """Places the boxes of one network."""

    def __init__(self, network: Network, connectivity: Connectivity, cards: float, width: float) -> None:
        self._network, self._connectivity, self._cards_left = network, connectivity, cards
        self._order = [group.id for group in order_groups(network.groups, network.rules)]
        self._zones_left, self._right = cards + CARD_WIDTH + 14, width - 3 * MARGIN
        zones = _zones(network)
        room = self._right - self._zones_left - GAP * (len(zones) - 1)
        self._column = room / max(1, len(zones))
        self._columns = {zone: self._zones_left + (self._column + GAP) * place for place, zone in enumerate(zones)}
        self._tiers = list(_tiers(network, self._order))
        rows = [row for tier in self._tiers for row in tier.rows.values()]
        most = max((len(nodes) for row in rows for nodes in row.values()), default=1)
        inner = self._column - 4 * PAD
        self._per_line = max(1, min(most, int((inner + GAP) // (NODE_WIDTH + GAP))))
        self._node_width = min(MAX_TEXT_WIDTH, (inner + GAP) / self._per_line - GAP)
        self._placed: set[str] = set()

    def compute(self, top: float) -> NetworkArea:
        area = NetworkArea(self._network, Box(2 * MARGIN, top, 0, 0))
        y = self._place_gateways(area, top + 36)
        if self._columns:
            head, y = y, y + HEAD
            for tier in self._tiers:
                y = self._place_tier(area, tier, y) + GAP
            area.zones = [(zone, Box(x, head, self._column, y - head)) for zone, x in self._columns.items()]
            y += GAP
        y = self._place_empty_groups(area, y)
        area.unused_groups = tuple(g for g in self._network.groups if g.id not in self._placed)
        bottom = max(y, top + 64) + (LINE if area.unused_groups else 0)
        area.box = Box(area.box.x, top, self._right + MARGIN - area.box.x, bottom - top)
        return area

    def _place_gateways(self, area: NetworkArea, y: float) -> float:
        x = self._zones_left
        for gateway in self._network.gateways:
            width = min(GATEWAY_TEXT.width(gateway) + 20, self._right - self._zones_left)
            if x > self._zones_left and x + width > self._right:
                x, y = self._zones_left, y + 32
            area.gateways.append((gateway, Box(x, y, width, 24)))
            x += width + GAP
        return y + 36 if area.gateways else y

    def _place_tier(self, area: NetworkArea, tier: _SubnetTier, top: float) -> float:
        """Place a tier; returns its bottom."""
        y = top + 2 * LINE + 10
        for group, members in tier.rows.items():
            row_height = self._place_row(area, group, members, y)
            y += row_height + _ROW_GAP
        bottom = y - (_ROW_GAP - PAD if tier.rows else 0)
        for zone, subnet in tier.cells.items():
            box = Box(self._columns[zone] + PAD, top, self._column - 2 * PAD, bottom - top)
            area.subnets.append(SubnetBox(subnet, box))
        return bottom

    def _place_row(self, area: NetworkArea, group: str, members: dict[str, list[Node]], y: float) -> float:
        card = self._make_card(group, y) if group else None
        lines = max(ceil(len(nodes) / self._per_line) for nodes in members.values())
        node_height = NODE_HEIGHT + (LINE if any(node.address for nodes in members.values() for node in nodes) else 0)
        row_height = max(lines * (node_height + GAP) - GAP, card.box.height if card else 0)
        for zone, nodes in members.items():
            for place, node in enumerate(nodes):
                line, column = divmod(place, self._per_line)
                x = self._columns[zone] + 2 * PAD + column * (self._node_width + GAP)
                area.nodes.append((node, group, Box(x, y + line * (node_height + GAP), self._node_width, node_height)))
        if card:
            area.cards.append(card)
            last = max(self._columns[zone] for zone in members) + self._column - 1.4 * PAD
            area.bands.append((group, Box(card.box.right, y - 5, last - card.box.right, row_height + 10)))
        return row_height

    def _make_card(self, group: str, y: float) -> Card:
        match = next((one for one in self._network.groups if one.id == group), None)
        name, description = (match.name, match.description) if match else (group, "")
        repeated = group in self._placed
        self._placed.add(group)
        flows = self._connectivity.flows_to(group) if match and not repeated else ()
        box = Box(self._cards_left, y, CARD_WIDTH, HEAD + LINE * len(flows) + (4 if flows else 0))
        return Card(group, (name,), box, description, flows, repeated, ours=match.ours if match else False)

    def _place_empty_groups(self, area: NetworkArea, y: float) -> float:
        """Place groups without members that appear in flows."""
        connected = {key for flow in self._connectivity.flows for key in (flow.target, flow.source.key)}
        for group in self._order:
            if group not in self._placed and group in connected:
                area.cards.append(card := self._make_card(group, y))
                y = card.box.bottom + GAP
        return y


def _zones(network: Network) -> list[str]:
    """The zones in order; the unknown one, which has no name, is last."""
    placed = {subnet.id: subnet.zone for subnet in network.subnets}
    zones = {*placed.values(), *(placed.get(node.subnet, node.zone) for node in network.nodes)}
    return sorted(zones, key=lambda zone: (not zone, zone))


_TierKey = tuple[int, bool, str, int]
_UNKNOWN_TIER: _TierKey = (9, False, "", 0)


def _tiers(network: Network, order: list[str]) -> Iterator[_SubnetTier]:
    cells: dict[_TierKey, dict[str, Subnet | None]] = defaultdict(dict)
    where: dict[str, _TierKey] = {}
    for subnet in sorted(network.subnets, key=lambda s: (s.name, s.id)):
        kind, number = _tier_kind(subnet), 0
        while subnet.zone in cells[*kind, number]:
            number += 1
        cells[*kind, number][subnet.zone] = subnet
        where[subnet.id] = (*kind, number)
    rows: dict[_TierKey, dict[str, dict[str, list[Node]]]] = defaultdict(dict)
    zones = {subnet.id: subnet.zone for subnet in network.subnets}
    for node in network.nodes:
        place = where.get(node.subnet, _UNKNOWN_TIER)
        zone = zones.get(node.subnet, node.zone)
        cells[place].setdefault(zone, None)
        row = min(node.groups, key=lambda own: order.index(own) if own in order else len(order), default="")
        rows[place].setdefault(row, {}).setdefault(zone, []).append(node)
    ranks = {"": -1} | {own: place for place, own in enumerate(order)}
    for place in sorted(cells):
        inside = rows.get(place, {})
        yield _SubnetTier(
            cells[place], {own: inside[own] for own in sorted(inside, key=lambda g: ranks.get(g, len(ranks)))}
        )


def _tier_kind(subnet: Subnet) -> tuple[int, bool, str]:
    """Subnets of the same kind share a tier: public ones first, and ours before others."""
    return (1 if subnet.public else 2, not subnet.ours, strip_zone(subnet.name, subnet.zone) if subnet.ours else "")


def strip_zone(name: str, zone: str) -> str:
    """Remove the zone from a name, unless nothing else is in it."""
    return (name.replace(zone, "").strip("-_ ") if zone else name) or name
