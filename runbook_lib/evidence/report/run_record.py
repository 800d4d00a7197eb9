"""What became of a run, and what a person has to know of it: from its journal, and nothing else.

What the journal does not say is not known, and never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ...journal.reader import RUN_START, Event, of_kind
from ...journal.timeline import Timeline, build_timeline
from ..topology.model import EVENT, Topology
from .changes import DONE, ChangeResult, changes_of
from .human_steps import Approval, ManualStep, approvals, manual_steps
from .inventory import AFTER, BEFORE, State, read_inventories

_SUCCEEDED = "succeeded"


@dataclass(frozen=True)
class CheckResult:
    """A claim, whether it held, and what was found."""

    at: str
    notebook: str
    claim: str
    holds: bool
    found: Any = None


@dataclass(frozen=True)
class NotebookResult:
    """One notebook of the run.

    Args:
        state: As it was written down, e.g. ``done``; empty where it was not.
        why: What stopped it, where something did.
        cells: How many cells ended how, where somebody counted.
        verified: Whether the last look found no difference; ``None`` where none was taken.
    """

    notebook: str
    state: str
    why: str
    cells: Mapping[str, int]
    verified: bool | None
    fingerprint: str
    planned: int

    @property
    def done(self) -> bool:
        return self.state == DONE


@dataclass(frozen=True)
class RunRecord:
    """All of it.

    Args:
        source: The checkout of git; empty where the code was none, ``None`` where nobody looked.
    """

    asked: Event
    callers: tuple[str, ...]
    operators: tuple[str, ...]
    source: Mapping[str, Any] | None
    parameters: Mapping[str, Any]
    approvals: tuple[Approval, ...]
    began: str
    ended: str
    parts: tuple[NotebookResult, ...]
    plans: tuple[Event, ...]
    changes: tuple[ChangeResult, ...]
    checks: tuple[CheckResult, ...]
    by_hand: tuple[ManualStep, ...]
    before: Mapping[str, State]
    after: Mapping[str, State]
    unseen: str
    strays: tuple[str, ...]
    sight: Topology | None
    since: int
    timeline: Timeline
    calls: tuple[tuple[str, int, int], ...]
    redactions: tuple[tuple[str, int], ...]

    def of(self, name: str) -> str:
        """One of the facts that a run begins with, e.g. ``env``; empty where it is not known."""
        return str(self.asked.get(name) or "")

    @property
    def mode(self) -> str:
        return self.of("mode")


def read_run(events: Iterable[Event]) -> RunRecord:
    """Read it."""
    told = [event for event in events if isinstance(event.get("event"), str)]
    sight, since = _sight(told)
    opened = list(of_kind(told, "open"))
    asked = list(of_kind(told, *RUN_START))
    return RunRecord(
        asked=_asked(told),
        callers=_each(event.get("caller") for event in opened),
        operators=_each(event.get("operator") for event in asked),
        source=_source(told),
        parameters=next((event["parameters"] for event in asked if event.get("parameters")), {}),
        approvals=approvals(told),
        began=str(told[0].get("at", "")) if told else "",
        ended=str(told[-1].get("at", "")) if told else "",
        parts=tuple(_part(notebook, told) for notebook in _notebooks(told)),
        plans=tuple(_plans(told)),
        changes=changes_of(told),
        checks=tuple(_checks(told)),
        by_hand=tuple(manual_steps(told)),
        before=read_inventories(told, BEFORE),
        after=read_inventories(told, AFTER),
        unseen=next((str(event.get("why")) for event in reversed(told) if event["event"] == "unseen"), ""),
        strays=_strays(told),
        sight=sight,
        since=since,
        timeline=build_timeline(told),
        calls=_calls(told),
        redactions=_redactions(told),
    )


def _asked(told: list[Event]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in told:
        if event["event"] in RUN_START:
            found |= {name: value for name, value in event.items() if value not in (None, "")}
    return found


def _source(told: list[Event]) -> Mapping[str, Any] | None:
    found = [event["source"] for event in of_kind(told, *RUN_START) if "source" in event]
    known = [source for source in found if isinstance(source, dict)]
    return max(known, key=bool, default=None)


def _each(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value) for value in values if value))


def _notebooks(told: list[Event]) -> tuple[str, ...]:
    asked = [name for event in told if event["event"] == "run" for name in event.get("notebooks", ())]
    begun = [event.get("notebook") for event in told if event["event"] in ("open", "ended", "cells")]
    return tuple(sorted(_each([*asked, *begun])))


def _part(notebook: str, told: list[Event]) -> NotebookResult:
    own = [event for event in told if event.get("notebook") == notebook]
    state, why = _state(own)
    mode = next((str(e.get("mode")) for e in reversed(own) if e["event"] == "open"), "")
    plans = [e for e in own if e["event"] == "plan" and bool(e.get("present")) is (mode != "destroy")]
    verdicts = [bool(e.get("ok")) for e in own if e["event"] == "verify"]
    cells = next((e.get("cells", ()) for e in reversed(own) if e["event"] == "cells"), ())
    return NotebookResult(
        notebook=notebook,
        state=state,
        why=why,
        cells=Counter(str(cell.get("state")) for cell in cells),
        verified=verdicts[-1] if verdicts else None,
        fingerprint=str(plans[0].get("fingerprint", "")) if plans else "",
        planned=len(plans[0].get("changes", ())) if plans else 0,
    )


def _state(own: list[Event]) -> tuple[str, str]:
    """How a notebook ended: it is done only when nobody who says something of it says otherwise."""
    ended = next((e for e in reversed(own) if e["event"] == "ended"), None)
    cells = next((e for e in reversed(own) if e["event"] == "cells"), None)
    state = str(ended.get("state", "")) if ended else ""
    why = ": ".join(str(ended[name]) for name in ("error", "why") if ended and ended.get(name))
    if cells and cells.get("outcome") == _SUCCEEDED:
        state = state or DONE
    elif cells and state in ("", DONE):
        state = str(cells.get("outcome"))
    return state, why or str(cells.get("why", "") if cells else "")


def _plans(told: list[Event]) -> list[Event]:
    """What every plan says, without what only the journal needs."""
    found: dict[tuple[Any, ...], Event] = {}
    for event in told:
        if event["event"] == "plan":
            verb = "apply" if event.get("present") else "destroy"
            names = ("stack", "fingerprint", "count", "changes")
            said = {"notebook": event.get("notebook"), "verb": verb} | {name: event.get(name) for name in names}
            found.setdefault((said["notebook"], verb, said["fingerprint"]), said)
    return list(found.values())


def _checks(told: list[Event]) -> list[CheckResult]:
    """Every claim that was tested, and every look for differences, which is one, too."""
    found = []
    for event in told:
        at, notebook, holds = str(event.get("at", "")), str(event.get("notebook", "")), bool(event.get("ok"))
        if event["event"] == "check":
            found.append(CheckResult(at, notebook, str(event.get("claim", "")), holds, event.get("found")))
        elif event["event"] == "verify":
            claim = f"All of {event.get('stack', notebook)} is as the parameters ask, and every claim holds"
            found.append(CheckResult(at, notebook, claim, holds, event.get("failed") or None))
    return found


def _strays(told: list[Event]) -> tuple[str, ...]:
    last = next((e.get("found", ()) for e in reversed(told) if e["event"] == "strays"), ())
    return tuple(str(stray.get("key") or stray.get("arn")) for stray in last)


def _sight(told: list[Event]) -> tuple[Topology | None, int]:
    """What was last seen, and how many changes were made after it."""
    for place in reversed(range(len(told))):
        if told[place]["event"] == EVENT:
            try:
                seen = Topology.model_validate(told[place].get("seen"))
            except ValidationError:
                continue
            return seen, sum(event["event"] == "change" and bool(event.get("ok")) for event in told[place:])
    return None, 0


def _calls(told: list[Event]) -> tuple[tuple[str, int, int], ...]:
    """For each service how many calls were written down, and how many of them AWS refused."""
    calls = list(of_kind(told, "call"))
    every = Counter(str(event.get("service")) for event in calls)
    refused = Counter(str(event.get("service")) for event in calls if event.get("error"))
    return tuple((service, every[service], refused[service]) for service in sorted(every))


def _redactions(told: list[Event]) -> tuple[tuple[str, int], ...]:
    """How many secrets of which kind were taken out, as each notebook told last of its own."""
    last = {event.get("notebook"): event["redactions"] for event in told if isinstance(event.get("redactions"), list)}
    counts: Counter[str] = Counter()
    for one in (one for own in last.values() for one in own):
        if isinstance(one, dict) and isinstance(one.get("count"), int):
            counts[str(one.get("kind"))] += one["count"]
    return tuple(sorted(counts.items()))
