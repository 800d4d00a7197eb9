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

UNSEEN = re.compile(
    r"(?:\x1b|\\+u001[bB]|\\+x1[bB]|\\+033|&#(?:0*27|[xX]0*1[bB]);)\[[0-9;:?]*[@-~]"  # ANSI, also escaped
    r"|<[/!]?[A-Za-z](?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*'){0,400}>"  # a tag
)
"""What is in a text and not seen: colours and tags."""

_ESCAPED = re.compile(
    r"\\+u(?P<u>[0-9a-fA-F]{4})|\\+x(?P<x>[0-9a-fA-F]{2})|\\+(?P<c>[nrt\"'/\\])"
    r"|(?P<url>(?:%[0-9a-fA-F]{2})+)|(?P<html>&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});)"
)
_CONTROL = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class View:
    """Another reading of a text.

    Args:
        text: What is read.
        pieces: Where each of its pieces begins, and from where to where it stood in the text;
            a piece of the same length is the same, letter by letter.
    """

    text: str
    pieces: tuple[tuple[int, int, int], ...]

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


def views(text: str) -> Iterator[list[View]]:
    """The ways to read a text, each as the steps that lead to it, the last one first; it as it stands has none."""
    yield []
    steps: list[View] = []
    for read in (_bare, _undone, _undone):
        found = read(steps[0].text if steps else text)
        if found:
            steps = [found, *steps]
            yield steps


def _bare(text: str) -> View | None:
    return _edited(text, UNSEEN, lambda found: "")


def _undone(text: str) -> View | None:
    return _edited(text, _ESCAPED, _plain)


def _edited(text: str, what: re.Pattern[str], instead: Callable[[re.Match[str]], str]) -> View | None:
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
    return View("".join(told), tuple(pieces))


def _plain(found: re.Match[str]) -> str:
    code = found["u"] or found["x"]
    if code:
        return chr(int(code, 16))
    if found["c"]:
        return _CONTROL.get(found["c"], found["c"])
    return unquote(found["url"], errors="replace") if found["url"] else html.unescape(found["html"])
