"""Builds SVG drawings: all text is escaped, and no drawing runs scripts or loads anything."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from xml.sax.saxutils import escape  # nosec B406 # it writes XML, and parses none

from .theme import Styles, TextStyle, style_sheet

Text = str | Sequence[tuple[str, str]]
"""A text, or pieces of a line, each with its CSS class; they are joined by a space."""

# Characters that XML cannot hold, and those that change the direction of text.
_UNPRINTABLE = re.compile(
    r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


@dataclass(frozen=True)
class Box:
    """A rectangle, in pixels from the top left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of the right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the lower edge."""
        return self.y + self.height


class Svg:
    """One drawing.  A notebook shows it as the value of a cell, and its description where SVG is not supported.

    Args:
        name: Its id in a page with several drawings; a word.
        title: What it shows.
        description: The text alternative.
        text_styles: Styles of texts, by CSS class.
        styles: Styles of everything else, by CSS selector.
    """

    def __init__(
        self,
        name: str,
        width: float,
        height: float,
        *,
        title: str,
        description: str,
        text_styles: Mapping[str, TextStyle],
        styles: Styles,
    ) -> None:
        self.name, self.width, self.height = name, width, height
        self.title, self.description, self.text_styles = one_line(title), one_line(description), text_styles
        self.link = ""
        """The URL of the file, which a click on the picture opens."""
        self._styles = {"rect.page": {"fill": "page"}, **styles}
        self._elements: list[str] = []
        self._cut: dict[str, int] = {}
        """The texts that had no room, in full, with their numbers."""

    def rect(self, box: Box, css_class: str, *, rounded: float = 0) -> None:
        """Draw a rectangle."""
        corner = f' rx="{_number(rounded)}"' if rounded else ""
        position = zip(("x", "y", "width", "height"), (box.x, box.y, box.width, box.height), strict=True)
        attributes = " ".join(f'{name}="{_number(value)}"' for name, value in position)
        self._elements.append(f'<rect class="{_require_word(css_class)}" {attributes}{corner}/>')

    def text(self, x: float, y: float, line: Text, css_class: str, *, anchor: str = "start", room: float = 0) -> float:
        """Write one line.  One that is wider than *room* is cut; :meth:`list_cut_texts` has all of it, by its number.

        Args:
            css_class: Of a line that is one text; pieces have their own.

        Returns:
            The largest width that it may have, in pixels; 0 for an empty text, which is not written.
        """
        given = [(line, css_class)] if isinstance(line, str) else list(line)
        pieces = [(text, look) for piece, look in given if (text := one_line(piece))]
        if not pieces:
            return 0.0
        whole = [(" " * bool(number) + text, look) for number, (text, look) in enumerate(pieces)]
        width, in_full = sum(self.text_styles[look].width(text) for text, look in whole), ""
        shown = whole
        if room and width > room:
            in_full = "".join(text for text, _ in whole)
            number = self._cut.setdefault(in_full, len(self._cut) + 1)
            shown = self._fit(whole, room, f"… [{number}]")
        tooltip = f"<title>{escape(in_full)}</title>" if in_full else ""
        spans = "".join(f'<tspan class="{_require_word(look)}">{escape(text)}</tspan>' for text, look in shown)
        where = "" if anchor == "start" else f' text-anchor="{_require_word(anchor)}"'
        position = f'x="{_number(x)}" y="{_number(y)}"{where}'
        self._elements.append(f'<text {position} xml:space="preserve">{tooltip}{spans}</text>')
        return sum(self.text_styles[look].width(text) for text, look in shown)

    def _fit(self, pieces: Sequence[tuple[str, str]], room: float, mark: str) -> list[tuple[str, str]]:
        """Cut the pieces, which are wider than their room, and mark where."""
        room -= max(self.text_styles[look].width(mark) for _, look in pieces)
        kept: list[tuple[str, str]] = []
        for text, look in pieces:
            style = self.text_styles[look]
            if style.width(text) > room:
                kept.append((style.cut(text, room) + mark, look))
                break
            kept.append((text, look))
            room -= style.width(text)
        return kept

    def list_cut_texts(self, left: float, css_class: str) -> None:
        """Write the texts that were cut in full, numbered, at the foot of the drawing, which grows."""
        style = self.text_styles[css_class]
        texts = [f"[{number}] {text}" for text, number in self._cut.items()]
        for line in (line for text in texts for line in style.wrap(text, self.width - 2 * left)):
            self.height += 1.5 * style.size
            self.text(left, self.height - 0.5 * style.size, line, css_class)
        self.height += style.size if texts else 0

    def path(self, css_class: str, *steps: str | float) -> None:
        """Draw a path; *steps* are SVG's path commands: ``"M", 1, 2, "H", 5``."""
        commands = " ".join(_require_word(step) if isinstance(step, str) else _number(step) for step in steps)
        self._elements.append(f'<path class="{_require_word(css_class)}" d="{commands}"/>')

    @contextmanager
    def group(self, css_class: str, tooltip: str = "") -> Iterator[None]:
        """Group what is drawn inside the ``with`` block."""
        title = f"<title>{escape(text)}</title>" if (text := one_line(tooltip)) else ""
        self._elements.append(f'<g class="{_require_word(css_class)}">{title}')
        yield
        self._elements.append("</g>")

    def __str__(self) -> str:
        name = _require_word(self.name)
        text_styles = {f".{css_class}": style.style() for css_class, style in self.text_styles.items()}
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" class="picture" role="img"'
            f' aria-labelledby="{name}-title {name}-words"'
            f' viewBox="0 0 {_number(self.width)} {_number(self.height)}"'
            f' width="{_number(self.width)}" height="{_number(self.height)}" style="max-width:100%;height:auto">'
            f'<title id="{name}-title">{escape(self.title)}</title>'
            f'<desc id="{name}-words">{escape(self.description)}</desc>'
            f"<style>{style_sheet(f'#{name}', {**self._styles, **text_styles})}</style>"
            f'<rect class="page" x="0" y="0" width="{_number(self.width)}" height="{_number(self.height)}"/>'
            f"{''.join(self._elements)}</svg>\n"
        )

    def __repr__(self) -> str:
        return f"{self.title}\n{self.description}"

    def _repr_svg_(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """A picture that is never wider than its column: JupyterLab shows an SVG in its own width."""
        data = base64.b64encode(str(self).encode()).decode()
        words = escape(f"{self.title}. {self.description}", {'"': "&quot;"})
        picture = f'<img style="max-width:100%;height:auto" alt="{words}" src="data:image/svg+xml;base64,{data}">'
        if not self.link:
            return picture
        return f'<a href="{escape(self.link)}" title="Open the picture in its full size">{picture}</a>'


def one_line(text: str) -> str:
    """Put a text on one line; characters that a page cannot show are replaced."""
    return " ".join(_UNPRINTABLE.sub("\ufffd", text).split())


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _require_word(text: str) -> str:
    """Refuse anything but a word where an attribute is not escaped: classes, names and path commands."""
    if not re.fullmatch(r"[A-Za-z][\w -]*", text):
        raise ValueError(f"{text!r} is not a word")
    return text
