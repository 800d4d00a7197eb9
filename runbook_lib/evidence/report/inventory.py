"""The state before and after a run: what is there, line by line, as the journal keeps it and as files for a reader."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ...engine.plan import placeholders, to_json
from ...journal.reader import Event
from ...resources.base import ObservedState
from ...stacks.stack import Stack
from .. import csv_safe as spreadsheet

EVENT = "inventory"
BEFORE, AFTER = "before", "after"

State = Mapping[str, Mapping[str, Any]]
"""Fields of resources, by their keys."""

COLUMNS = {
    "notebook": "string",
    "resource": "string",
    "kind": "string",
    "id": "string",
    "status": "string",
    "settings": "object",
    "detail": "object",
}
"""Names and types, https://specs.frictionlessdata.io/table-schema/; in CSV, an object is its JSON."""


def inventory(stack: Stack, seen: ObservedState) -> list[dict[str, Any]]:
    """What is there of a stack: ids, states and settings, with names instead of ids."""
    return [
        {"key": r.key, "id": found.id, "status": found.status, **_plain(found.state, placeholders(r, seen)),
         "detail": _plain(found.public_detail, {})}
        for r in stack if (found := seen[r])
    ]  # fmt: skip


def read_inventories(events: Iterable[Event], when: str) -> dict[str, State]:
    """By notebook, what there was when it had not done anything yet, or when it had done all.

    Of several looks before it the first one counts, of several after it the last one.
    """
    found: dict[str, dict[str, dict[str, Mapping[str, Any]]]] = {}
    for event in events:
        if event["event"] == EVENT and event.get("when", AFTER) == when:
            stacks = found.setdefault(str(event.get("notebook")), {})
            stack = str(event.get("stack"))
            if when == AFTER or stack not in stacks:
                stacks[stack] = {line["key"]: line for line in event["resources"]}
    return {name: {key: line for state in found[name].values() for key, line in state.items()} for name in found}


def as_csv(found: Mapping[str, State]) -> str:
    """For a spreadsheet: one line for each resource, the same columns always."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in _lines(found):
        writer.writerow({name: _cell(value) for name, value in line.items()})
    return out.getvalue()


def as_json(found: Mapping[str, State]) -> dict[str, Any]:
    """For a program: the same with the types of the columns."""
    fields = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
    return {"schema": {"fields": fields, "primaryKey": ["notebook", "resource"]}, "data": _lines(found)}


def _lines(found: Mapping[str, State]) -> list[dict[str, Any]]:
    return [
        {
            "notebook": notebook,
            "resource": key,
            "kind": key.partition(".")[0],
            "id": str(line.get("id", "")),
            "status": str(line.get("status", "")),
            "settings": {n: line[n] for n in sorted(line) if n not in ("key", "id", "status", "detail")},
            "detail": line.get("detail") or {},
        }
        for notebook in sorted(found)
        for key, line in sorted(found[notebook].items())
    ]


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return spreadsheet.text(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""


def _plain(values: Mapping[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {name: to_json(value, names) for name, value in values.items()}
