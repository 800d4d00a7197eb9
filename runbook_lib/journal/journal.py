"""Evidence: an append-only log of what was planned, called, changed and verified."""

from __future__ import annotations

import fcntl
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
from .redaction.redactor import REDACTOR

MANIFEST = "manifest.dsse.json"
"""Beside a journal that is closed."""


class Journal:
    """One JSON line per event, without secrets; each line carries the hash of the one before it.

    The notebooks of one run write to the same file, also side by side: a line is
    chained and appended under a lock of the operating system.

    Args:
        path: The file; its folder is made.
        always: What every line says, e.g. which notebook wrote it.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **always: Any) -> None:
        self.path, self._clock, self._always = path, clock, always
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, event: str, **data: Any) -> None:
        """Append one event; it is on the disk when this returns."""
        self.require_open()
        with self.path.open("a+b", buffering=0) as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            last, whole = _last(out)
            head = {"at": self._clock().isoformat(timespec="milliseconds"), "event": event, "prev": _digest(last)}
            line = json.dumps({**head, **_clean({**self._always, **data})}).encode() + b"\n"
            _append(out, line if whole else b"\n" + line)

    def require_open(self) -> None:
        """Raises:
        Closed: The run's folder is signed already.
        """
        if self.path.with_name(MANIFEST).exists():
            raise Closed(
                f"{self.path.parent.name} is closed: its evidence is signed, and nothing may be added to it.",
                fix="Begin another run: in a notebook, run the cell that opens the book again.",
            )

    @contextmanager
    def step(self, event: str, **data: Any) -> Iterator[dict[str, Any]]:
        """Write *event* with its outcome, also when it fails; the block may add to what is written."""
        more: dict[str, Any] = {}
        try:
            yield more
        except BaseException as error:
            self.write(event, ok=False, error=f"{type(error).__name__}: {error}", **data, **more)
            raise
        self.write(event, ok=True, **data, **more)


def intact(path: Path) -> bool:
    """Whether no line of the journal was altered, removed from the middle, or reordered.

    Each line vouches for the one before it; for the last, only a hash of the whole file does.
    """
    return broken(path) == 0


def broken(path: Path) -> int:
    """The number of the first line that does not follow from the one before it; 0 when all of them do."""
    last = b""
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            if json.loads(line)["prev"] != _digest(last):
                return number
        except (ValueError, KeyError, TypeError):
            return number
        last = line
    return 0


def _clean(data: dict[str, Any]) -> dict[str, Any]:
    """The data without secrets; how many were taken out is told."""
    before = REDACTOR.count
    found: dict[str, Any] = REDACTOR.clean(json.loads(json.dumps(data, default=str)))
    return found | ({"redacted": REDACTOR.count - before} if REDACTOR.count > before else {})


def _append(out: FileIO, line: bytes) -> None:
    """Put a line at the end, on the disk; all of it, or nothing: half a line would break the chain."""
    size = out.seek(0, os.SEEK_END)
    try:
        while line:
            line = line[out.write(line) :]
        os.fsync(out.fileno())
    except BaseException:
        with suppress(OSError):
            os.ftruncate(out.fileno(), size)
        raise


def _last(out: FileIO) -> tuple[bytes, bool]:
    """The last line of the file, read from its end, and whether it was written to its end."""
    size = out.seek(0, os.SEEK_END)
    tail, step = b"", 4096
    while size > 0 and tail.strip().count(b"\n") == 0:
        start = max(0, size - step)
        out.seek(start)
        tail = out.read(size - start) + tail
        size = start
    out.seek(0, os.SEEK_END)
    lines = tail.rstrip(b"\n").splitlines()
    return lines[-1] if lines else b"", tail[-1:] in (b"", b"\n")


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest() if line else ""
