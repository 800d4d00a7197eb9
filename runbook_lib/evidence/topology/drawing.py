"""The picture of what runs where, and who may talk to whom."""

from __future__ import annotations

from collections.abc import Mapping

from ...formatting import format_time
from ..drawing.svg import Box, Svg
from ..drawing.theme import COLORS, Styles, TextStyle, color
from . import layout as plan
from .alt_text import alt_text
from .lanes import lanes
from .layout import Area, Card, Field, Grid, grid, without
from .model import Network, Node, Topology

FACES: Mapping[str, TextStyle] = {
    "title": TextStyle(17, bold=True),
    "name": TextStyle(12.5, bold=True),
    "body": TextStyle(12),
    "dim": TextStyle(11, colour="dim"),
    "id": TextStyle(10.5, mono=True, colour="dim"),
    "open": TextStyle(11, bold=True, colour="public-line"),
    "closed": TextStyle(11, bold=True, colour="private-line"),
}
STYLES: Styles = {
    ".region rect": {"fill": "page", "stroke": "line", "stroke-width": "1.2"},
    ".network > rect": {"fill": "area", "stroke": "line"},
    ".zone rect": {"fill": "page", "stroke": "line", "stroke-dasharray": "5 4"},
    ".public rect": {"fill": "public", "stroke": "public-line"},
    ".private rect": {"fill": "private", "stroke": "private-line"},
    ".somewhere rect": {"fill": "area", "stroke": "line", "stroke-dasharray": "2 3"},
    ".thing rect, .card rect, .door rect": {"fill": "thing", "stroke": "line"},
    ".stranger > rect": {"stroke-dasharray": "4 3"},
    ".band": {"fill-opacity": ".14", "stroke-opacity": ".55", "stroke-dasharray": "3 3"},
    ".way, .head": {"fill": "none", "stroke-width": "1.6"},
    ".alone .bar": {"fill": "faint"},
    **{f".{color(n)} .bar": {"fill": color(n), "stroke": "none"} for n in range(len(COLORS))},
    **{f".band.{color(n)}": {"fill": color(n), "stroke": color(n)} for n in range(len(COLORS))},
    **{f".way.{color(n)}": {"stroke": color(n)} for n in range(len(COLORS))},
    **{f".head.{color(n)}": {"fill": color(n)} for n in range(len(COLORS))},
}


def picture(sight: Topology) -> Svg:
    """Draw what was seen, and nothing else."""
    return _Drawing(sight, grid(sight)).drawn()


