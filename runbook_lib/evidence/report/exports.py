"""What a run changed and checked, as lists for a spreadsheet: the same columns and the same order, always."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import csv_safe as spreadsheet
from .run_record import RunRecord

CHANGES = (
    *("at", "notebook", "key", "action", "result", "id", "waited_seconds", "took_seconds", "fields", "error"),
    "requests",
)
CHECKS = ("at", "notebook", "claim", "holds", "found")
"""Times are in UTC, numbers are numbers, what holds is true or false, and what has parts is JSON.
Of the calls that made a change, each with AWS's id of it, several have ``; `` between."""


def changes_csv(story: RunRecord) -> str:
    """``changes.csv``: in the order in which they were made; then what was planned and not made."""
    return _csv(
        CHANGES,
        (
            {
                **vars(made),
                "waited_seconds": made.waited,
                "took_seconds": made.took,
                "fields": _plain(made.fields),
                "requests": "; ".join(made.requests),
            }
            for made in story.changes
        ),
    )


def plans_json(story: RunRecord) -> dict[str, Any]:
    """``plan.json``: each plan of the run once, in the order in which they were made."""
    return {
        "run": story.of("run"),
        "environment": {name: story.of(name) for name in ("env", "account", "region")},
        "plans": list(story.plans),
    }


def checks_csv(story: RunRecord) -> str:
    """``checks.csv``: in the order in which they were made."""
    return _csv(CHECKS, ({**vars(check), "found": _plain(check.found)} for check in story.checks))


def _csv(columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in line.items()} for line in lines)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return spreadsheet.text(value) if isinstance(value, str) else value


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value or value == 0 else ""
