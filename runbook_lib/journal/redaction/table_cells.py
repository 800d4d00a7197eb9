"""Find the cells of tables whose column or row is named like a secret: in HTML, and as pandas prints it.

Tables printed by other libraries reach the redactor as text, so a cell is matched to its column by position.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, dropwhile, groupby, pairwise
from typing import Any

from .patterns import PLACEHOLDER
from .secret_values import is_placeholder, is_secret_field, is_secret_name, names_a_secret

CellPosition = tuple[int, int]
"""Start and end in the text."""

NOTE = f"{PLACEHOLDER}: a table with a column of secrets"
_TAG = re.compile(r"<(/?)(table|thead|tr|t[hd])\b((?:[^<>\"']|\"[^\"]{0,400}\"|'[^']{0,400}')*)>", re.IGNORECASE)
_INNER = re.compile(r"<[^<>]*>")
_SPAN = r"(?i)\b{}\s*=\s*[\"']?(\d{{1,4}})"
_EMPTY = {"", PLACEHOLDER, "nan", "<na>", "nat", "..", "...", "…"}

_TRAILER = re.compile(r"^(?:Name: (?P<name>.*?), )?(?:Length: \d+, )?dtype: \w+$", re.MULTILINE)
_INDEX = re.compile(r"\S.*?  ")
_LABEL = re.compile(r"(?P<label>\S.*?) {2,}(?P<value>\S.*)")


@dataclass
class _Cell:
    """The position of one cell, and the columns that it spans."""

    start: int
    head: bool
    columns: range
    end: int = 0


@dataclass
class _Table:
    """An HTML table that is read tag by tag."""

    rows: list[list[_Cell]] = field(default_factory=list)
    heads: set[int] = field(default_factory=set)
    """The numbers of the rows in ``<thead>``."""
    head: bool = False
    below: dict[int, int] = field(default_factory=dict)
    """For each column the last row that a cell of an earlier row spans."""

    def add_tag(self, match: re.Match[str], tag: str, *, closing: bool) -> None:
        if tag == "thead":
            self.head = not closing
            return
        self.end_cell(match.start())
        if closing:
            return
        if tag == "tr" or not self.rows:
            self.heads |= {len(self.rows)} if self.head else set()
            self.rows.append([])
        if tag != "tr":
            self.add_cell(match.end(), tag == "th", _span_of(match[3], "colspan"), _span_of(match[3], "rowspan"))

    def add_cell(self, start: int, head: bool, colspan: int, rowspan: int) -> None:
        row = self.rows[-1]
        column = row[-1].columns.stop if row else 0
        while self.below.get(column, 0) >= len(self.rows):
            column += 1
        row.append(_Cell(start, head, range(column, column + colspan)))
        if rowspan >= 2:
            self.below |= dict.fromkeys(row[-1].columns, len(self.rows) + rowspan - 1)

    def end_cell(self, at: int) -> None:
        if self.rows and self.rows[-1] and not self.rows[-1][-1].end:
            self.rows[-1][-1].end = at

    def secret_cells(self, text: str) -> Iterator[tuple[str, _Cell]]:
        """Yield the cells below or beside a head that is named like a secret, with that name."""
        columns: dict[int, str] = {}
        without_heads = not any(cell.head for row in self.rows for cell in row)
        for number, row in enumerate(self.rows):
            if number in self.heads or all(cell.head for cell in row) or (without_heads and number == 0):
                columns |= {
                    n: name for cell in row if (name := _column_name(_visible_text(text, cell))) for n in cell.columns
                }
                continue
            beside = next(filter(None, (_row_name(_visible_text(text, cell)) for cell in row if cell.head)), "")
            for cell in row:
                name = next((columns[n] for n in cell.columns if n in columns), "" if cell.head else beside)
                if name:
                    yield name, cell


def html_cells(text: str) -> Iterator[CellPosition]:
    """Yield the secret cells of all HTML tables in a text."""
    if "</t" not in text and "</T" not in text:
        return
    tables: list[_Table] = []
    for match in _TAG.finditer(text):
        closing, tag = bool(match[1]), match[2].lower()
        if tag != "table":
            if tables:
                tables[-1].add_tag(match, tag, closing=closing)
        elif not closing:
            tables.append(_Table())
        elif tables:
            yield from _redactable_cells(text, tables.pop(), match.start())
    for table in tables:  # without a closing tag
        yield from _redactable_cells(text, table, len(text))


def plain_cells(text: str) -> Iterator[CellPosition]:
    """Yield the secret cells of all data frames and series that pandas has printed.

    All lines of a data frame have the same length, and each column ends where its head does.
    """
    if not names_a_secret(text):
        return
    lines = text.split("\n")
    starts = accumulate((len(line) + 1 for line in lines), initial=0)
    for _, block in groupby(zip(starts, lines, strict=False), key=lambda line: len(line[1])):
        secret_columns: dict[tuple[int, int], str] = {}
        for (_, above), (at, line) in pairwise(dropwhile(lambda line: not line[1].startswith(" "), block)):
            secret_columns |= _secret_columns(above) if above.startswith(" ") else {}
            yield from ((at + left, at + right) for left, right in _cells_in_line(line, secret_columns))
    for match in _TRAILER.finditer(text):
        yield from _series_cells(text, match)


def blank_cells(data: Mapping[str, Any]) -> dict[str, Any]:
    """Keep only the HTML of a displayed table with secret columns: in HTML the cells are found reliably."""
    page = data.get("text/html")
    page = "".join(page) if isinstance(page, list) else page
    if not isinstance(page, str) or next(html_cells(page), None) is None:
        return dict(data)
    return {kind: NOTE if kind.startswith("text/") and kind != "text/html" else value for kind, value in data.items()}


def _redactable_cells(text: str, table: _Table, end: int) -> Iterator[CellPosition]:
    table.end_cell(end)
    for name, cell in table.secret_cells(text):
        if _is_redactable(name, _visible_text(text, cell)):
            yield cell.start, cell.end


def _visible_text(text: str, cell: _Cell) -> str:
    return html.unescape(_INNER.sub("", text[cell.start : cell.end])).strip()


def _column_name(head: str) -> str:
    """Return the name of a secret column; empty when it is not one, e.g. because the head is a sentence."""
    name = head.strip(" \t\n'\"()[]*:")
    return name if len(name.split()) <= 3 and is_secret_field(name) else ""


def _row_name(head: str) -> str:
    """Return the name of a secret row; the key of a resource, such as ``role_policy.master-secret``, is not one."""
    is_sentence = len(head.split()) > 2 and not is_secret_name(head)
    return "" if "." in head or is_sentence else _column_name(head)


def _is_redactable(name: str, value: str) -> bool:
    """Return whether a cell holds something to redact."""
    return value.lower() not in _EMPTY and not is_placeholder(name, value)


def _span_of(attributes: str, name: str) -> int:
    match = re.search(_SPAN.format(name), attributes)
    return min(1000, int(match[1])) or 1 if match else 1


def _secret_columns(head: str) -> dict[tuple[int, int], str]:
    """Return the names of the secret columns below a line of heads, by start and end."""
    words = [*re.finditer(r"\S+", head)]
    edges = [0, *(word.end() for word in words)]
    ends = {(left, right): name for left, right in pairwise(edges) if (name := _column_name(head[left:right]))}
    # A head of two or three words, e.g. "API key"; pandas may leave one space only between two columns as well.
    for count in (2, 3):
        for first, (left, last) in enumerate(zip(edges, words[count - 1 :], strict=False)):
            several = head[words[first].start() : last.end()]
            if "  " not in several and is_secret_name(several):
                ends[left, last.end()] = several
    return ends


def _cells_in_line(line: str, secret_columns: Mapping[tuple[int, int], str]) -> Iterator[CellPosition]:
    """Yield the secret cells of a line: those in secret columns, or the whole value of a secret row."""
    row = _LABEL.fullmatch(line)
    if row and (name := _row_name(row["label"])) and _is_redactable(name, row["value"].strip()):
        yield row.span("value")
    for (start, end), name in secret_columns.items():
        start = line[: start + 1].rfind(" ") + 1  # a value may start left of its head
        if start == 0:  # the index is before the first column
            start = index.end() if (index := _INDEX.match(line, 0, end)) else 0
        value = line[start:end].lstrip()
        if value[-1:].strip() and not line[end : end + 1].strip() and _is_redactable(name, value):
            yield end - len(value), end


def _series_cells(text: str, trailer: re.Match[str]) -> Iterator[CellPosition]:
    """Yield the secret values of a series, which pandas prints before the *trailer* with its name."""
    series_name = _column_name(trailer["name"]) if trailer["name"] else ""
    start = trailer.start()
    while start:
        end = start - 1
        start = text.rfind("\n", 0, end) + 1
        if row := _LABEL.fullmatch(text, start, end):
            name = series_name or _row_name(row["label"])
            if name and _is_redactable(name, row["value"].strip()):
                yield row.span("value")
        elif text[start:end].strip() not in _EMPTY:
            return
