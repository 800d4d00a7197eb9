"""Read the record of a run from its journal, for report, exports and commands; what that does not say is empty."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ...journal.reader import RUN_START, Event, of_kind
from ...journal.summary import read_remainders
from ...journal.timeline import Timeline, build_timeline
from ...stacks.checks.check import FAIL, PASS, is_control
from ..origin import EVENT as ORIGIN
from ..origin import Origin
from ..topology.model import EVENT, Topology
from .changes import DONE, ChangeResult, changes_of
from .human_steps import ManualStep, RecordedApproval, read_approvals, read_manual_steps
from .inventory import AFTER, BEFORE, State, read_inventories

_SUCCEEDED = "succeeded"
_ABSENT = re.compile("NoSuch|NotFound|NotExist|PreconditionFailed")
"""AWS's error codes by which a run learns that a resource does not exist yet, or a lock is held or a file there."""


@dataclass(frozen=True)
class CheckResult:
    """A check: its claim, whether the claim holds, and what was found."""

    at: str
    notebook: str
    claim: str
    holds: bool
    found: Any = None

    @property
    def result(self) -> str:
        """``pass``, ``fail``, ``exception`` or ``not applicable``."""
        given = self.found.get("result") if isinstance(self.found, dict) else None
        return str(given or (PASS if self.holds else FAIL))


@dataclass(frozen=True)
class CallCount:
    """The recorded calls to one service: those that write, and those without success.

    Args:
        written: Calls that write, which AWS accepted.
        absent: Calls that AWS answered with "not there"; for a write on a condition, with "there already".
        failed: Calls that AWS answered with any other error, or not at all.
    """

    service: str
    written: int
    absent: int
    failed: int


@dataclass(frozen=True)
class NotebookResult:
    """The result of one notebook.

    Args:
        state: How it ended, such as ``done``; empty where that was not recorded.
        reason: What stopped it, where something did.
        cells: The number of cells by their final state, where it was recorded.
        earlier: The number of executions by state that failed or were interrupted, of cells that were run again.
        verified: Whether the last verification found no drift; ``None`` where there was none after the last change.
        planned: The number of planned changes.
    """

    name: str
    state: str
    reason: str
    cells: Mapping[str, int]
    earlier: Mapping[str, int]
    verified: bool | None
    fingerprint: str
    planned: int

    @property
    def done(self) -> bool:
        """Whether the notebook ran to its end."""
        return self.state == DONE


@dataclass(frozen=True)
class PreflightRow:
    """One row of a preflight: what was needed, and whether it was there."""

    at: str
    notebook: str
    name: str
    result: str
    finding: str
    fix: str


@dataclass(frozen=True)
class RunRecord:
    """The record of a run.

    Args:
        starts: The fields of the ``run`` and ``open`` events together.
        origins: Of each executed notebook, whether it is the one of the commit; nothing where it was not recorded.
        source: The git checkout; empty where the code was not a checkout, ``None`` where it was not recorded.
        survey_error: Why the final state could not be read, where it could not.
        changes_since_topology: The number of successful changes after the topology was read.
        remainders: What a destroy left: the resource's key, the id of what remains, and the reason.
        calls: The number of recorded calls by service and answer: done, not there, or an error.
        redactions: The number of redacted secrets, by kind.
        preflight: The rows of all preflights, in the order in which they were asked.
        preflight_skipped: Why failed rows did not stop the apply; empty where they did.
    """

    starts: Event
    callers: tuple[str, ...]
    operators: tuple[str, ...]
    source: Mapping[str, Any] | None
    origins: tuple[Origin, ...]
    parameters: Mapping[str, Any]
    approvals: tuple[RecordedApproval, ...]
    began: str
    ended: str
    notebooks: tuple[NotebookResult, ...]
    plans: tuple[Event, ...]
    changes: tuple[ChangeResult, ...]
    checks: tuple[CheckResult, ...]
    manual_steps: tuple[ManualStep, ...]
    before: Mapping[str, State]
    after: Mapping[str, State]
    survey_error: str
    orphans: tuple[str, ...]
    remainders: tuple[tuple[str, str, str], ...]
    topology: Topology | None
    changes_since_topology: int
    timeline: Timeline
    calls: tuple[CallCount, ...]
    redactions: tuple[tuple[str, int], ...]
    preflight: tuple[PreflightRow, ...] = ()
    preflight_skipped: str = ""

    def get(self, name: str) -> str:
        """A field of the run's start, such as ``env``, as text; empty where it is not known."""
        return str(self.starts.get(name) or "")

    @property
    def claims(self) -> tuple[CheckResult, ...]:
        """The checks that are no controls."""
        return tuple(check for check in self.checks if not is_control(check.found))

    @property
    def controls(self) -> tuple[CheckResult, ...]:
        """The last evaluation of each control."""
        return tuple({check.claim: check for check in self.checks if is_control(check.found)}.values())

    @property
    def endpoint(self) -> str:
        """Where the calls of a rehearsal went; empty for AWS."""
        return str(self.parameters.get("endpoint") or "")

    @property
    def mode(self) -> str:
        """What the run did: plan, apply, verify or destroy."""
        return self.get("mode")


