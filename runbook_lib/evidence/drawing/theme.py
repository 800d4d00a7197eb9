"""Colours and text styles of the drawings and the report, for light and dark mode."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

DARK = "screen and (prefers-color-scheme:dark)"
"""The media query of dark mode; print is always light."""

PALETTE: Mapping[str, tuple[str, str]] = {
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
"""Colours by name: in light mode, in dark mode."""

SERIES_COLORS: tuple[tuple[str, str], ...] = (
    ("#57606a", "#98a3ae"),
    ("#0a6fc2", "#58a6ff"),
    ("#a8460a", "#f0883e"),
    ("#1a7f37", "#4cc264"),
    ("#8250df", "#bc8cff"),
    ("#bf3989", "#f778ba"),
    ("#0b7a86", "#39c5cf"),
    ("#8a6500", "#d9a520"),
)
"""Colours of the sources in a topology.  Colour is never the only difference: each source also has its name."""

Styles = Mapping[str, Mapping[str, str]]
"""CSS properties by selector; a value that is a name in the palette is replaced by its colour."""


@dataclass(frozen=True)
class TextStyle:
    """The style of a text.  Its widths are those of a wide font, so that the text fits in any font."""

    size: float
    bold: bool = False
    mono: bool = False
    color: str = "text"

    def width(self, text: str) -> float:
        """The largest width of a text, in pixels."""
        if self.mono:
            return sum(0.62 if _is_narrow(character) else 1.25 for character in text) * self.size
        return sum(map(_character_width, text)) * self.size * (1.12 if self.bold else 1.0)

    def cut(self, text: str, width: float) -> str:
        """As much of the beginning of the text as is not wider than *width*."""
        kept = text
        while kept and self.width(kept) > width:
            kept = kept[:-1]
        return kept.rstrip()

    def wrap(self, text: str, width: float) -> list[str]:
        """The text in lines of at most *width*, broken between words, and within a word that is wider."""
        lines = [""]
        for word in text.split():
            if lines[-1] and self.width(word) <= width < self.width(f"{lines[-1]} {word}"):
                lines.append("")
            lines[-1] += f" {word}" if lines[-1] else word
            while self.width(lines[-1]) > width and len(lines[-1]) > 1:
                first = self.cut(lines[-1], width) or lines[-1][0]
                lines[-1:] = [first, lines[-1][len(first) :]]
        return lines

    def style(self) -> dict[str, str]:
        """The CSS properties."""
        family = MONO if self.mono else SANS
        weight = "600" if self.bold else "400"
        return {"font": f"{weight} {self.size}px {family}", "fill": self.color}


def style_sheet(scope: str, styles: Styles) -> str:
    """Build the CSS for light and dark mode; all selectors are inside *scope*."""
    light, dark = [], []
    for selector, properties in styles.items():
        light.append(_css_rule(scope, selector, {name: _resolve(value, 0) for name, value in properties.items()}))
        colors = {
            name: _resolve(value, 1) for name, value in properties.items() if value in PALETTE or value in _SERIES
        }
        if colors:
            dark.append(_css_rule(scope, selector, colors))
    return f"{''.join(light)}@media {DARK}{{{''.join(dark)}}}"


def css_variables() -> str:
    """Build the CSS variables of the palette for an HTML page, such as ``var(--dim)``."""
    light, dark = ("".join(f"--{name}:{pair[page]};" for name, pair in PALETTE.items()) for page in (0, 1))
    return f":root{{{light}}}@media {DARK}{{:root{{{dark}}}}}"


def series_color(number: int) -> str:
    """The name of the n-th series colour; they repeat."""
    return f"hue-{number % len(SERIES_COLORS)}"


_SERIES = {series_color(number): pair for number, pair in enumerate(SERIES_COLORS)}
_WIDTH_CLASSES: Mapping[str, float] = {
    "iIjlftr.,:;'|!()[]{}/\\ -·": 0.41,
    "mwMW%@—": 1.0,
    "ABCDEFGHKLNOPQRSTUVXYZ+=<>~←→…": 0.84,
}
_WIDTHS = {character: width for characters, width in _WIDTH_CLASSES.items() for character in characters}


def _character_width(character: str) -> float:
    return _WIDTHS.get(character, 0.64 if _is_narrow(character) else 1.25)


def _is_narrow(character: str) -> bool:
    return character.isascii() or unicodedata.east_asian_width(character) not in "WF"


def _resolve(value: str, page: int) -> str:
    pair = PALETTE.get(value) or _SERIES.get(value)
    return pair[page] if pair else value


def _css_rule(scope: str, selector: str, properties: Mapping[str, str]) -> str:
    inside = ",".join(f"{scope} {part.strip()}" for part in selector.split(",")) if selector else scope
    return f"{inside}{{{';'.join(f'{name}:{value}' for name, value in properties.items())}}}"
