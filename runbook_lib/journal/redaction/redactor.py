"""Remove secrets from texts and data before they are written to the disk.

A secret is recognised by its value (read from or sent to AWS as a secret), by its field (one for
secrets), or by its form (:mod:`.patterns`).  Redactions are counted by kind; the values are kept
only in the memory of the process.
"""

from __future__ import annotations

import base64
import re
import sys
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from typing import Any, NamedTuple

from .encodings import Encoding, Truncation, encodings_of
from .patterns import PATTERNS, PLACEHOLDER
from .secret_values import MIN_LENGTH, is_placeholder, is_secret_field, labelled_secrets, searchable_parts
from .table_cells import blank_cells, html_cells, plain_cells
from .text_views import IGNORED_MARKUP, decode

_ENCODED_PLACEHOLDER = base64.b64encode(PLACEHOLDER.encode()).decode()
_BINARY = re.compile(r"(?:image|audio|video|font)/(?!svg)|application/(?:pdf|octet-stream|zip|gzip)")
_DATA = re.compile(r"(data:[\w.+/-]*;base64,)((?:[A-Za-z0-9+/=_-]|%[0-9A-Fa-f]{2}|\s|\\n){16,})")
_CACHE_SIZE = 20_000


class Span(NamedTuple):
    """The position of a secret; *markup* is the index in ``IGNORED_MARKUP`` of what is kept within it."""

    start: int
    end: int
    kind: str
    markup: int = 0


class Redactor:
    """Removes secrets from texts and data.

    Args:
        secrets: The secrets that are known from the start.
    """

    def __init__(self, secrets: Iterable[str | bytes] = ()) -> None:
        self.counts: Counter[str] = Counter()
        self.on_new_secret: Callable[[str], None] = lambda secret: None
        """Called with each new secret, to send it to another process."""
        self._clean: set[tuple[bool, str]] = set()
        self._known: dict[str, list[Encoding | Truncation]] = {}
        self._lock = threading.RLock()
        for secret in secrets:
            self.add_secret(secret)

    @property
    def count(self) -> int:
        """The number of redactions so far."""
        return self.counts.total()

    def redactions(self, more: Mapping[str, int] | None = None) -> list[dict[str, Any]]:
        """Return the number of redactions of each kind, with *more* of another redactor.

        As a list and not as a mapping: a kind may be called *password*, and a field of that name is redacted.
        """
        counts = self.counts + Counter(more)
        return [{"kind": kind, "count": counts[kind]} for kind in sorted(counts)]

    @property
    def secrets(self) -> tuple[str, ...]:
        """The known secrets, for a redactor in another process; never write them to a file."""
        return tuple(self._known)

    def add_secret(self, secret: object) -> None:
        """Add a secret: of JSON its fields, of a long text its lines."""
        with self._lock:
            for part in searchable_parts(secret):
                if part not in self._known:
                    self._known[part] = encodings_of(part)
                    self._clean.clear()
                    self.on_new_secret(part)

    def add_secrets_of(self, data: object) -> None:
        """Add the secrets in a request to AWS or its response."""
        for secret in labelled_secrets(data):
            self.add_secret(secret)

    def redact_text(self, text: str, *, code: bool = False) -> str:
        """Return the text without secrets; *code* is True for source code, where assignments are no secrets."""
        return self.redact_texts([text], code=code)[0]

    def redact_texts(self, texts: list[str], *, code: bool = False) -> list[str]:
        """Redact a text in several pieces: a secret may start in one and end in another."""
        with self._lock:
            for _ in range(4):  # a replaced secret may reveal another one
                whole = "".join(texts)
                if (code, whole) in self._clean:
                    return texts
                spans = _merge(self._spans(whole, code))
                if not spans:
                    self._cache_clean(code, whole)
                    return texts
                self.counts.update(span.kind for span in spans)
                texts = _replace(texts, spans)
            return texts

    def _cache_clean(self, code: bool, text: str) -> None:
        """Remember a text without secrets: a notebook is written after every cell, with the same texts."""
        if len(self._clean) > _CACHE_SIZE:
            self._clean.clear()
        self._clean.add((code, text))

    def redact(self, value: Any, *, code: bool = False) -> Any:
        """Return the data with all texts redacted; other values stay as they are."""
        if isinstance(value, str):
            return self.redact_text(value, code=code)
        if isinstance(value, bytes):
            return self.redact(value.decode("utf-8", errors="replace"), code=code)
        if isinstance(value, Mapping):
            shown = blank_cells(value) if "text/html" in value else value
            redacted = {self.redact(name): self._field(str(name), inner, code) for name, inner in shown.items()}
            return _like(value, redacted)
        if isinstance(value, (list, tuple)):
            if all(isinstance(item, str) for item in value):
                return self.redact_texts(list(value), code=code)
            return [self.redact(item, code=code) for item in value]
        return value

    def redact_notebook(self, notebook: Any) -> None:
        """Redact an executed notebook in place: sources, outputs and metadata."""
        for cell in notebook["cells"]:
            self.redact_cell(cell)
        for name, inner in notebook["metadata"].items():
            notebook["metadata"][name] = self._field(name, inner)

    def redact_cell(self, cell: Any) -> None:
        """Redact one cell of a notebook in place."""
        for output_type in ("stdout", "stderr"):
            self._stream([o for o in cell.get("outputs", ()) if o.get("name") == output_type])
        for name, inner in cell.items():
            if name not in ("id", "cell_type"):
                cell[name] = self._field(name, inner, code=name == "source")

    def _stream(self, outputs: list[Any]) -> None:
        """Redact the outputs of one stream as one text."""
        texts = self.redact_texts(["".join(output["text"]) for output in outputs])
        for number, text in enumerate(texts):
            outputs[number]["text"] = text

    def _field(self, name: str, value: Any, code: bool = False) -> Any:
        if is_secret_field(name) and not (isinstance(value, Mapping) and name.lower().endswith("secret")):
            value = self._hide(name, value)  # not what AWS says about a secret, such as its ARN and its state
        if _BINARY.match(name) and isinstance(value, str):
            return self._binary(value)
        return self.redact(value, code=code)

    def _hide(self, field: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: self._hide(field, inner) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._hide(field, inner) for inner in value]
        if value != value:  # NaN is a missing value of a table
            return value
        text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        if text == PLACEHOLDER or is_placeholder(field, text):
            return value
        self.counts["secret field"] += 1
        return PLACEHOLDER

    def _binary(self, value: str) -> str:
        """Return a base64 picture unchanged, unless the decoded file holds a secret."""
        if not self._contains_secret(value):
            return value
        self.counts["within a file"] += 1
        return _ENCODED_PLACEHOLDER

    def _contains_secret(self, encoded: str) -> bool:
        try:
            raw = base64.b64decode(re.sub(r"\s|\\n", "", encoded).replace("-", "+").replace("_", "/"), validate=True)
        except ValueError:
            raw = encoded.encode()
        return any(any(self._spans(raw.decode(how, errors="replace"), True)) for how in ("latin-1", "utf-8"))

    def _spans(self, text: str, code: bool) -> Iterator[Span]:
        if len(text) < MIN_LENGTH:
            return
        files = [match.span(2) for match in _DATA.finditer(text)] if ";base64," in text else []
        for start, end in files:
            if self._contains_secret(text[start:end]):
                yield Span(start, end, "within a file")
        if not code:
            yield from (Span(*position, "secret field", 2) for position in html_cells(text))
            yield from (Span(*position, "secret field") for position in plain_cells(text))
        for steps, unescaped in decode(text):
            for start, end, kind in self._matches(steps[0].text if steps else text, code, unescaped):
                for step in steps:
                    start, end = step.origin(start, end)
                if kind == "known" or not _is_inside(files, start, end):
                    yield Span(start, end, kind, 2 if any(step.tags for step in steps) else 1 if steps else 0)

    def _matches(self, text: str, code: bool, unescaped: bool) -> Iterator[tuple[int, int, str]]:
        for encodings in () if unescaped else self._known.values():  # they match escaped forms themselves
            for encoding in encodings:
                for span in encoding.find(text):
                    yield *span, "known"
        folded = text.casefold()  # as an expression that ignores case does, for letters such as the Kelvin sign, too
        for pattern in PATTERNS:
            if (pattern.code or not code) and any(word in folded for word in pattern.words):
                for match in pattern.regex.finditer(text):
                    yield *match.span("s" if "s" in pattern.regex.groupindex else 0), pattern.name


