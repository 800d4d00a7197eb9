"""No secret reaches the disk: every text that is to be written passes through a `Redactor`.

A secret is known by what it is (it was read from, or given to, AWS as one), by where it stands (in
a field that holds secrets), or by what it looks like (:mod:`.patterns`).  How many were taken out
is counted, by kind; what they were is kept nowhere but in the memory of the process that learnt them.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from typing import Any, NamedTuple

from .encodings import Encoding, Truncation, encodings_of
from .patterns import PATTERNS, PLACEHOLDER
from .secret_values import TOO_SHORT, is_labelled_secret, is_placeholder, is_secret_field, searchable_parts
from .table_cells import blank_cells, html_cells, plain_cells
from .text_views import IGNORED_MARKUP, decode

_BINARY = re.compile(r"(?:image|audio|video|font)/(?!svg)|application/(?:pdf|octet-stream|zip|gzip)")
_DATA = re.compile(r"(data:[\w.+/-]*;base64,)((?:[A-Za-z0-9+/=_-]|%[0-9A-Fa-f]{2}|\s|\\n){16,})")
_MEMORY, _WORTH = 2000, 200


class Span(NamedTuple):
    """Where a secret stands; *spread* says what there may be within it that is unseen, and stays: colours, tags."""

    start: int
    end: int
    kind: str
    spread: int = 0


class Redactor:
    """Takes secrets out of texts and data.

    Args:
        known: Secrets that are known from the beginning.
    """

    def __init__(self, known: Iterable[str | bytes] = ()) -> None:
        self.counts: Counter[str] = Counter()
        self.heard: Callable[[str], None] = lambda secret: None
        """Told each secret that is learnt, so that another process can know it, too."""
        self._clean: set[tuple[bool, str]] = set()
        self._known: dict[str, tuple[Encoding | Truncation, ...]] = {}
        self._lock = threading.RLock()
        for secret in known:
            self.add_secret(secret)

    @property
    def count(self) -> int:
        """How many secrets were taken out so far."""
        return self.counts.total()

    def redactions(self, more: Mapping[str, int] | None = None) -> list[dict[str, Any]]:
        """How many it took out of each kind, with *more* that another one did.

        As a list: a kind may be called *password*, and what stands in a field of that name is taken out.
        """
        counts = self.counts + Counter(more or {})
        return [{"kind": kind, "count": counts[kind]} for kind in sorted(counts)]

    @property
    def secrets(self) -> tuple[str, ...]:
        """What it knows, for a redactor in another process: over a pipe, never over a file."""
        return tuple(self._known)

    def add_secret(self, secret: object) -> None:
        """Remember a secret; of one in JSON its fields, of a long one its lines."""
        with self._lock:
            for part in searchable_parts(secret):
                if part not in self._known:
                    self._known[part] = encodings_of(part)
                    self._clean.clear()
                    self.heard(part)

    def add_secrets_of(self, data: object) -> None:
        """Remember what a request to AWS or its answer says to be secret."""
        for secret in is_labelled_secret(data):
            self.add_secret(secret)

    def text(self, text: str, *, code: bool = False) -> str:
        """The text without its secrets; *code* is more lenient with names that are given a value."""
        return self.texts([text], code=code)[0]

    def texts(self, texts: list[str], *, code: bool = False) -> list[str]:
        """The same for one text in several pieces: a secret may begin in one and end in another."""
        with self._lock:
            for _ in range(4):  # a mark in the place of one may show another
                whole = "".join(texts)
                if (code, whole) in self._clean:
                    break
                spans = _merged(self._spans(whole, code))
                if not spans:
                    self._remember(code, whole)
                    break
                self.counts.update(span.kind for span in spans)
                texts = _marked(texts, spans)
            return texts

    def _remember(self, code: bool, text: str) -> None:
        """A notebook is written after every cell: what was clean before is not looked at again."""
        if len(self._clean) > _MEMORY:
            self._clean.clear()
        if len(text) > _WORTH:
            self._clean.add((code, text))

    def clean(self, value: Any, *, code: bool = False) -> Any:
        """Data without secrets, down to the last text in it; what is no text stays as it is."""
        if isinstance(value, str):
            return self.text(value, code=code)
        if isinstance(value, bytes):
            return self.clean(value.decode("utf-8", errors="replace"), code=code)
        if isinstance(value, Mapping):
            shown = blank_cells(value) if "text/html" in value else value
            found = {self.clean(name): self._field(str(name), inner, code) for name, inner in shown.items()}
            return _like(value, found)
        if isinstance(value, (list, tuple)):
            if value and all(isinstance(one, str) for one in value):
                return self.texts(list(value), code=code)
            return [self.clean(one, code=code) for one in value]
        return value

    def notebook(self, notebook: Any) -> None:
        """Clean an executed notebook where it stands: sources, outputs, and what is said about them."""
        for cell in notebook["cells"]:
            self.cell(cell)
        for name, inner in notebook["metadata"].items():
            notebook["metadata"][name] = self._field(name, inner)

    def cell(self, cell: Any) -> None:
        """Clean one cell of a notebook where it stands."""
        for output_type in ("stdout", "stderr"):
            self._stream([o for o in cell.get("outputs", ()) if o.get("name") == output_type])
        for name, inner in cell.items():
            if name not in ("id", "cell_type", "execution_count"):
                cell[name] = self._field(name, inner, code=name == "source")

    def _stream(self, outputs: list[Any]) -> None:
        """What was printed in several goes is one text."""
        texts = self.texts(["".join(output["text"]) for output in outputs])
        for output, text in zip(outputs, texts, strict=True):
            output["text"] = text

    def _field(self, name: str, value: Any, code: bool = False) -> Any:
        if is_secret_field(name) and not (isinstance(value, Mapping) and name.lower().endswith("secret")):
            value = self._hidden(name, value)  # but for what AWS says about a secret, such as its ARN and its state
        if _BINARY.match(name) and isinstance(value, str):
            return self._binary(value)
        return self.clean(value, code=code)

    def _hidden(self, field: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: self._hidden(field, inner) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._hidden(field, inner) for inner in value]
        if value is None or isinstance(value, bool) or value != value:  # in a table, what is missing is no number
            return value
        text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        if text == PLACEHOLDER or is_placeholder(field, text):
            return value
        self.counts["secret field"] += 1
        return PLACEHOLDER

    def _binary(self, value: str) -> str:
        """A picture as it is, unless a secret is written in it; its base64 alone proves nothing."""
        if not self._within(value):
            return value
        self.counts["within a file"] += 1
        return base64.b64encode(PLACEHOLDER.encode()).decode()

    def _within(self, encoded: str) -> bool:
        try:
            raw = base64.b64decode(re.sub(r"\s|\\n", "", encoded).replace("-", "+").replace("_", "/"), validate=False)
        except (binascii.Error, ValueError):
            raw = encoded.encode()
        return any(any(self._spans(raw.decode(how, errors="replace"), True)) for how in ("latin-1", "utf-8"))

    def _spans(self, text: str, code: bool) -> Iterator[Span]:
        if len(text) < TOO_SHORT:
            return
        files = [found.span(2) for found in _DATA.finditer(text)] if ";base64," in text else []
        for start, end in files:
            if self._within(text[start:end]) and text[start:end] != base64.b64encode(PLACEHOLDER.encode()).decode():
                yield Span(start, end, "within a file")
        if not code:
            yield from (Span(*place, "secret field", 2) for place in html_cells(text))
            yield from (Span(*place, "secret field") for place in plain_cells(text))
        for steps, undone in decode(text):
            for start, end, kind in self._seen(steps[0].text if steps else text, code, undone):
                for step in steps:
                    start, end = step.origin(start, end)
                if kind == "known" or not any(first <= start and end <= last for first, last in files):
                    yield Span(start, end, kind, 2 if any(step.tags for step in steps) else min(1, len(steps)))

    def _seen(self, text: str, code: bool, undone: bool) -> Iterator[tuple[int, int, str]]:
        for known in () if undone else self._known.values():  # their forms are escaped already
            for form in known:
                for span in form.found(text):
                    yield *span, "known"
        for pattern in PATTERNS:
            if pattern.code or not code:
                for found in pattern.looks.finditer(text):
                    yield *found.span("s" if "s" in pattern.looks.groupindex else 0), pattern.name


def _like(value: Mapping[Any, Any], found: dict[Any, Any]) -> Any:
    """Of the same class: a notebook consists of mappings of its own."""
    if not isinstance(value, dict):
        return found
    new = copy(value)
    new.clear()
    new.update(found)
    return new


def _merged(spans: Iterable[Span]) -> list[Span]:
    """What overlaps is one; each secret counts once."""
    found: list[Span] = []
    for span in sorted(spans):
        if span.start == span.end:
            continue
        if found and span.start < found[-1].end:
            before = found[-1]
            found[-1] = before._replace(end=max(before.end, span.end), spread=min(before.spread, span.spread))
        else:
            found.append(span)
    return found


def _marked(texts: list[str], spans: list[Span]) -> list[str]:
    """The pieces with a mark where a secret began, and nothing of the rest of it."""
    new: list[str] = []
    begins = 0
    for text in texts:
        ends, told, at = begins + len(text), "", begins
        for span in spans:
            if span.end <= begins or span.start >= ends:
                continue
            first, last = max(span.start, begins), min(span.end, ends)
            told += text[at - begins : first - begins] + (PLACEHOLDER if span.start >= begins else "")
            told += "".join(IGNORED_MARKUP[span.spread].findall(text[first - begins : last - begins]))
            at = last
        new.append(told + text[at - begins :])
        begins = ends
    return new


REDACTOR = Redactor()
"""What this process knows of secrets; whoever learns of one tells it."""
