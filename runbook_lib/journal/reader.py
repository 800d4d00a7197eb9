"""Read the journal of a run: its events, and the parameters that the run was started with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

JOURNAL = "journal.jsonl"
"""The journal's file name in the folder of a run."""
RUN_START = ("run", "open")
"""The events with the parameters of a run: the command writes ``run``, each notebook writes ``open``."""

Event = Mapping[str, Any]
"""One line of a journal: ``at``, ``event`` and the fields of that kind of event."""


def events_of(journal: Path) -> Iterator[Event]:
    """Yield the lines of a journal file; lines that are incomplete after a crash, or still being written, are skipped.

    A line of an altered journal may be any JSON value: use :func:`read_events` for a journal that is not trusted.
    """
    if journal.exists():
        for line in journal.read_bytes().splitlines():
            with suppress(ValueError, RecursionError):
                yield json.loads(line)


def read_events(folder: Path) -> list[Event]:
    """Return the events in a run's folder; lines that are not events are skipped."""
    return list(_read(folder))


def run_parameters(folder: Path) -> Event:
    """Return the first event that holds the parameters of a run, ``{}`` when there is none."""
    return next(of_kind(_read(folder), *RUN_START), {})


def of_kind(events: Iterable[Event], *kinds: str) -> Iterator[Event]:
    """Yield the events of these kinds, e.g. ``of_kind(events, "plan", "change")``."""
    return (event for event in events if event.get("event") in kinds)


def _read(folder: Path) -> Iterator[Event]:
    path = folder / JOURNAL
    if path.is_file():  # reading a named pipe would block
        yield from (event for event in events_of(path) if isinstance(event, dict) and "event" in event)
