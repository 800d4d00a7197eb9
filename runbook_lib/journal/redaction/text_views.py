"""Decode a text: remove colours and markup, and undo escapes.

A decoded text maps each of its characters back to the original, so that a match in it can be
redacted there.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

_COLOUR = re.compile(
    # Also escaped.  Only the first backslash of a run begins a match, and none ends one.
    r"(?:\x1b|(?<!\\)\\+(?:u001[bB]|x1[bB]|033)|&#(?:0*27|[xX]0*1[bB]);)\[[0-9;:?]*[@-\[\]-~]"
)
_TAG = re.compile(r"<[/!]?[A-Za-z](?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*'){0,400}>")
IGNORED_MARKUP = (re.compile(""), _COLOUR, re.compile(f"{_COLOUR.pattern}|{_TAG.pattern}"))
"""Markup that is kept within a redacted span: none, colours, colours and tags."""

_ESCAPED = re.compile(
    r"\\+u(?P<u>[0-9a-fA-F]{4})|\\+x(?P<x>[0-9a-fA-F]{2})|\\+(?P<c>[nrt\"'/\\])"
    r"|(?P<url>(?:%[0-9a-fA-F]{2})+)|(?P<html>&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});)"
)
_CONTROL = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class DecodedText:
    """A decoded text.

    Args:
        text: The text.
        pieces: For each piece its start here, and its start and end in the original; a piece of the
            same length is unchanged.
        tags: Whether HTML tags were removed.
    """

    text: str
    pieces: list[tuple[int, int, int]]
    tags: bool

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return where a part of the decoded text is in the original."""
        return self._origin_of(start)[0], self._origin_of(end - 1)[1]

    def _origin_of(self, index: int) -> tuple[int, int]:
        piece = bisect_right(self.pieces, index, key=lambda item: item[0]) - 1
        begins, start, end = self.pieces[piece]
        after = self.pieces[piece + 1][0] if piece + 1 < len(self.pieces) else len(self.text)
        if after - begins == end - start:
            return start + index - begins, start + index - begins + 1
        return start, end


def decode(text: str) -> Iterator[tuple[list[DecodedText], bool]]:
    """Yield the ways to read a text: the decoding steps, the last one first, and whether escapes are undone.

    The text itself has no steps.  A tag may be part of a secret, so the text is read with and without tags.
    """
    yield [], False
    steps: list[DecodedText] = []
    for pattern, marks, replace, unescaped in (
        (_COLOUR, "\x1b\\&", _remove_colour, False),
        (_TAG, "<", _remove, False),
        *2 * [(_ESCAPED, "\\%&", _unescape, True)],
    ):
        current = steps[0].text if steps else text
        if not any(mark in current for mark in marks):  # with one of them a match begins
            continue
        decoded = _replace_all(current, pattern, replace)
        if decoded:
            steps = [decoded, *steps]
            yield steps, unescaped


def _remove_colour(match: re.Match[str]) -> str:
    """Keep the backslashes that are not part of the colour code: each layer of JSON doubles them."""
    before = len(match[0]) - len(match[0].lstrip("\\"))
    return "\\" * (before - (before & -before))


def _remove(match: re.Match[str]) -> str:
    return ""


def _replace_all(text: str, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str]) -> DecodedText | None:
    """Replace all matches in the text; ``None`` when there are none."""
    parts: list[str] = []
    pieces: list[tuple[int, int, int]] = []
    length = last = 0
    for match in pattern.finditer(text):
        for start, end, new in ((last, match.start(), None), (match.start(), match.end(), replace(match))):
            piece = text[start:end] if new is None else new
            if piece:
                pieces.append((length, start, end))
                parts.append(piece)
                length += len(piece)
        last = match.end()
    if last == 0:
        return None
    pieces.append((length, last, len(text)))
    parts.append(text[last:])
    return DecodedText("".join(parts), pieces, tags=pattern is _TAG)


def _unescape(match: re.Match[str]) -> str:
    code = match["u"] or match["x"]
    if code:
        return chr(int(code, 16))
    if match["c"]:
        return _CONTROL.get(match["c"], match["c"])
    return unquote(match["url"]) if match["url"] else html.unescape(match["html"])
