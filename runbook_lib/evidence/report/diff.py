"""What differs between the states that two runs have left behind, from their evidence alone."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...formatting import format_value
from ...journal.reader import Event, of_kind, read_events
from .inventory import AFTER, BEFORE, State, read_inventories


def diff_environments(one: Path, two: Path) -> Iterator[str]:
    """Resource by resource, in the signs of a plan: ``+`` only the second has, ``-`` only the first, ``~`` both."""
    # What AWS showed stands in the journal, value by value; where nobody looked there are only tables.
    before, after = seen(one), seen(two)
    if not before.keys() & after.keys():
        before, after = _left(one), _left(two)
    for notebook in sorted({*before, *after}):
        if notebook in before and notebook in after:
            yield from _compared(before[notebook], after[notebook])
        else:
            yield f"? {notebook}: only {one.name if notebook in before else two.name} looked at it"


def seen(folder: Path) -> Mapping[str, State]:
    """What was there when each notebook had done its work; of one that did none, what it found."""
    events = read_events(folder)
    changed = {event.get("notebook") for event in of_kind(events, "change")}
    found = {notebook: state for notebook, state in read_inventories(events, BEFORE).items() if notebook not in changed}
    return found | read_inventories(events, AFTER)


def diff_table(folder: Path) -> Mapping[str, State]:
    """What stands in the tables of each notebook; of what is not there, nothing."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for path in filter(Path.is_file, sorted((folder / "tables").glob("*.csv"))):
        state = found.setdefault(path.name.partition("-")[0], {})
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = row.pop("resource", None)
                if key and row.get("status") != "not there":
                    state[key] = state.get(key, {}) | dict(row)
    return found


def _left(folder: Path) -> Mapping[str, State]:
    """What the tables show, less what the run removed after they were made."""
    removed = {event["key"] for event in read_events(folder) if _removes(event)}
    return {
        notebook: {key: fields for key, fields in state.items() if key not in removed}
        for notebook, state in diff_table(folder).items()
    }


def _removes(event: Event) -> bool:
    return bool(
        event["event"] == "gone" or (event["event"] == "change" and event["action"] == "delete" and event["ok"])
    )


def _compared(before: State, after: State) -> Iterator[str]:
    for key in sorted({*before, *after}):
        if key not in before:
            yield f"+ {key}"
        elif key not in after:
            yield f"- {key}"
        elif fields := list(_fields(before[key], after[key])):
            yield f"~ {key}"
            yield from fields


def _fields(one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*one, *two}):
        if one.get(name) != two.get(name):
            yield f"      {name}: {format_value(one.get(name))} → {format_value(two.get(name))}"
