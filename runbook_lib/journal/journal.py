"""The journal of a run: an append-only, hash-chained log of what was planned, called, changed and verified."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from ..errors import Closed
from ..files import locked
from .redaction.redactor import REDACTOR

MANIFEST = "manifest.dsse.json"
"""The signed manifest beside the journal of a closed run."""


class Journal:
    """Writes one JSON line per event, without secrets; each line holds the hash of the one before it.

    The notebooks of a run write to the same file, also at the same time: each line is appended
    under a lock of the operating system.

    Args:
        path: The file; its folder is created.
        common: Fields of every line, e.g. the notebook that writes it.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **common: Any) -> None:
        self.path, self._clock, self._common = path, clock, common
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, event: str, **data: Any) -> None:
        """Append one event; it is on the disk when this returns.

        Raises:
            Closed: The run is signed already.
        """
        self.require_open()
        with self.path.open("a+b", buffering=0) as out, locked(out, self.path):
            last, complete = _read_last_line(out)
            head = {"at": self._clock().isoformat(timespec="milliseconds"), "event": event, "prev": _digest(last)}
            line = json.dumps({**head, **_redact({**self._common, **data})}).encode() + b"\n"
            _append(out, line if complete else b"\n" + line)

    def require_open(self) -> None:
        """Check that the run is not signed yet.

        Raises:
            Closed: It is.
        """
        if self.path.with_name(MANIFEST).exists():
            raise Closed(
                f"{self.path.parent.name} is closed: its evidence is signed, so nothing may be added to it.",
                fix="Start a new run: in a notebook, run the cell that opens the book again.",
            )

    @contextmanager
    def step(self, event: str, **data: Any) -> Iterator[dict[str, Any]]:
        """Write *event* when the block ends, also when it fails; the block may add fields to the yielded dict."""
        more: dict[str, Any] = {}
        try:
            yield more
        except BaseException as error:
            self.write(event, ok=False, error=f"{type(error).__name__}: {error}", **data, **more)
            raise
        self.write(event, ok=True, **data, **more)


def is_intact(path: Path) -> bool:
    """Return whether the hash chain holds: no line was altered, removed from the middle, or reordered.

    The chain does not cover the last line: the manifest's digest of the whole file does.
    """
    return first_broken_line(path) == 0


def first_broken_line(path: Path) -> int:
    """Return the number of the first line whose hash of the line before it is wrong; 0 when all are right."""
    prev = ""
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            if json.loads(line)["prev"] != prev:
                return number
        except (ValueError, KeyError, TypeError, RecursionError):
            return number
        prev = _digest(line)
    return 0


def _redact(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data without secrets, and in ``redacted`` how many were removed."""
    before = REDACTOR.count
    redacted: dict[str, Any] = REDACTOR.redact(json.loads(json.dumps(data, default=str)))
    return redacted | ({"redacted": REDACTOR.count - before} if REDACTOR.count > before else {})


def _append(out: FileIO, line: bytes) -> None:
    """Append a line and sync it to the disk; take it back when that fails: half a line would break the chain."""
    size = _go_to_end(out)
    try:
        while line:
            line = line[out.write(line) :]
        os.fsync(out.fileno())
    except BaseException:
        with suppress(OSError):
            out.truncate(size)
        raise


def _read_last_line(out: FileIO) -> tuple[bytes, bool]:
    """Read the last line from the end of the file; return it, and whether it ends with a line feed."""
    size = _go_to_end(out)
    tail, step = b"", 4096
    while size > 0 and tail.strip().count(b"\n") == 0:
        start = max(0, size - step)
        out.seek(start)
        tail = out.read(size - start) + tail
        size = start
    lines = tail.rstrip(b"\n").splitlines()
    return lines[-1] if lines else b"", tail[-1:] in (b"", b"\n")


def _go_to_end(out: FileIO) -> int:
    """Go to the end of the file; return how many bytes are before it."""
    return out.seek(0, os.SEEK_END)


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest() if line else ""