class _Drawing:
    def __init__(self, sight: Topology, page: Grid) -> None:
        self._sight, self._page = sight, page
        own = list(dict.fromkeys(card.key for card in page.cards))
        self._hues = {key: color(number) for number, key in enumerate(own)}
        self._title = f"What runs in {sight.region}, and who may talk to whom"
        high = page.height + (plan.LINE if sight.unread else 0)
        self._svg = Svg(
            "topology",
            page.width,
            high,
            title=self._title,
            words=alt_text(sight, page.talk),
            faces=FACES,
            styles=STYLES,
        )

    def drawn(self) -> Svg:
        svg, sight, page = self._svg, self._sight, self._page
        svg.text(plan.MARGIN, 26, self._title, "title", room=page.width - 2 * plan.MARGIN)
        told = f"Environment {sight.env} · account {sight.account} · as it was seen on {format_time(sight.at)}"
        svg.text(plan.MARGIN, 46, told, "dim", room=page.width - 2 * plan.MARGIN)
        if page.areas:
            self._legend()
        with svg.group("region"):
            svg.rect(page.region, "box", rounded=8)
            where = [(sight.region, "name"), (f"region of account {sight.account}", "dim")]
            svg.text(page.left, page.region.y + 23, where, "name", room=page.region.right - page.left - 12)
        if not page.areas:
            told = f"Nothing of {sight.env} was found here: no VPC carries its tags."
            svg.text(page.left, page.region.y + 56, told, "body", room=page.region.right - page.left - 12)
        for area in page.areas:
            self._area(area)
        for card in page.cards:
            self._card(card)
        self._ways()
        if sight.unread:
            told = f"Not known, for want of a permission to look: {', '.join(sight.unread)}."
            svg.text(plan.MARGIN, page.height + 6, told, "body", room=page.width - 2 * plan.MARGIN)
        return svg

    def _legend(self) -> None:
        x, y = self._page.side, float(plan.TITLE)
        for look, told in (
            ("public", "public subnet"),
            ("private", "private subnet"),
            ("thing stranger", "not tagged as ours"),
        ):
            with self._svg.group(look):
                self._svg.rect(Box(x, y, 22, 14), "box", rounded=3)
            x += 28 + self._svg.text(x + 28, y + 11.5, told, "dim") + 18
        self._svg.rect(Box(x, y, 22, 14), f"band {color(1)}")
        self._svg.text(x + 28, y + 11.5, "in one security group, named at the left", "dim")
        told = "A line leads from who may talk to whom it may talk to, with the ports."
        self._svg.text(self._page.side, y + 33, told, "dim", room=self._page.width - self._page.side)

    def _area(self, area: Area) -> None:
        svg, network, box = self._svg, area.network, area.box
        with svg.group("network", f"VPC {network.id}"):
            svg.rect(box, "box", rounded=8)
            told = [(f"VPC {network.name}", "name"), (network.cidr, "body"), (network.id, "id")]
            left, room = self._page.left, box.right - self._page.left - 12
            svg.text(left, box.y + 23, told, "name", room=room)
            if area.idle:
                names = ", ".join(group.name for group in area.idle)
                told_idle = f"Security groups that nobody is in, and no rule speaks of: {names}"
                svg.text(left, box.bottom - 10, told_idle, "dim", room=room)
            if not (area.zones or area.cards):
                svg.text(left, box.y + 50, "Nothing was found in it.", "body", room=room)
        for door, place in area.doors:
            with svg.group("door"):
                svg.rect(place, "box", rounded=12)
                svg.text(place.x + 10, place.y + 16, door, "dim", room=place.width - 16)
        for zone, place in area.zones:
            with svg.group("zone"):
                svg.rect(place, "box", rounded=6)
                named = f"Zone {zone}" if zone else "Zone not known"
                svg.text(place.x + 10, place.y + 18, named, "name", room=place.width - 20)
        for field in area.fields:
            self._field(field)
        for group, place in area.bands:
            svg.rect(place, f"band {self._hues[group]}")
        for thing, group, place in area.things:
            self._thing(thing, group, place, network)
        self._nobody(area)

    def _field(self, field: Field) -> None:
        svg, box, subnet = self._svg, field.box, field.subnet
        if subnet is None:
            with svg.group("somewhere"):
                svg.rect(box, "box", rounded=5)
                svg.text(box.x + 10, box.y + 17, "Subnet not known", "dim", room=box.width - 20)
            return
        look, face = ("public", "open") if subnet.public else ("private", "closed")
        with svg.group(f"subnet {look}{'' if subnet.ours else ' stranger'}", f"Subnet {subnet.id}"):
            svg.rect(box, "box", rounded=5)
            cidr = FACES["id"].width(subnet.cidr)
            svg.text(box.x + 10, box.y + 17, without(subnet.name, subnet.zone), face, room=box.width - 28 - cidr)
            svg.text(box.right - 10, box.y + 17, subnet.cidr, "id", anchor="end")
            svg.text(box.x + 10, box.y + 17 + plan.LINE - 1, out_of(subnet.out), "dim", room=box.width - 20)

    def _thing(self, thing: Node, own: str, box: Box, network: Network) -> None:
        svg, colour = self._svg, self._hues.get(own, "alone")
        also = [group.name for group in network.groups if group.id in thing.groups and group.id != own]
        notes = " · ".join([*thing.notes, *(f"also in {name}" for name in also)])
        hint = f"{thing.kind} {thing.name} {thing.id}: {' · '.join(filter(None, (notes, thing.address)))}"
        with svg.group(f"thing {colour}{'' if thing.ours else ' stranger'}", hint):
            svg.rect(box, "box", rounded=4)
            svg.rect(Box(box.x, box.y + 4, 4, box.height - 8), "bar")
            room = box.width - 18
            named = without(thing.name, thing.zone) if thing.name != thing.id else ""
            svg.text(box.x + 12, box.y + 18, [(thing.kind, "name"), (named, "body")], "name", room=room)
            svg.text(box.x + 12, box.y + 34, thing.id, "id", room=room)
            svg.text(box.x + 12, box.y + 50, notes if thing.ours else f"not ours · {notes}", "dim", room=room)
            if thing.address:
                svg.text(box.x + 12, box.y + 50 + plan.LINE, thing.address, "dim", room=room)

    def _card(self, card: Card) -> None:
        svg, box = self._svg, card.box
        stranger = "" if card.ours else " stranger"
        with svg.group(f"card {self._hues[card.key]}{stranger}", ", ".join(card.names)):
            svg.rect(box, "box", rounded=5)
            svg.rect(Box(box.right - 4, box.y + 4, 4, box.height - 8), "bar")
            room = box.width - 22
            about = "as above" if card.again else card.about
            if len(card.names) == 1:
                svg.text(box.x + 12, box.y + 18, [(card.names[0], "name"), (about, "dim")], "name", room=room)
            for number, name in enumerate(_lines(card.names) if len(card.names) > 1 else ()):
                svg.text(box.x + 12, box.y + 18 + plan.LINE * number, name, "name", room=room)
            for number, way in enumerate(card.ways):
                told = [(way.ports, "name"), (f"from {way.speaker.name}", "dim")]
                svg.text(box.x + 16, card.inner(number) + 4, told, "dim", room=room - 4)

    def _nobody(self, area: Area) -> None:
        peopled = {group for group, _ in area.bands}
        for card in area.cards:
            if card.key not in peopled:
                self._svg.text(card.box.right + 14, card.box.y + 18, "nobody is in it", "dim")

    def _ways(self) -> None:
        """From who may talk, down or up a lane of its own, to everybody who is talked to."""
        begins = {card.key: card for card in reversed(self._page.cards)}
        ends = [(way.speaker.key, card.inner(n)) for card in self._page.cards for n, way in enumerate(card.ways)]
        spans = {key: (begins[key].out, begins[key].out) for key, _ in ends}
        for key, y in ends:
            spans[key] = (min(spans[key][0], y), max(spans[key][1], y))
        lane = lanes(spans)
        for key, y in sorted(ends, key=lambda end: (lane[end[0]], end[1])):
            begin = begins[key]
            x, left = begin.box.x - 18 - plan.LANE * lane[key], begin.box.x
            turn = min(5.0, abs(y - begin.out) / 2)
            down = turn if y > begin.out else -turn
            steps = ("M", left, begin.out, "H", x + turn, "Q", x, begin.out, x, begin.out + down)
            back = ("V", y - down, "Q", x, y, x + turn, y, "H", left - 6)
            self._svg.path(f"way {self._hues[key]}", *steps, *back)
            self._svg.path(f"head {self._hues[key]}", "M", left, y, "L", left - 8, y - 4.5, "V", y + 4.5, "Z")


def out_of(way: str) -> str:
    """How a subnet is left."""
    return f"out by {way}" if way else "no way out"


def _lines(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(names) <= 3 else (*names[:2], f"and {len(names) - 2} more networks")
