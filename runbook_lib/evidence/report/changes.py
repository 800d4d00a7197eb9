"""Read the changes of a run from its journal: made, failed, or planned and not made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...journal.reader import Event
from .aws_requests import calls_by_change

ACTS = ("apply", "destroy")
DONE, FAILED, NOT_APPLIED = "done", "failed", "not made"


@dataclass(frozen=True)
class ChangeResult:
    """One change: made, failed, or planned and not made.

    Args:
        fields: Old and new value by field.
        waited, took: In seconds; ``None`` where they were not measured.
        requests: The calls that made it, with AWS's request ids, as far as they are known.
    """

    at: str
    notebook: str
    key: str
    action: str
    result: str
    id: str = ""
    fields: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    error: str = ""
    waited: float | None = None
    took: float | None = None
    requests: tuple[str, ...] = ()


def changes_of(events: Sequence[Event]) -> tuple[ChangeResult, ...]:
    """Changes in the order in which they ended; then those that were planned and not started."""
    calls = calls_by_change(events)
    changes = [(index, event) for index, event in enumerate(events) if event["event"] == "change"]
    results = [_change_result(event, calls.get(index, ())) for index, event in changes]
    recorded = {(one.notebook, one.key) for one in results}
    modes = {e.get("notebook"): e.get("mode") for e in events if e["event"] == "open" and e.get("mode") in ACTS}
    for event in events:
        notebook = str(event.get("notebook", ""))
        if event["event"] == "plan" and bool(event.get("present")) is (modes.get(notebook) == "apply"):
            for change in event.get("changes", ()) if notebook in modes else ():
                if (notebook, change["key"]) not in recorded:
                    recorded.add((notebook, change["key"]))
                    results.append(
                        ChangeResult(
                            "", notebook, change["key"], change["action"], NOT_APPLIED, fields=change.get("fields", {})
                        )
                    )
    return tuple(results)


def _change_result(event: Event, requests: tuple[str, ...]) -> ChangeResult:
    return ChangeResult(
        at=str(event.get("at", "")),
        notebook=str(event.get("notebook", "")),
        key=str(event.get("key", "")),
        action=str(event.get("action", "")),
        result=DONE if event.get("ok") else FAILED,
        id=str(event.get("id") or ""),
        fields=event.get("fields") or {},
        error=str(event.get("error") or ""),
        waited=event.get("waited"),
        took=event.get("took"),
        requests=requests,
    )
