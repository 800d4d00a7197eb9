"""The drawing of a topology: what runs in which zone and subnet, and who may connect to whom."""

from __future__ import annotations

from collections.abc import Mapping

from ...formatting import format_time
from ..drawing.svg import Box, Svg
from ..drawing.theme import SERIES_COLORS, Styles, TextStyle, series_color
from . import layout as sizes
from .alt_text import describe_topology
from .lanes import assign_lanes
from .layout import Card, Layout, NetworkArea, SubnetBox, compute_layout, strip_zone
from .model import Network, Node, Topology

TEXT_STYLES: Mapping[str, TextStyle] = {
    "title": TextStyle(17, bold=True),
    "name": TextStyle(12.5, bold=True),
    "body": TextStyle(12),
    "dim": sizes.GATEWAY_TEXT,
    "id": TextStyle(10.5, mono=True, color="dim"),
    "open": TextStyle(11, bold=True, color="public-line"),
    "closed": TextStyle(11, bold=True, color="private-line"),
}
_COLORS = [series_color(number) for number in range(len(SERIES_COLORS))]
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
    **{f".{name} .bar": {"fill": name, "stroke": "none"} for name in _COLORS},
    **{f".band.{name}": {"fill": name, "stroke": name} for name in _COLORS},
    **{f".way.{name}": {"stroke": name} for name in _COLORS},
    **{f".head.{name}": {"fill": name} for name in _COLORS},
}


def draw_topology(topology: Topology) -> Svg:
    """Draw a topology; nothing that it does not hold is drawn."""
    return _Drawing(topology, compute_layout(topology)).draw()


