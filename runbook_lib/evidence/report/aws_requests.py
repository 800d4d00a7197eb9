"""Which calls made which change, as far as the journal can tell: AWS knows a call again by its request's id."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ...journal.reader import Event


def calls_by_change(told: Iterable[Event]) -> dict[int, tuple[str, ...]]:
    """By the place of each change among the events, the calls that write which were sent while it was made.

    Of changes that are made side by side nobody can tell whose a call was: it is left out.  Among
    those of the first change of a notebook may be the one that takes the environment's lock.
    """
    found: dict[int, tuple[str, ...]] = {}
    began: dict[str, list[tuple[int, datetime]]] = {}
    calls: dict[str, list[tuple[int, datetime, str]]] = {}
    for place, event in enumerate(told):
        notebook, at = str(event.get("notebook", "")), _moment(event.get("at"))
        if at is None:
            continue
        if event["event"] == "change" and isinstance(event.get("took"), (int, float)):
            began.setdefault(notebook, []).append((place, at - timedelta(seconds=event["took"])))
        elif event["event"] == "call" and event.get("write") and event.get("request_id"):
            name = f"{event.get('service')} {event.get('operation')} {event['request_id']}"
            calls.setdefault(notebook, []).append((place, at, name))
    for notebook, own in calls.items():
        for place, at, name in own:
            going = [change for change, since in began.get(notebook, ()) if change > place and since <= at]
            if len(going) == 1:
                found[going[0]] = (*found.get(going[0], ()), name)
    return found


def _moment(at: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(at))
    except ValueError:
        return None
