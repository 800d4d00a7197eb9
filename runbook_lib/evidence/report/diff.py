"""Compare the final states of two runs, from their evidence alone."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...formatting import format_value, label_field
from ...journal.reader import Event, of_kind, read_events
from .inventory import AFTER, BEFORE, EXTERNAL, State, read_inventories


def diff_environments(first: Path, second: Path) -> Iterator[str]:
    """Yield the differences as lines: ``+`` only in the second, ``-`` only in the first, ``~`` different in both."""
    # The inventories in the journal have typed values; runs without them have only tables.
    before, after = read_states(first), read_states(second)
    if not before.keys() & after.keys():
        before, after = _states_from_tables(first), _states_from_tables(second)
    for notebook in sorted({*before, *after}):
        if notebook in before and notebook in after:
            yield from _compare(before[notebook], after[notebook])
        else:
            yield f"? {notebook}: only {first.name if notebook in before else second.name} has its state"


def read_states(folder: Path) -> Mapping[str, State]:
    """The state after each notebook; the state before it, where it changed nothing."""
    events = read_events(folder)
    changed = {event.get("notebook") for event in of_kind(events, "change")}
    states = {
        notebook: state for notebook, state in read_inventories(events, BEFORE).items() if notebook not in changed
    }
    return states | read_inventories(events, AFTER)


def read_tables(folder: Path) -> Mapping[str, State]:
    """The resources in the tables of each notebook, without those that do not exist."""
    states: dict[str, dict[str, dict[str, Any]]] = {}
    for path in filter(Path.is_file, sorted((folder / "tables").glob("*.csv"))):
        state = states.setdefault(path.name.partition("-")[0], {})
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = row.pop("resource", None)
                if key and row.get("status") != "not there":
                    state[key] = state.get(key, {}) | dict(row)
    return states


def _states_from_tables(folder: Path) -> Mapping[str, State]:
    """The resources in the tables, without those that the run removed later."""
    removed = {event["key"] for event in read_events(folder) if _is_removal(event)}
    return {
        notebook: {key: fields for key, fields in state.items() if key not in removed}
        for notebook, state in read_tables(folder).items()
    }


def _is_removal(event: Event) -> bool:
    return bool(
        event["event"] == "gone" or (event["event"] == "change" and event["action"] == "delete" and event["ok"])
    )


def _compare(before: State, after: State) -> Iterator[str]:
    for key in sorted({*before, *after}):
        if key not in before:
            yield f"+ {key}"
        elif key not in after:
            yield f"- {key}"
        elif fields := list(_compare_fields(before[key], after[key])):
            yield f"~ {key}"
            yield from fields


def _compare_fields(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*first, *second} - {EXTERNAL}):
        if first.get(name) != second.get(name):
            yield f"      {label_field(name)}: {format_value(first.get(name))} → {format_value(second.get(name))}"
