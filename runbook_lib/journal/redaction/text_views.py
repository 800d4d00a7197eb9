"""A text as a reader sees it: without colours and mark-up, and with its escapes undone.

Something found in such a view is found again in the text itself: every view knows where each of
its characters came from.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

_COLOUR = re.compile(
    r"(?:\x1b|\\+u001[bB]|\\+x1[bB]|\\+033|&#(?:0*27|[xX]0*1[bB]);)\[[0-9;:?]*[@-~]"  # also escaped
)
_TAG = re.compile(r"<[/!]?[A-Za-z](?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*'){0,400}>")
IGNORED_MARKUP = (re.compile(r"(?!)"), _COLOUR, re.compile(f"{_COLOUR.pattern}|{_TAG.pattern}"))
"""What is in a text and not seen: nothing, colours, colours and tags."""

_ESCAPED = re.compile(
    r"\\+u(?P<u>[0-9a-fA-F]{4})|\\+x(?P<x>[0-9a-fA-F]{2})|\\+(?P<c>[nrt\"'/\\])"
    r"|(?P<url>(?:%[0-9a-fA-F]{2})+)|(?P<html>&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});)"
)
_CONTROL = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class DecodedText:
    """Another reading of a text.

    Args:
        text: What is read.
        pieces: Where each of its pieces begins, and from where to where it stood in the text;
            a piece of the same length is the same, letter by letter.
        tags: Whether it is without those.
    """

    text: str
    pieces: tuple[tuple[int, int, int], ...]
    tags: bool = False

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Where in the text a part of the view came from."""
        return self._at(start)[0], self._at(end - 1)[1]

    def _at(self, index: int) -> tuple[int, int]:
        place = bisect_right(self.pieces, index, key=lambda piece: piece[0]) - 1
        begins, start, end = self.pieces[place]
        after = self.pieces[place + 1][0] if place + 1 < len(self.pieces) else len(self.text)
        if after - begins == end - start:
            return start + index - begins, start + index - begins + 1
        return start, end


def decode(text: str) -> Iterator[tuple[list[DecodedText], bool]]:
    """The ways to read a text: the steps that lead to each, the last one first, and whether escapes are undone in it.

    It as it stands has no steps.  What could be a tag may be a part of the secret: so it is read with and without.
    """
    yield [], False
    steps: list[DecodedText] = []
    for what, instead, undone in (
        (_COLOUR, _uncoloured, False),
        (_TAG, _nothing, False),
        *2 * [(_ESCAPED, _plain, True)],
    ):
        found = _edited(steps[0].text if steps else text, what, instead)
        if found:
            steps = [found, *steps]
            yield steps, undone


def _uncoloured(found: re.Match[str]) -> str:
    """Nothing, but for backslashes before it that are not its own: each layer of JSON doubles them."""
    before = len(found[0]) - len(found[0].lstrip("\\"))
    return "\\" * (before - (before & -before))


def _nothing(found: re.Match[str]) -> str:
    return ""


def _edited(text: str, what: re.Pattern[str], instead: Callable[[re.Match[str]], str]) -> DecodedText | None:
    """The text with all that was found replaced; ``None`` when there is nothing."""
    told: list[str] = []
    pieces: list[tuple[int, int, int]] = []
    length = last = 0
    for found in what.finditer(text):
        for start, end, new in ((last, found.start(), None), (found.start(), found.end(), instead(found))):
            piece = text[start:end] if new is None else new
            if piece:
                pieces.append((length, start, end))
                told.append(piece)
                length += len(piece)
        last = found.end()
    if last == 0:
        return None
    if last < len(text):
        pieces.append((length, last, len(text)))
        told.append(text[last:])
    return DecodedText("".join(told), tuple(pieces), tags=what is _TAG)


def _plain(found: re.Match[str]) -> str:
    code = found["u"] or found["x"]
    if code:
        return chr(int(code, 16))
    if found["c"]:
        return _CONTROL.get(found["c"], found["c"])
    return unquote(found["url"], errors="replace") if found["url"] else html.unescape(found["html"])


_WAYS = ((_COLOUR, _uncoloured, False), (_TAG, _nothing, False), (_ESCAPED, _plain, True), (_ESCAPED, _plain, True))
"""One after the other."""
