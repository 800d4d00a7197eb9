"""Assign AWS calls to the changes that made them, as far as the journal allows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ...journal.reader import Event


def calls_by_change(events: Iterable[Event]) -> dict[int, tuple[str, ...]]:
    """The writing calls that were sent during each change, by the index of the change's event.

    A call that was sent during several concurrent changes is left out.  The first change of a
    notebook may include the call that acquires the environment's lock.

    Returns:
        Calls as text: service, operation and AWS's request id.
    """
    calls_of: dict[int, tuple[str, ...]] = {}
    starts: dict[str, list[tuple[int, datetime]]] = {}
    calls: dict[str, list[tuple[int, datetime, str]]] = {}
    for index, event in enumerate(events):
        notebook, at = str(event.get("notebook", "")), _parse_time(event.get("at"))
        if at is None:
            continue
        if event["event"] == "change" and isinstance(event.get("took"), (int, float)):
            starts.setdefault(notebook, []).append((index, at - timedelta(seconds=event["took"])))
        elif event["event"] == "call" and event.get("write") and event.get("request_id"):
            name = f"{event.get('service')} {event.get('operation')} {event['request_id']}"
            calls.setdefault(notebook, []).append((index, at, name))
    for notebook, sent in calls.items():
        for index, at, name in sent:
            running = [change for change, start in starts.get(notebook, ()) if change > index and start <= at]
            if len(running) == 1:
                calls_of[running[0]] = (*calls_of.get(running[0], ()), name)
    return calls_of


def _parse_time(at: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(at))
    except ValueError:
        return None