def read_run(journal: Iterable[Event]) -> RunRecord:
    """Read the record of a run from the events of its journal."""
    events = [event for event in journal if isinstance(event.get("event"), str)]
    topology, changes_since_topology = _read_topology(events)
    opened = list(of_kind(events, "open"))
    starts = list(of_kind(events, *RUN_START))
    return RunRecord(
        starts=_read_start(events),
        callers=_distinct(event.get("caller") for event in opened),
        operators=_distinct(event.get("operator") for event in starts),
        source=_read_source(events),
        origins=tuple({e.get("notebook"): Origin.from_event(e) for e in of_kind(events, ORIGIN)}.values()),
        parameters=next((event["parameters"] for event in starts if event.get("parameters")), {}),
        approvals=read_approvals(events),
        began=str(events[0].get("at", "")) if events else "",
        ended=str(events[-1].get("at", "")) if events else "",
        notebooks=tuple(_read_notebook(notebook, events) for notebook in _notebook_names(events)),
        plans=tuple(_read_plans(events)),
        changes=changes_of(events),
        checks=tuple(_read_checks(events)),
        manual_steps=tuple(read_manual_steps(events)),
        before=read_inventories(events, BEFORE),
        after=read_inventories(events, AFTER),
        survey_error=next((str(event.get("why")) for event in reversed(events) if event["event"] == "unseen"), ""),
        orphans=_read_orphans(events),
        remainders=read_remainders(events),
        topology=topology,
        changes_since_topology=changes_since_topology,
        timeline=build_timeline(events),
        calls=_count_calls(events),
        redactions=_count_redactions(events),
        preflight=tuple(_read_preflight(events)),
        preflight_skipped=next((str(e["skipped"]) for e in of_kind(events, "preflight") if e.get("skipped")), ""),
    )


def _read_start(events: list[Event]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for event in events:
        if event["event"] in RUN_START:
            fields |= {name: value for name, value in event.items() if value not in (None, "")}
    return fields


def _read_source(events: list[Event]) -> Mapping[str, Any] | None:
    sources = [event["source"] for event in of_kind(events, *RUN_START) if "source" in event]
    known = [source for source in sources if isinstance(source, dict)]
    return max(known, key=bool, default=None)


def _distinct(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value) for value in values if value))


def _notebook_names(events: list[Event]) -> tuple[str, ...]:
    requested = [name for event in of_kind(events, "run") for name in event.get("notebooks", ())]
    started = [event.get("notebook") for event in events if event["event"] in ("open", "ended", "cells")]
    return tuple(sorted(_distinct([*requested, *started])))


def _read_notebook(notebook: str, events: list[Event]) -> NotebookResult:
    own = [event for event in events if event.get("notebook") == notebook]
    state, reason = _read_end(own)
    mode = next((str(e.get("mode")) for e in reversed(own) if e["event"] == "open"), "")
    plans = [e for e in own if e["event"] == "plan" and bool(e.get("present")) is (mode != "destroy")]
    verdicts = [bool(e.get("ok")) for e in own if e["event"] == "verify"]
    cells = next((e.get("cells", ()) for e in reversed(own) if e["event"] == "cells"), ())
    return NotebookResult(
        name=notebook,
        state=state,
        reason=reason,
        cells=Counter(str(cell.get("state")) for cell in cells),
        earlier=_count_earlier(own, cells),
        verified=verdicts[-1] if verdicts and not _is_changed_since(own, "verify") else None,
        fingerprint=str(plans[0].get("fingerprint", "")) if plans else "",
        planned=len(plans[0].get("changes", ())) if plans else 0,
    )


