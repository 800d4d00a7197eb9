"""A small builder of pictures: everything that is written into one is escaped, and nothing in it runs or is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from xml.sax.saxutils import escape

from .theme import Styles, TextStyle, style_sheet

Words = str | Sequence[tuple[str, str]]
"""Some words, or pieces of a line with the class of each; there is a space between them."""

# What XML cannot hold, and the marks by which one text can be made to look like another.
_UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Box:
    """A rectangle of the page."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        """Its middle from top to bottom."""
        return self.y + self.height / 2

    def inset(self, by: float) -> Box:
        """What is left of it without a margin."""
        return Box(self.x + by, self.y + by, self.width - 2 * by, self.height - 2 * by)


class Svg:
    """One picture; it is shown by the last line of a cell, and its words where no picture can be.

    Args:
        name: Told apart by it when a page has several; a plain word.
        title: What it shows.
        words: The same as it shows, for those who cannot see it.
        faces: How texts are set, by class.
        styles: How everything else looks, by selector.
    """

    def __init__(
        self,
        name: str,
        width: float,
        height: float,
        *,
        title: str,
        words: str,
        faces: Mapping[str, TextStyle],
        styles: Styles,
    ) -> None:
        self.name, self.width, self.height = name, width, height
        self.title, self.words, self.faces = plain(title), plain(words), faces
        self._styles = {"rect.page": {"fill": "page"}, **styles}
        self._parts: list[str] = []
        self.rect(Box(0, 0, width, height), "page")

    def rect(self, box: Box, look: str, *, rounded: float = 0) -> None:
        """A rectangle."""
        corner = f' rx="{_number(rounded)}"' if rounded else ""
        place = zip(("x", "y", "width", "height"), (box.x, box.y, box.width, box.height), strict=True)
        told = " ".join(f'{name}="{_number(value)}"' for name, value in place)
        self._parts.append(f'<rect class="{_word(look)}" {told}{corner}/>')

    def text(self, x: float, y: float, words: Words, face: str, *, anchor: str = "start", room: float = 0) -> float:
        """One line; cut where its *room* ends, with the whole of it to be read by pointing at it.

        Returns how wide it is at most; where there is nothing to say, nothing is written.
        """
        pieces = [(words, face)] if isinstance(words, str) else list(words)
        lines = [(line, look) for told, look in pieces if (line := plain(told))]
        if not lines:
            return 0.0
        whole = [(" " * bool(number) + line, look) for number, (line, look) in enumerate(lines)]
        shown, left = [], room or float("inf")
        for told, look in whole:
            fitting = self.faces[look].fit(told, left)
            shown.append((fitting, look))
            left -= self.faces[look].width(fitting)
            if fitting != told:
                break
        hint = f"<title>{escape(''.join(told for told, _ in whole))}</title>" if shown != whole else ""
        inside = "".join(f'<tspan class="{_word(look)}">{escape(told)}</tspan>' for told, look in shown)
        where = "" if anchor == "start" else f' text-anchor="{_word(anchor)}"'
        self._parts.append(f'<text x="{_number(x)}" y="{_number(y)}"{where} xml:space="preserve">{hint}{inside}</text>')
        return sum(self.faces[look].width(told) for told, look in shown)

    def path(self, look: str, *steps: str | float) -> None:
        """A line along *steps*, as SVG has them: ``"M", 1, 2, "H", 5``."""
        told = " ".join(_word(step) if isinstance(step, str) else _number(step) for step in steps)
        self._parts.append(f'<path class="{_word(look)}" d="{told}"/>')

    @contextmanager
    def group(self, look: str, told: str = "") -> Iterator[None]:
        """What belongs together; *told* is to be read by pointing at it."""
        hint = plain(told)
        self._parts.append(f'<g class="{_word(look)}">' + (f"<title>{escape(hint)}</title>" if hint else ""))
        yield
        self._parts.append("</g>")

    def __str__(self) -> str:
        name = _word(self.name)
        faces = {f".{look}": face.style() for look, face in self.faces.items()}
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" class="picture" role="img"'
            f' aria-labelledby="{name}-title {name}-words"'
            f' viewBox="0 0 {_number(self.width)} {_number(self.height)}"'
            f' width="{_number(self.width)}" height="{_number(self.height)}" style="max-width:100%;height:auto">'
            f'<title id="{name}-title">{escape(self.title)}</title>'
            f'<desc id="{name}-words">{escape(self.words)}</desc>'
            f"<style>{style_sheet(f'#{name}', {**self._styles, **faces})}</style>"
            f"{''.join(self._parts)}</svg>\n"
        )

    def __repr__(self) -> str:
        return f"{self.title}\n{self.words}"

    def _repr_svg_(self) -> str:
        return str(self)


def plain(words: str) -> str:
    """The words on one line, without what no page can hold and what would turn them around."""
    return " ".join(_UNFIT.sub("\ufffd", words).split())


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _word(look: str) -> str:
    """Classes, names and steps of a path are ours; nothing else may stand there."""
    if not re.fullmatch(r"[A-Za-z][\w -]*", look):
        raise ValueError(f"{look!r} is no plain word")
    return look
