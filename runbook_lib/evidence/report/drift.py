"""The drift that ``runbook drift`` found, from the journal of its run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...formatting import format_value, label_field
from ...journal.reader import Event, of_kind

EVENT = "drift"


@dataclass(frozen=True)
class DriftedThing:
    """A thing that was not as the parameters say.

    Args:
        what: Changed, missing or orphaned.
        fields: Of each field that differs its name, what is wanted and what was found.
        writes: Who wrote to it last and when, or why that is not known.
    """

    notebook: str
    key: str
    what: str
    id: str
    fields: tuple[tuple[str, str, str], ...]
    note: str
    writes: tuple[str, ...]


def read_drift(events: Iterable[Event]) -> tuple[DriftedThing, ...] | None:
    """The things of the last such event; ``None`` where nobody looked."""
    found = [event.get("things", ()) for event in of_kind(events, EVENT)]
    return tuple(map(_read_thing, found[-1])) if found else None


def _read_thing(thing: Mapping[str, Any]) -> DriftedThing:
    notebook, key, what, id_, note = (str(thing.get(name) or "") for name in ("notebook", "key", "what", "id", "note"))
    pairs = sorted((thing.get("fields") or {}).items())
    fields = tuple((label_field(name), format_value(pair[1]), format_value(pair[0])) for name, pair in pairs)
    return DriftedThing(notebook, key, what, id_, fields, note, tuple(_writes(thing.get("last") or {})))


def _writes(last: Mapping[str, Any]) -> Iterator[str]:
    for write in last.get("writes", ()):
        run = f" (run {write['run']})" if write.get("run") else ""
        yield f"{write.get('event')} by {write.get('by')}{run} at {write.get('at')}"
    if last.get("unknown"):
        yield f"not known: {last['unknown']}"