def _count_earlier(own: list[Event], cells: Iterable[Event]) -> Mapping[str, int]:
    """Count the executions that did not succeed and were not the last of their cell."""
    last = Counter(str(cell.get("state")) for cell in cells)
    every = Counter(str(event.get("state")) for event in own if event["event"] == "cell")
    return {state: n for state in ("failed", "interrupted") if (n := every[state] - last[state]) > 0}


def _is_changed_since(own: list[Event], kind: str) -> bool:
    """Whether a notebook changed something after its last event of a kind."""
    last = max((at for at, event in enumerate(own) if event["event"] == kind), default=-1)
    return any(event["event"] == "change" for event in own[last + 1 :])


def _read_end(own: list[Event]) -> tuple[str, str]:
    """How a notebook ended, and why: it is done only when neither its end nor its cells say otherwise."""
    ended = next((e for e in reversed(own) if e["event"] == "ended"), None)
    cells = next((e for e in reversed(own) if e["event"] == "cells"), None)
    state = str(ended.get("state", "")) if ended else ""
    reason = ": ".join(str(ended[name]) for name in ("error", "why") if ended and ended.get(name))
    if cells and cells.get("outcome") == _SUCCEEDED:
        state = state or DONE
    elif cells and state in ("", DONE):
        state = str(cells.get("outcome"))
    return state, reason or str(cells.get("why", "") if cells else "")


def _read_plans(events: list[Event]) -> list[Event]:
    """Each plan once, without the fields that only the journal needs."""
    plans: dict[tuple[Any, ...], Event] = {}
    for event in events:
        if event["event"] == "plan":
            verb = "apply" if event.get("present") else "destroy"
            names = ("stack", "fingerprint", "count", "changes")
            plan = {"notebook": event.get("notebook"), "verb": verb} | {name: event.get(name) for name in names}
            plans.setdefault((plan["notebook"], verb, plan["fingerprint"]), plan)
    return list(plans.values())


def _read_checks(events: list[Event]) -> list[CheckResult]:
    """The checks and the verifications; a verification counts as a check."""
    checks = []
    for event in events:
        at, notebook, holds = str(event.get("at", "")), str(event.get("notebook", "")), bool(event.get("ok"))
        if event["event"] == "check":
            checks.append(CheckResult(at, notebook, str(event.get("claim", "")), holds, event.get("found")))
        elif event["event"] == "verify":
            claim = f"All of {event.get('stack', notebook)} is as the parameters ask, and every claim holds"
            checks.append(CheckResult(at, notebook, claim, holds, event.get("failed") or None))
    return checks


def _read_preflight(events: list[Event]) -> Iterator[PreflightRow]:
    for event in of_kind(events, "preflight"):
        for row in event.get("rows", ()):
            texts = (str(row.get(name, "")) for name in ("name", "result", "finding", "fix"))
            yield PreflightRow(str(event.get("at", "")), str(event.get("notebook", "")), *texts)


def _read_orphans(events: list[Event]) -> tuple[str, ...]:
    last = next((e.get("found", ()) for e in reversed(events) if e["event"] == "strays"), ())
    return tuple(str(stray.get("key") or stray.get("arn")) for stray in last)


def _read_topology(events: list[Event]) -> tuple[Topology | None, int]:
    """The last topology, and the number of changes after it."""
    for index in reversed(range(len(events))):
        if events[index]["event"] == EVENT:
            try:
                topology = Topology.model_validate(events[index].get("seen"))
            except ValidationError:
                continue
            return topology, sum(event["event"] == "change" and bool(event.get("ok")) for event in events[index:])
    return None, 0


def _count_calls(events: list[Event]) -> tuple[CallCount, ...]:
    """Recorded calls by service and answer."""
    answers = Counter((str(event.get("service")), _answer(event)) for event in of_kind(events, "call"))
    services = sorted({service for service, _ in answers})
    return tuple(CallCount(s, *(answers[s, answer] for answer in ("written", "absent", "failed"))) for s in services)


def _answer(call: Event) -> str:
    error = str(call.get("error") or "")
    return "absent" if _ABSENT.search(error) else "failed" if error else "written"


def _count_redactions(events: list[Event]) -> tuple[tuple[str, int], ...]:
    """Redacted secrets by kind; of each notebook its last count."""
    last = {event.get("notebook"): event["redactions"] for event in events if isinstance(event.get("redactions"), list)}
    counts: Counter[str] = Counter()
    for one in (one for own in last.values() for one in own):
        if isinstance(one, dict) and isinstance(one.get("count"), int):
            counts[str(one.get("kind"))] += one["count"]
    return tuple(sorted(counts.items()))
