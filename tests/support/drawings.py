"""Read a drawing back from its SVG: its groups, with the rectangle and the texts of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from xml.etree import ElementTree

from runbook_lib.evidence.drawing.svg import Box, Svg

NS = "{http://www.w3.org/2000/svg}"
TOLERANCE = 0.11
"""How far rounding to a tenth may move an edge."""


@dataclass(frozen=True)
class Group:
    """A ``<g>`` of a drawing.

    Args:
        classes: Its CSS classes.
        box: Its own rectangle, where it has one.
        texts: Its texts, each with the largest box that it may take.
    """

    classes: frozenset[str]
    box: Box | None
    texts: tuple[tuple[str, Box], ...]

    @property
    def text(self) -> str:
        return " | ".join(text for text, _ in self.texts)


def parse(svg: Svg) -> ElementTree.Element:
    return ElementTree.fromstring(str(svg))


def groups(svg: Svg, css_class: str) -> list[Group]:
    """The groups of one class, in the order in which they are drawn."""
    return [group for group in _groups(svg) if css_class in group.classes]


def rects(svg: Svg, css_class: str) -> list[Box]:
    """Every rectangle of one class."""
    return [_box(rect) for rect in parse(svg).iter(f"{NS}rect") if css_class in rect.get("class", "").split()]


def are_apart(boxes: list[Box]) -> bool:
    """Whether no two overlap."""
    return not any(overlaps(one, other) for one, other in combinations(boxes, 2))


def overlaps(one: Box, other: Box) -> bool:
    return (
        min(one.right, other.right) - max(one.x, other.x) > TOLERANCE
        and min(one.bottom, other.bottom) - max(one.y, other.y) > TOLERANCE
    )


def is_within(inner: Box, outer: Box) -> bool:
    return (
        inner.x >= outer.x - TOLERANCE
        and inner.y >= outer.y - TOLERANCE
        and inner.right <= outer.right + TOLERANCE
        and inner.bottom <= outer.bottom + TOLERANCE
    )


def overflowing_texts(svg: Svg) -> list[str]:
    """Texts that are not inside the rectangle of their group, or on the page."""
    page = Box(0, 0, svg.width, svg.height)
    return [
        text
        for group in _groups(svg)
        for text, space in group.texts
        if not is_within(space, page) or (group.box and not is_within(space, group.box))
    ]


def _groups(svg: Svg) -> Iterator[Group]:
    for element in parse(svg).iter(f"{NS}g"):
        rect = element.find(f"{NS}rect[@class='box']")
        texts = tuple((_text(text), _space(text, svg)) for text in element.findall(f"{NS}text"))
        yield Group(frozenset(element.get("class", "").split()), _box(rect) if rect is not None else None, texts)


def _box(rect: ElementTree.Element) -> Box:
    return Box(*(float(rect.get(name, "0")) for name in ("x", "y", "width", "height")))


def _text(text: ElementTree.Element) -> str:
    return "".join(span.text or "" for span in text.findall(f"{NS}tspan"))


def _space(text: ElementTree.Element, svg: Svg) -> Box:
    pieces = [(svg.text_styles[span.get("class", "")], span.text or "") for span in text.findall(f"{NS}tspan")]
    width = sum(style.width(text) for style, text in pieces)
    height = max(style.size for style, _ in pieces)
    x = float(text.get("x", "0")) - {"end": width, "middle": width / 2}.get(text.get("text-anchor", ""), 0)
    return Box(x, float(text.get("y", "0")) - 0.8 * height, width, height)