def _is_inside(ranges: list[tuple[int, int]], start: int, end: int) -> bool:
    """Return whether one of the ranges, which are in order and apart, holds all from *start* to *end*."""
    before = bisect_right(ranges, (start, sys.maxsize)) - 1
    return before >= 0 and end <= ranges[before][1]


def _like(value: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """Return the items in a mapping of the same class as *value*: a notebook consists of its own mappings."""
    if not isinstance(value, dict):
        return items
    new = copy(value)
    new.clear()
    new.update(items)
    return new


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Merge overlapping spans, so that each secret counts once."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start < merged[-1].end:
            before = merged[-1]
            merged[-1] = before._replace(end=max(before.end, span.end), markup=min(before.markup, span.markup))
        else:
            merged.append(span)
    return merged


def _replace(texts: list[str], spans: list[Span]) -> list[str]:
    """Put the placeholder where a secret starts, and remove the rest of it."""
    new: list[str] = []
    begins = 0
    for text in texts:
        ends, at = begins + len(text), begins
        parts: list[str] = []
        # The last span of one text may be the first of the next.
        number = bisect_right(spans, begins, key=lambda span: span.end)
        while number < len(spans) and spans[number].start < ends:
            span = spans[number]
            left, right = max(span.start, begins), min(span.end, ends)
            parts += [text[at - begins : left - begins], PLACEHOLDER if span.start >= begins else ""]
            parts += IGNORED_MARKUP[span.markup].findall(text[left - begins : right - begins])
            at = right
            number += 1
        new.append("".join([*parts, text[at - begins :]]))
        begins = ends
    return new


REDACTOR = Redactor()
"""The redactor of this process: all secrets are added to it."""
