"""Where everything of the picture goes: zones are columns, and what is in one security group is one row of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil

from ..drawing.svg import Box
from .connectivity import Connectivity, Flow, connectivity, in_order
from .model import Group, Network, Node, Subnet, Topology

WIDTH = 1100
MARGIN, PAD, GAP, LANE = 12, 10, 10, 12
CARD, THING, TALL = 236, 172, 58
MAX_TEXT_WIDTH = 230
HEAD, LINE = 28, 17
TITLE = 62
_ROWS = 15
"""Between two rows: the tint behind each reaches a little beyond it."""


@dataclass(frozen=True)
class Card:
    """Who speaks, or is spoken to, at the left; *ways* are those that lead to it."""

    key: str
    names: tuple[str, ...]
    box: Box
    about: str = ""
    ways: tuple[Flow, ...] = ()
    again: bool = False
    ours: bool = True

    @property
    def out(self) -> float:
        """Where on its left side its own ways begin."""
        return self.box.y + HEAD / 2

    def inner(self, number: int) -> float:
        """Where on its left side the n-th way to it ends."""
        return self.box.y + HEAD + LINE * (number + 0.5) - 2


@dataclass(frozen=True)
class Field:
    """A subnet in its zone; none where AWS does not say in which one something is."""

    subnet: Subnet | None
    box: Box


@dataclass
class Area:
    """A network with all in it; each of the things stands in the row of one of its groups."""

    network: Network
    box: Box
    doors: list[tuple[str, Box]] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    zones: list[tuple[str, Box]] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)
    bands: list[tuple[str, Box]] = field(default_factory=list)
    things: list[tuple[Node, str, Box]] = field(default_factory=list)
    idle: tuple[Group, ...] = ()


@dataclass(frozen=True)
class Grid:
    """The whole page; right of *left* no line runs, and right of *side* are the zones."""

    width: float
    height: float
    region: Box
    left: float
    side: float
    outside: tuple[Card, ...]
    areas: tuple[Area, ...]
    talk: Connectivity

    @property
    def cards(self) -> tuple[Card, ...]:
        return (*self.outside, *(card for area in self.areas for card in area.cards))


def grid(sight: Topology) -> Grid:
    """Lay it out."""
    heard = connectivity(sight.networks)
    speakers = {way.speaker.key for way in heard.ways}
    cards = 3 * MARGIN + LANE * max(1, len(speakers))
    side = cards + CARD + 14
    columns = max((len(_zones(network)) for network in sight.networks), default=0)
    wanted = side + columns * (THING + 4 * PAD + GAP) + 3 * MARGIN
    width = max(WIDTH, wanted)
    outside, y = [], float(TITLE)
    for speaker in heard.outside:
        box = Box(cards, y, CARD, HEAD + LINE * (min(len(speaker.names), 3) - 1))
        outside.append(Card(speaker.key, speaker.names, box))
        y = box.bottom + 8
    top = max(y, TITLE + 36) + 6
    areas, y = [], top + 36
    for network in sight.networks:
        areas.append(_Plan(network, heard, cards, width).area(y))
        y = areas[-1].box.bottom + MARGIN
    region = Box(MARGIN, top, width - 2 * MARGIN, max(y, top + 90) - top)
    return Grid(width, region.bottom + MARGIN, region, cards, side, tuple(outside), tuple(areas), heard)


@dataclass
class _Shelf:
    """Subnets of one kind, side by side in their zones; in each row of them the members of one group."""

    cells: dict[str, Subnet | None]
    rows: dict[str, dict[str, list[Node]]]


class _Plan:
    """One network being laid out."""

    def __init__(self, network: Network, heard: Connectivity, cards: float, width: float) -> None:
        self._network, self._talk, self._left = network, heard, cards
        self._order = [group.id for group in in_order(network.groups, network.rules)]
        self._side, self._right = cards + CARD + 14, width - 3 * MARGIN
        zones = _zones(network)
        room = self._right - self._side - GAP * (len(zones) - 1)
        self._column = room / max(1, len(zones))
        self._columns = {zone: self._side + (self._column + GAP) * place for place, zone in enumerate(zones)}
        self._shelves = list(_shelves(network, self._order))
        rows = [row for shelf in self._shelves for row in shelf.rows.values()]
        most = max((len(things) for row in rows for things in row.values()), default=1)
        inner = self._column - 4 * PAD
        self._abreast = max(1, min(most, int((inner + GAP) // (THING + GAP))))
        self._wide = min(MAX_TEXT_WIDTH, (inner + GAP) / self._abreast - GAP)
        self._carded: set[str] = set()

    def area(self, top: float) -> Area:
        area = Area(self._network, Box(2 * MARGIN, top, 0, 0))
        y = self._doors(area, top + 36)
        if self._columns:
            head, y = y, y + HEAD
            for shelf in self._shelves:
                y = self._shelf(area, shelf, y) + GAP
            area.zones = [(zone, Box(x, head, self._column, y - head)) for zone, x in self._columns.items()]
            y += GAP
        y = self._lonely(area, y)
        area.idle = tuple(g for g in self._network.groups if g.id not in self._carded)
        bottom = max(y, top + 64) + (LINE if area.idle else 0)
        area.box = Box(area.box.x, top, self._right + MARGIN - area.box.x, bottom - top)
        return area

    def _doors(self, area: Area, y: float) -> float:
        x = self._side
        for door in self._network.doors:
            wide = min(7.2 * len(door) + 20, self._right - self._side)
            if x > self._side and x + wide > self._right:
                x, y = self._side, y + 32
            area.doors.append((door, Box(x, y, wide, 24)))
            x += wide + GAP
        return y + 36 if area.doors else y

    def _shelf(self, area: Area, shelf: _Shelf, top: float) -> float:
        """Place a shelf; returns where it ends."""
        y = top + 2 * LINE + 10
        for group, members in shelf.rows.items():
            high = self._row(area, group, members, y)
            y += high + _ROWS
        bottom = y - (_ROWS - PAD if shelf.rows else 0)
        for zone, subnet in shelf.cells.items():
            box = Box(self._columns[zone] + PAD, top, self._column - 2 * PAD, bottom - top)
            area.fields.append(Field(subnet, box))
        return bottom

    def _row(self, area: Area, group: str, members: dict[str, list[Node]], y: float) -> float:
        card = self._card(group, y) if group else None
        lines = max(ceil(len(things) / self._abreast) for things in members.values())
        tall = TALL + (LINE if any(thing.address for things in members.values() for thing in things) else 0)
        high = max(lines * (tall + GAP) - GAP, card.box.height if card else 0)
        for zone, things in members.items():
            for place, thing in enumerate(things):
                line, column = divmod(place, self._abreast)
                x = self._columns[zone] + 2 * PAD + column * (self._wide + GAP)
                area.things.append((thing, group, Box(x, y + line * (tall + GAP), self._wide, tall)))
        if card:
            area.cards.append(card)
            last = max(self._columns[zone] for zone in members) + self._column - 1.4 * PAD
            area.bands.append((group, Box(card.box.right, y - 5, last - card.box.right, high + 10)))
        return high

    def _card(self, group: str, y: float) -> Card:
        found = next((one for one in self._network.groups if one.id == group), None)
        name, about = (found.name, found.about) if found else (group, "")
        again = group in self._carded
        self._carded.add(group)
        ways = self._talk.to(group) if found and not again else ()
        box = Box(self._left, y, CARD, HEAD + LINE * len(ways) + (4 if ways else 0))
        return Card(group, (name,), box, about, ways, again, ours=found.ours if found else False)

    def _lonely(self, area: Area, y: float) -> float:
        """Groups that rules speak of, and that nobody is in."""
        heard = {key for way in self._talk.ways for key in (way.group, way.speaker.key)}
        for group in self._order:
            if group not in self._carded and group in heard:
                area.cards.append(card := self._card(group, y))
                y = card.box.bottom + GAP
        return y


def _zones(network: Network) -> list[str]:
    """Last of all the one that is not known."""
    placed = {subnet.id: subnet.zone for subnet in network.subnets}
    found = {*placed.values(), *(placed.get(thing.subnet, thing.zone) for thing in network.things)}
    return sorted(found, key=lambda zone: (not zone, zone))


_Kind = tuple[int, bool, str, int]
_SOMEWHERE: _Kind = (9, False, "", 0)


def _shelves(network: Network, order: list[str]) -> Iterator[_Shelf]:
    cells: dict[_Kind, dict[str, Subnet | None]] = defaultdict(dict)
    where: dict[str, _Kind] = {}
    for subnet in sorted(network.subnets, key=lambda s: (s.name, s.id)):
        kind, number = _kind(subnet), 0
        while subnet.zone in cells[*kind, number]:
            number += 1
        cells[*kind, number][subnet.zone] = subnet
        where[subnet.id] = (*kind, number)
    rows: dict[_Kind, dict[str, dict[str, list[Node]]]] = defaultdict(dict)
    zones = {subnet.id: subnet.zone for subnet in network.subnets}
    for thing in network.things:
        place = where.get(thing.subnet, _SOMEWHERE)
        zone = zones.get(thing.subnet, thing.zone)
        cells[place].setdefault(zone, None)
        row = min(thing.groups, key=lambda own: order.index(own) if own in order else len(order), default="")
        rows[place].setdefault(row, {}).setdefault(zone, []).append(thing)
    ranks = {"": -1} | {own: place for place, own in enumerate(order)}
    for place in sorted(cells):
        inside = rows.get(place, {})
        yield _Shelf(cells[place], {own: inside[own] for own in sorted(inside, key=lambda g: ranks.get(g, len(ranks)))})


def _kind(subnet: Subnet) -> tuple[int, bool, str]:
    """Subnets of the same kind stand side by side: the public ones first, and ours before what is not."""
    return (1 if subnet.public else 2, not subnet.ours, without(subnet.name, subnet.zone) if subnet.ours else "")


def without(name: str, zone: str) -> str:
    """A name without the zone that it stands in anyhow, when something is left."""
    return (name.replace(zone, "").strip("-_ ") if zone else name) or name
