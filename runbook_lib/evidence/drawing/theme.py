"""The colours and letters of what a person looks at: one palette, for a light page and for a dark one."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

DARK = "screen and (prefers-color-scheme:dark)"
"""Where the dark page is looked at."""

TEXT_COLOR: Mapping[str, tuple[str, str]] = {
    "page": ("#ffffff", "#0d1117"),
    "text": ("#1f2328", "#e6edf3"),
    "dim": ("#545c65", "#a3adb8"),
    "line": ("#6e7781", "#848d97"),
    "faint": ("#d8dee4", "#30363d"),
    "area": ("#f6f8fa", "#151b23"),
    "thing": ("#ffffff", "#0d1117"),
    "public": ("#e9f6ec", "#10261a"),
    "public-line": ("#237a3a", "#3fa857"),
    "private": ("#eaf2fd", "#101f36"),
    "private-line": ("#2164c2", "#4f94f5"),
    "good": ("#1a7f37", "#4cc264"),
    "bad": ("#c4222c", "#ff7b72"),
    "accent": ("#b3460e", "#f0883e"),
    "waits": ("#8b949e", "#6e7681"),
    "acts": ("#0b4fa8", "#9ccbff"),
    "settles": ("#4692de", "#3b80cf"),
}
"""Names of colours: the first on a light page, the second on a dark one."""

COLORS: tuple[tuple[str, str], ...] = (
    ("#57606a", "#98a3ae"),
    ("#0a6fc2", "#58a6ff"),
    ("#a8460a", "#f0883e"),
    ("#1a7f37", "#4cc264"),
    ("#8250df", "#bc8cff"),
    ("#bf3989", "#f778ba"),
    ("#0b7a86", "#39c5cf"),
    ("#8a6500", "#d9a520"),
)
"""To tell apart who speaks; what is told apart by a colour has a name, too."""

Styles = Mapping[str, Mapping[str, str]]
"""Properties by selector; a value that is the name of a colour is replaced by it."""


@dataclass(frozen=True)
class TextStyle:
    """How a text is set; widths are those of a wide face, so that a text fits in any."""

    size: float
    bold: bool = False
    mono: bool = False
    colour: str = "text"

    def width(self, words: str) -> float:
        """How much room the words take at most."""
        if self.mono:
            return sum(0.62 if _narrow(sign) else 1.25 for sign in words) * self.size
        return sum(map(_advance, words)) * self.size * (1.12 if self.bold else 1.0)

    def fit(self, words: str, width: float) -> str:
        """The words, or as much of their beginning as has room."""
        if self.width(words) <= width:
            return words
        kept = words
        while kept and self.width(kept + "…") > width:
            kept = kept[:-1]
        return kept.rstrip() + "…"

    def style(self) -> dict[str, str]:
        """The same for a style sheet."""
        family = MONO if self.mono else SANS
        weight = "600" if self.bold else "400"
        return {"font": f"{weight} {self.size}px {family}", "fill": self.colour}


def style_sheet(scope: str, styles: Styles) -> str:
    """CSS for both pages that touches nothing outside of *scope*; on paper it is the light one."""
    light, dark = [], []
    for selector, properties in styles.items():
        light.append(_rule(scope, selector, {name: _ink(value, 0) for name, value in properties.items()}))
        other = {name: _ink(value, 1) for name, value in properties.items() if value in TEXT_COLOR or value in _HUED}
        if other:
            dark.append(_rule(scope, selector, other))
    return f"{''.join(light)}@media {DARK}{{{''.join(dark)}}}"


def variables() -> str:
    """The palette for a page of HTML: ``var(--dim)``."""
    light, dark = ("".join(f"--{name}:{pair[page]};" for name, pair in TEXT_COLOR.items()) for page in (0, 1))
    return f":root{{{light}}}@media {DARK}{{:root{{{dark}}}}}"


def color(number: int) -> str:
    """The name of a colour for the n-th of those that are told apart; they repeat."""
    return f"hue-{number % len(COLORS)}"


def contrast(one: str, other: str) -> float:
    """By WCAG's measure: 4.5 is asked for of text, 3 of what has to be seen.

    https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    """
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


_HUED = {color(number): pair for number, pair in enumerate(COLORS)}
_ROOM: Mapping[str, float] = {
    "iIjlftr.,:;'|!()[]{}/\\ -·": 0.41,
    "mwMW%@—": 1.0,
    "ABCDEFGHKLNOPQRSTUVXYZ+=<>~←→…": 0.84,
}
_WIDTHS = {sign: width for signs, width in _ROOM.items() for sign in signs}


def _advance(sign: str) -> float:
    return _WIDTHS.get(sign, 0.64 if _narrow(sign) else 1.25)


def _narrow(sign: str) -> bool:
    return sign.isascii() or unicodedata.east_asian_width(sign) not in "WF"


def _ink(value: str, page: int) -> str:
    pair = TEXT_COLOR.get(value) or _HUED.get(value)
    return pair[page] if pair else value


def _rule(scope: str, selector: str, properties: Mapping[str, str]) -> str:
    inside = ",".join(f"{scope} {part.strip()}" for part in selector.split(",")) if selector else scope
    return f"{inside}{{{';'.join(f'{name}:{value}' for name, value in properties.items())}}}"


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
