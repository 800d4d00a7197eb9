"""The cells of a table whose column, or row, is called like a secret: in HTML, and as pandas prints it.

A table that is not ours is no data any more when it comes by: only where a cell stands says what it holds.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

from .patterns import PLACEHOLDER
from .secret_values import is_placeholder, is_secret_field

CellPosition = tuple[int, int]
"""From where to where in the text."""

NOTE = f"{PLACEHOLDER}: a table with a column of secrets"
_TAG = re.compile(r"<(/?)(table|thead|tr|t[hd])\b((?:[^<>\"']|\"[^\"]{0,400}\"|'[^']{0,400}')*)>", re.IGNORECASE)
_INNER = re.compile(r"<[^<>]*>")
_SPAN = r"(?i)\b{}\s*=\s*[\"']?(\d{{1,4}})"
_NOTHING = {"", PLACEHOLDER, "nan", "<na>", "nat", "..", "...", "…"}

_TRAILER = re.compile(r"^(?:Name: (?P<name>.*?), )?(?:Length: \d+, )?dtype: \w+$", re.MULTILINE)
_INDEX = re.compile(r"\S.*?  +")
_LABEL = re.compile(r"(?P<label>\S.*?) {2,}(?P<value>\S.*)")


@dataclass
class _Cell:
    """One cell: what stands in it, and which columns it covers."""

    start: int
    head: bool
    columns: range
    end: int = 0


@dataclass
class _Table:
    """A table that is being read, row by row."""

    rows: list[list[_Cell]] = field(default_factory=list)
    heads: set[int] = field(default_factory=set)
    """The rows within its head."""
    head: bool = False
    below: dict[int, int] = field(default_factory=dict)
    """For how many rows more a cell of an earlier one covers a column."""

    def take(self, found: re.Match[str], tag: str, *, closing: bool) -> None:
        """The next tag in it."""
        if tag == "thead":
            self.head = not closing
            return
        self.end(found.start())
        if closing:
            return
        if tag == "tr" or not self.rows:
            self.heads |= {len(self.rows)} if self.head else set()
            self.rows.append([])
        if tag != "tr":
            self.cell(found.end(), tag == "th", _many(found[3], "colspan"), _many(found[3], "rowspan"))

    def cell(self, start: int, head: bool, wide: int, high: int) -> None:
        row = self.rows[-1]
        column = row[-1].columns.stop if row else 0
        while self.below.get(column, 0) >= len(self.rows):
            column += 1
        row.append(_Cell(start, head, range(column, column + wide)))
        if high > 1:
            self.below |= dict.fromkeys(row[-1].columns, len(self.rows) + high - 1)

    def end(self, at: int) -> None:
        if self.rows and self.rows[-1] and not self.rows[-1][-1].end:
            self.rows[-1][-1].end = at

    def secret(self, text: str) -> Iterator[tuple[str, _Cell]]:
        """The cells below, or beside, a head that is called like a secret, and how it is called."""
        columns: dict[int, str] = {}
        bare = not any(cell.head for row in self.rows for cell in row)
        for number, row in enumerate(self.rows):
            if number in self.heads or all(cell.head for cell in row) or (bare and number == 0):
                columns |= {n: name for cell in row if (name := _called(_seen(text, cell))) for n in cell.columns}
                continue
            beside = next(filter(None, (_label(_seen(text, cell)) for cell in row if cell.head)), "")
            for cell in row:
                name = next((columns[n] for n in cell.columns if n in columns), "" if cell.head else beside)
                if name:
                    yield name, cell


def html_cells(text: str) -> Iterator[CellPosition]:
    """Those of every table in a page."""
    if "</t" not in text and "</T" not in text:
        return
    tables: list[_Table] = []
    for found in _TAG.finditer(text):
        closing, tag = bool(found[1]), found[2].lower()
        if tag != "table":
            if tables:
                tables[-1].take(found, tag, closing=closing)
        elif not closing:
            tables.append(_Table())
        elif tables:
            yield from _told(text, tables.pop(), found.start())
    for table in tables:  # cut short
        yield from _told(text, table, len(text))


def plain_cells(text: str) -> Iterator[CellPosition]:
    """Those of every data frame and series that pandas has printed.

    All lines of a frame are of one length, and every column ends where its head does.
    """
    lines = text.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    named: list[tuple[int, int, str]] = []
    length = -1
    for at, line, following in zip(starts, lines, [*lines[1:], ""], strict=False):
        if len(line) != length:
            named, length = [], len(line) if line.startswith(" ") and len(following) == len(line) else -1
        if len(line) == length:
            yield from ((at + left, at + right) for left, right in _within(line, named))
            named += _named(line) if line.startswith(" ") else []
    for found in _TRAILER.finditer(text):
        yield from _series(text, found)


def blank_cells(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a cell displays, without the other renderings of a table that has such a column: in HTML it is found."""
    page = data.get("text/html")
    page = "".join(page) if isinstance(page, list) else page
    if not isinstance(page, str) or next(html_cells(page), None) is None:
        return dict(data)
    return {kind: NOTE if kind.startswith("text/") and kind != "text/html" else value for kind, value in data.items()}


