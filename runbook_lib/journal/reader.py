"""Reading a journal: its events, and what the run was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

JOURNAL = "journal.jsonl"


Event = Mapping[str, Any]


def events_of(journal: Path) -> Iterator[Event]:
    """What was written, but for what a crash cut short and what is being written now."""
    if journal.exists():
        for line in journal.read_bytes().splitlines():
            with suppress(ValueError):
                yield json.loads(line)


def read_events(folder: Path) -> list[Event]:
    """The events of a journal, whatever somebody made of it."""
    path = folder / JOURNAL
    events = events_of(path) if path.is_file() else iter(())  # to read a pipe would take for ever
    return [event for event in events if isinstance(event, dict) and "event" in event]


def run_parameters(folder: Path) -> Mapping[str, Any]:
    """What a run was asked for: the first thing that it wrote down."""
    path = folder / JOURNAL
    events = events_of(path) if path.is_file() else iter(())
    return next((event for event in events if isinstance(event, dict) and event.get("event") in ("run", "open")), {})
