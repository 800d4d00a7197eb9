"""The changes of a run as its journal tells them: made, tried, or planned and not made."""

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
    """One change: made, tried, or planned and not made.

    Args:
        fields: What changed, from what to what, by field.
        waited, took: In seconds; ``None`` where nobody measured.
        requests: The calls that made it, with AWS's ids of them, as far as they are known.
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


def changes_of(told: Sequence[Event]) -> tuple[ChangeResult, ...]:
    """In the order in which they ended; then those that were planned and never begun."""
    sent = calls_by_change(told)
    made = [_made(event, sent.get(n, ())) for n, event in enumerate(told) if event["event"] == "change"]
    begun = {(one.notebook, one.key) for one in made}
    acting = {e.get("notebook"): e.get("mode") for e in told if e["event"] == "open" and e.get("mode") in ACTS}
    for event in told:
        notebook = str(event.get("notebook", ""))
        if event["event"] == "plan" and bool(event.get("present")) is (acting.get(notebook) == "apply"):
            for change in event.get("changes", ()) if notebook in acting else ():
                if (notebook, change["key"]) not in begun:
                    begun.add((notebook, change["key"]))
                    made.append(
                        ChangeResult(
                            "", notebook, change["key"], change["action"], NOT_APPLIED, fields=change.get("fields", {})
                        )
                    )
    return tuple(made)


def _made(event: Event, sent: tuple[str, ...]) -> ChangeResult:
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
        requests=sent,
    )