class _Drawing:
    def __init__(self, topology: Topology, layout: Layout) -> None:
        self._topology, self._layout = topology, layout
        own = list(dict.fromkeys(card.key for card in layout.cards))
        self._colors = {key: series_color(number) for number, key in enumerate(own)}
        self._title = f"What runs in {topology.region}, and who may talk to whom"
        height = layout.height + (sizes.LINE if topology.denied else 0)
        self._svg = Svg(
            "topology",
            layout.width,
            height,
            title=self._title,
            description=describe_topology(topology, layout.connectivity),
            text_styles=TEXT_STYLES,
            styles=STYLES,
        )

    def draw(self) -> Svg:
        svg, topology, layout = self._svg, self._topology, self._layout
        svg.text(sizes.MARGIN, 26, self._title, "title", room=layout.width - 2 * sizes.MARGIN)
        text = f"Environment {topology.env} · account {topology.account} · as it was seen on {format_time(topology.at)}"
        svg.text(sizes.MARGIN, 46, text, "dim", room=layout.width - 2 * sizes.MARGIN)
        if layout.areas:
            self._legend()
        with svg.group("region"):
            svg.rect(layout.region, "box", rounded=8)
            where = [(topology.region, "name"), (f"region of account {topology.account}", "dim")]
            svg.text(layout.left, layout.region.y + 23, where, "name", room=layout.region.right - layout.left - 12)
        if not layout.areas:
            text = f"Nothing of {topology.env} was found here: no VPC carries its tags."
            svg.text(layout.left, layout.region.y + 56, text, "body", room=layout.region.right - layout.left - 12)
        for area in layout.areas:
            self._area(area)
        for card in layout.cards:
            self._card(card)
        self._flows()
        if topology.denied:
            text = f"Not known, because there is no permission to read them: {', '.join(topology.denied)}."
            svg.text(sizes.MARGIN, layout.height + 6, text, "body", room=layout.width - 2 * sizes.MARGIN)
        svg.list_cut_texts(sizes.MARGIN, "dim")
        return svg

    def _legend(self) -> None:
        x, y = self._layout.zones_left, float(sizes.TITLE)
        for css_class, text in (
            ("public", "public subnet"),
            ("private", "private subnet"),
            ("thing stranger", "not tagged as ours"),
        ):
            with self._svg.group(css_class):
                self._svg.rect(Box(x, y, 22, 14), "box", rounded=3)
            x += 28 + self._svg.text(x + 28, y + 11.5, text, "dim") + 18
        self._svg.rect(Box(x, y, 22, 14), f"band {series_color(1)}")
        self._svg.text(x + 28, y + 11.5, "in one security group, named at the left", "dim")
        text = "A line leads from who may talk to whom it may talk to, with the ports."
        self._svg.text(self._layout.zones_left, y + 33, text, "dim", room=self._layout.width - self._layout.zones_left)

    def _area(self, area: NetworkArea) -> None:
        svg, network, box = self._svg, area.network, area.box
        with svg.group("network", f"VPC {network.id}"):
            svg.rect(box, "box", rounded=8)
            text = [(f"VPC {network.name}", "name"), (network.cidr, "body"), (network.id, "id")]
            left, room = self._layout.left, box.right - self._layout.left - 12
            svg.text(left, box.y + 23, text, "name", room=room)
            if area.unused_groups:
                names = ", ".join(group.name for group in area.unused_groups)
                unused = f"Security groups that nobody is in, and no rule speaks of: {names}"
                svg.text(left, box.bottom - 10, unused, "dim", room=room)
            if not (area.zones or area.cards):
                svg.text(left, box.y + 50, "Nothing was found in it.", "body", room=room)
        for gateway, place in area.gateways:
            with svg.group("door"):
                svg.rect(place, "box", rounded=12)
                svg.text(place.x + 10, place.y + 16, gateway, "dim", room=place.width - 16)
        for zone, place in area.zones:
            with svg.group("zone"):
                svg.rect(place, "box", rounded=6)
                named = f"Zone {zone}" if zone else "Zone not known"
                svg.text(place.x + 10, place.y + 18, named, "name", room=place.width - 20)
        for subnet_box in area.subnets:
            self._subnet(subnet_box)
        for group, place in area.bands:
            svg.rect(place, f"band {self._colors[group]}")
        for node, group, place in area.nodes:
            self._node(node, group, place, network)
        self._mark_empty_groups(area)

    def _subnet(self, subnet_box: SubnetBox) -> None:
        svg, box, subnet = self._svg, subnet_box.box, subnet_box.subnet
        if subnet is None:
            with svg.group("somewhere"):
                svg.rect(box, "box", rounded=5)
                svg.text(box.x + 10, box.y + 17, "Subnet not known", "dim", room=box.width - 20)
            return
        css_class, text_style = ("public", "open") if subnet.public else ("private", "closed")
        with svg.group(f"subnet {css_class}{'' if subnet.ours else ' stranger'}", f"Subnet {subnet.id}"):
            svg.rect(box, "box", rounded=5)
            cidr = TEXT_STYLES["id"].width(subnet.cidr)
            svg.text(
                box.x + 10, box.y + 17, strip_zone(subnet.name, subnet.zone), text_style, room=box.width - 28 - cidr
            )
            svg.text(box.right - 10, box.y + 17, subnet.cidr, "id", anchor="end")
            svg.text(
                box.x + 10, box.y + 17 + sizes.LINE - 1, _route_text(subnet.default_route), "dim", room=box.width - 20
            )

    def _node(self, node: Node, own: str, box: Box, network: Network) -> None:
        svg, color = self._svg, self._colors.get(own, "alone")
        also = [group.name for group in network.groups if group.id in node.groups and group.id != own]
        notes = " · ".join([*node.notes, *(f"also in {name}" for name in also)])
        hint = f"{node.kind} {node.name} {node.id}: {' · '.join(filter(None, (notes, node.address)))}"
        with svg.group(f"thing {color}{'' if node.ours else ' stranger'}", hint):
            svg.rect(box, "box", rounded=4)
            svg.rect(Box(box.x, box.y + 4, 4, box.height - 8), "bar")
            room = box.width - 18
            named = strip_zone(node.name, node.zone) if node.name != node.id else ""
            svg.text(box.x + 12, box.y + 18, [(node.kind, "name"), (named, "body")], "name", room=room)
            svg.text(box.x + 12, box.y + 34, node.id, "id", room=room)
            svg.text(box.x + 12, box.y + 50, notes if node.ours else f"not ours · {notes}", "dim", room=room)
            if node.address:
                svg.text(box.x + 12, box.y + 50 + sizes.LINE, node.address, "dim", room=room)

    def _card(self, card: Card) -> None:
        svg, box = self._svg, card.box
        foreign = "" if card.ours else " stranger"
        with svg.group(f"card {self._colors[card.key]}{foreign}", ", ".join(card.names)):
            svg.rect(box, "box", rounded=5)
            svg.rect(Box(box.right - 4, box.y + 4, 4, box.height - 8), "bar")
            room = box.width - 22
            description = "as above" if card.repeated else card.description
            if len(card.names) == 1:
                svg.text(box.x + 12, box.y + 18, [(card.names[0], "name"), (description, "dim")], "name", room=room)
            for number, name in enumerate(_lines(card.names) if len(card.names) > 1 else ()):
                svg.text(box.x + 12, box.y + 18 + sizes.LINE * number, name, "name", room=room)
            for number, flow in enumerate(card.flows):
                text = [(flow.ports, "name"), (f"from {flow.source.name}", "dim")]
                svg.text(box.x + 16, card.flow_y(number) + 4, text, "dim", room=room - 4)

    def _mark_empty_groups(self, area: NetworkArea) -> None:
        with_members = {group for group, _ in area.bands}
        for card in area.cards:
            if card.key not in with_members:
                self._svg.text(card.box.right + 14, card.box.y + 18, "nobody is in it", "dim")

    def _flows(self) -> None:
        """Draw each flow from its source, along the source's own lane, to its target."""
        starts = {card.key: card for card in reversed(self._layout.cards)}
        ends = [(flow.source.key, card.flow_y(n)) for card in self._layout.cards for n, flow in enumerate(card.flows)]
        spans = {key: (starts[key].start_y, starts[key].start_y) for key, _ in ends}
        for key, y in ends:
            spans[key] = (min(spans[key][0], y), max(spans[key][1], y))
        lane = assign_lanes(spans)
        for key, y in sorted(ends, key=lambda end: (lane[end[0]], end[1])):
            start = starts[key]
            x, left = start.box.x - 18 - sizes.LANE * lane[key], start.box.x
            turn = min(5.0, abs(y - start.start_y) / 2)
            down = turn if y > start.start_y else -turn
            steps = ("M", left, start.start_y, "H", x + turn, "Q", x, start.start_y, x, start.start_y + down)
            back = ("V", y - down, "Q", x, y, x + turn, y, "H", left - 6)
            self._svg.path(f"way {self._colors[key]}", *steps, *back)
            self._svg.path(f"head {self._colors[key]}", "M", left, y, "L", left - 8, y - 4.5, "V", y + 4.5, "Z")


def _route_text(target: str) -> str:
    """The default route of a subnet, for a reader."""
    return f"out by {target}" if target else "no way out"


def _lines(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(names) <= 3 else (*names[:2], f"and {len(names) - 2} more networks")
