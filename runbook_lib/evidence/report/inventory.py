"""Inventories: the resources before and after a run, in the journal and as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ...engine.plan import orphans_of
from ...engine.references import placeholders, to_json
from ...journal.reader import Event
from ...resources.base import ObservedState
from ...stacks.stack import Stack
from ..csv_safe import escape_formula

EVENT = "inventory"
BEFORE, AFTER = "before", "after"
EXTERNAL = "external"
"""The field of resources that are only looked up."""

NO_SETTINGS = ("key", "id", "status", "detail", EXTERNAL)
"""The fields of a row that are not settings of its resource."""

State = Mapping[str, Mapping[str, Any]]
"""Fields of resources, by resource key."""

COLUMNS = {
    "notebook": "string",
    "resource": "string",
    "kind": "string",
    "id": "string",
    "status": "string",
    "settings": "any",
    "detail": "any",
}
"""Names and types of the columns, https://specs.frictionlessdata.io/table-schema/; in CSV, an object is its JSON.

pandas reads the type ``any``, and refuses ``object``: https://pandas.pydata.org/docs/user_guide/io.html#table-schema
"""


def build_inventory(stack: Stack, observed: ObservedState) -> list[dict[str, Any]]:
    """List the existing resources of a stack, and their orphans, with id, status and settings; references are keys."""
    existing = {resource: found for resource in stack if (found := observed[resource])}
    return [
        {
            "key": resource.key,
            "id": found.id,
            "status": found.status,
            **({EXTERNAL: True} if resource.external else {}),
            **_to_json(found.state, placeholders(resource, observed)),
            "detail": _to_json(found.public_detail, {}),
        }
        for resource, found in (existing | orphans_of(existing, observed)).items()
    ]


def read_inventories(events: Iterable[Event], when: str) -> dict[str, State]:
    """Read the resources before or after each notebook, by notebook.

    Of several inventories before it the first one counts, of several after it the last one.
    """
    inventories: dict[str, dict[str, dict[str, Mapping[str, Any]]]] = {}
    for event in events:
        if event["event"] == EVENT and event.get("when", AFTER) == when:
            stacks = inventories.setdefault(str(event.get("notebook")), {})
            stack = str(event.get("stack"))
            if when == AFTER or stack not in stacks:
                stacks[stack] = {row["key"]: row for row in event["resources"]}
    return {
        name: {key: row for state in inventories[name].values() for key, row in state.items()} for name in inventories
    }


def as_csv(inventories: Mapping[str, State]) -> str:
    """As CSV: one row for each resource, always with the same columns."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in _rows(inventories):
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return out.getvalue()


def as_json(inventories: Mapping[str, State]) -> dict[str, Any]:
    """As JSON: the same rows, with the types of the columns."""
    fields = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
    return {"schema": {"fields": fields, "primaryKey": ["notebook", "resource"]}, "data": _rows(inventories)}


def _rows(inventories: Mapping[str, State]) -> list[dict[str, Any]]:
    return [
        {
            "notebook": notebook,
            "resource": key,
            "kind": key.partition(".")[0],
            "id": str(row.get("id", "")),
            "status": str(row.get("status", "")),
            "settings": {n: row[n] for n in sorted(row) if n not in NO_SETTINGS},
            "detail": row.get("detail") or {},
        }
        for notebook in sorted(inventories)
        for key, row in sorted(inventories[notebook].items())
    ]


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return escape_formula(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""


def _to_json(values: Mapping[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {name: to_json(value, names) for name, value in values.items()}
