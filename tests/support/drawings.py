"""A picture read back from its SVG: its groups, with the rectangle and the texts of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from xml.etree import ElementTree

from runbook_lib.evidence.drawing.svg import Box, Svg

NS = "{http://www.w3.org/2000/svg}"
HAIR = 0.11
"""What rounding to a tenth may move an edge by."""


@dataclass(frozen=True)
class Group:
    """A ``<g>`` of a picture.

    Args:
        looks: Its classes.
        box: Its own rectangle, where it has one.
        texts: What is written in it, each with the room that it takes at most.
    """

    looks: frozenset[str]
    box: Box | None
    texts: tuple[tuple[str, Box], ...]

    @property
    def words(self) -> str:
        return " | ".join(words for words, _ in self.texts)


def parsed(svg: Svg) -> ElementTree.Element:
    return ElementTree.fromstring(str(svg))


def groups(svg: Svg, look: str) -> list[Group]:
    """The groups of one class, in the order in which they are drawn."""
    return [found for found in _groups(svg) if look in found.looks]


def rects(svg: Svg, look: str) -> list[Box]:
    """Every rectangle of one class."""
    return [_box(rect) for rect in parsed(svg).iter(f"{NS}rect") if look in rect.get("class", "").split()]


def apart(boxes: list[Box]) -> bool:
    """Whether no two overlap."""
    return not any(overlap(one, other) for one, other in combinations(boxes, 2))


def overlap(one: Box, other: Box) -> bool:
    return (
        min(one.right, other.right) - max(one.x, other.x) > HAIR
        and min(one.bottom, other.bottom) - max(one.y, other.y) > HAIR
    )


def within(inner: Box, outer: Box) -> bool:
    return (
        inner.x >= outer.x - HAIR
        and inner.y >= outer.y - HAIR
        and inner.right <= outer.right + HAIR
        and inner.bottom <= outer.bottom + HAIR
    )


def spilling(svg: Svg) -> list[str]:
    """Texts that do not stay in the rectangle of their group, or on the page."""
    page = Box(0, 0, svg.width, svg.height)
    return [
        words
        for group in _groups(svg)
        for words, room in group.texts
        if not within(room, page) or (group.box and not within(room, group.box))
    ]


def _groups(svg: Svg) -> Iterator[Group]:
    for element in parsed(svg).iter(f"{NS}g"):
        rect = element.find(f"{NS}rect[@class='box']")
        texts = tuple((_words(text), _room(text, svg)) for text in element.findall(f"{NS}text"))
        yield Group(frozenset(element.get("class", "").split()), _box(rect) if rect is not None else None, texts)


def _box(rect: ElementTree.Element) -> Box:
    return Box(*(float(rect.get(name, "0")) for name in ("x", "y", "width", "height")))


def _words(text: ElementTree.Element) -> str:
    return "".join(span.text or "" for span in text.findall(f"{NS}tspan"))


def _room(text: ElementTree.Element, svg: Svg) -> Box:
    faces = [(svg.faces[span.get("class", "")], span.text or "") for span in text.findall(f"{NS}tspan")]
    wide = sum(face.width(words) for face, words in faces)
    high = max(face.size for face, _ in faces)
    x = float(text.get("x", "0")) - {"end": wide, "middle": wide / 2}.get(text.get("text-anchor", ""), 0)
    return Box(x, float(text.get("y", "0")) - 0.8 * high, wide, high)