def _told(text: str, table: _Table, end: int) -> Iterator[CellPosition]:
    table.end(end)
    for name, cell in table.secret(text):
        if _worth(name, _seen(text, cell)):
            yield cell.start, cell.end


def _seen(text: str, cell: _Cell) -> str:
    return html.unescape(_INNER.sub("", text[cell.start : cell.end])).strip()


def _called(head: str) -> str:
    """How a column of secrets is called; empty where it is none: a sentence is no name."""
    words = head.strip(" \t\n'\"()[]*:").split()
    name = "_".join(words)
    return name if len(words) <= 3 and is_secret_field(name) else ""


def _label(head: str) -> str:
    """The same of a line, which may also be called by the key of a resource: ``role_policy.master-secret`` is none."""
    return "" if "." in head or len(head.split()) > 2 else _called(head)


def _worth(name: str, value: str) -> bool:
    """Whether there is something in it to take out."""
    return value.lower() not in _NOTHING and not is_placeholder(name, value)


def _many(more: str, name: str) -> int:
    found = re.search(_SPAN.format(name), more)
    return min(1000, int(found[1])) or 1 if found else 1


def _named(head: str) -> list[tuple[int, int, str]]:
    """The columns below a line of heads that are called like secrets: from the end of the one before to their own."""
    edges = [0, *(word.end() for word in re.finditer(r"\S+", head))]
    return [(left, right, name) for left, right in pairwise(edges) if (name := _called(head[left:right]))]


def _within(line: str, named: list[tuple[int, int, str]]) -> Iterator[CellPosition]:
    """What stands in the columns of secrets, and all of a line that is called so."""
    found = _LABEL.fullmatch(line)
    if found and (name := _label(found["label"])) and _worth(name, found["value"].strip()):
        yield found.span("value")
    for start, end, name in named:
        while 0 < start < end and not line[start].isspace() and not line[start - 1].isspace():
            start -= 1  # not in pieces
        if start == 0:  # the index stands before it
            start = index.end() if (index := _INDEX.match(line, 0, end)) else 0
        value = line[start:end]
        if value[-1:].strip() and not line[end : end + 1].strip() and _worth(name, value.strip()):
            yield start + len(value) - len(value.lstrip()), end


def _series(text: str, trailer: re.Match[str]) -> Iterator[CellPosition]:
    """The lines before what pandas says of a series: all of them, or the one that is called so."""
    every, end = _called(trailer["name"] or ""), trailer.start() - 1
    while end > 0:
        start = text.rfind("\n", 0, end) + 1
        found = _LABEL.fullmatch(text, start, end)
        name = every or (_label(found["label"]) if found else "")
        if found and name and _worth(name, found["value"].strip()):
            yield found.span("value")
        if not found and text[start:end].strip() not in _NOTHING:
            return
        end = start - 1
