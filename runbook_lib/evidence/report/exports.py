"""Export the changes, checks and plans of a run as CSV and JSON; columns and their order never change."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..csv_safe import escape_formula
from .run_record import RunRecord

CHANGES = (
    *("at", "notebook", "key", "action", "result", "id", "waited_seconds", "took_seconds", "fields", "error"),
    "requests",
)
CHECKS = ("at", "notebook", "claim", "holds", "found")
PREFLIGHT = ("at", "notebook", "name", "result", "finding", "fix")
"""Times are in UTC, booleans are ``true`` or ``false``, lists and objects are JSON.
The calls of a change are separated by ``; ``."""


def changes_csv(record: RunRecord) -> str:
    """``changes.csv``: changes in the order in which they were made, then those that were not made."""
    return as_csv(
        CHANGES,
        (
            {
                **vars(change),
                "waited_seconds": change.waited,
                "took_seconds": change.took,
                "fields": _json_text(change.fields),
                "requests": "; ".join(change.requests),
            }
            for change in record.changes
        ),
    )


def plans_json(record: RunRecord) -> dict[str, Any]:
    """``plan.json``: each plan of the run once, in the order of the journal."""
    return {
        "run": record.get("run"),
        "environment": {name: record.get(name) for name in ("env", "account", "region")},
        "plans": list(record.plans),
    }


def checks_csv(record: RunRecord) -> str:
    """``checks.csv``: checks in the order in which they were made; controls have a file of their own."""
    return as_csv(CHECKS, ({**vars(check), "found": _json_text(check.found)} for check in record.claims))


def preflight_csv(record: RunRecord) -> str:
    """``preflight.csv``: the rows of all preflights in the order in which they were asked."""
    return as_csv(PREFLIGHT, map(vars, record.preflight))


def preflight_json(record: RunRecord) -> dict[str, Any]:
    """``preflight.json``: the same, and why failed rows did not stop the apply."""
    return {"skipped": record.preflight_skipped, "rows": [dict(vars(row)) for row in record.preflight]}


def as_csv(columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV, with these columns; safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in line.items()} for line in lines)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return escape_formula(value) if isinstance(value, str) else value


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value or value == 0 else ""
