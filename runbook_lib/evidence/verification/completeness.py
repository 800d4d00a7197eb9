"""Check that a run's evidence is complete: every notebook, every plan, and the result of every change.

A signature says who closed a folder, not that the folder was complete.  So the files are compared
with each other: changes with plans, calls to AWS with changes, and the journal with the files that
are generated from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...engine.plan import digest
from ...journal.journal import MANIFEST
from ...journal.reader import JOURNAL, Event, of_kind
from ..report.changes import ACTS
from ..report.inventory import AFTER, BEFORE
from ..report.run_record import read_run

DONE, NOT_RUN = "done", "not run"
_LOCK_OPERATIONS = ("PutObject", "DeleteObject")
"""The operations of the environment's lock, which is an object in S3 and belongs to no change."""


@dataclass(frozen=True)
class MissingEvidence:
    """Something that is missing from the evidence.

    Args:
        where: The file or notebook in which it is missing.
        serious: Whether the evidence is incomplete; a planned change that the run reports as not done is not serious.
    """

    where: str
    what: str
    serious: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class _Notebook:
    """The events of one notebook.

    Args:
        requested: Whether the command was to run it.
        own: Its own events.
        events: All events of the run.
    """

    name: str
    requested: bool
    own: Sequence[Event]
    events: Sequence[Event]

    def of(self, event: str) -> list[Event]:
        return list(of_kind(self.own, event))

    @property
    def mode(self) -> str:
        starts = [*self.of("open"), *of_kind(self.events, "run")]  # at least one: it is named there
        return str(starts[0].get("mode") or "")

    @property
    def state(self) -> str:
        return str(self.ending.get("state"))

    @property
    def ending(self) -> Event:
        return next(iter(reversed(self.of("ended"))), {})

    @property
    def after_last_change(self) -> Sequence[Event]:
        """The events from its last change on; none, where it changed nothing."""
        changes = [at for at, event in enumerate(self.own) if event["event"] == "change"]
        return self.own[changes[-1] :] if changes else ()


def find_gaps(folder: Path, events: Sequence[Event]) -> Iterator[MissingEvidence]:
    """Find what is missing, notebook by notebook, and among the files that are generated at the end of a run."""
    notebooks, closed = planned_notebooks(events), (folder / MANIFEST).is_file()
    if not notebooks and not any(of_kind(events, "unlock")):
        yield MissingEvidence(JOURNAL, "does not name the notebooks of the run")
    for name in notebooks:
        own = [event for event in events if event.get("notebook") == name]
        notebook = _Notebook(name, name in _requested_notebooks(events), own, events)
        if not notebook.ending:
            yield MissingEvidence(name, "the journal does not say how it ended: it was killed, or is still running")
        yield from _missing_notebook_files(folder, notebook)
        yield from _missing_plans(folder, notebook)
        yield from _missing_changes(notebook)
        yield from _calls_without_change(notebook)
        yield from _missing_open(notebook)
        yield from _missing_of_done(notebook) if notebook.state == DONE else ()
        yield from _missing_after_state(notebook) if closed else ()
    yield from _missing_generated_files(folder, events, notebooks) if closed else ()


def planned_notebooks(events: Sequence[Event]) -> list[str]:
    """The notebooks that a run was started with, and others that have run in it."""
    opened = [event["notebook"] for event in of_kind(events, "open") if "notebook" in event]
    return list(dict.fromkeys([*_requested_notebooks(events), *opened]))


def read_plan(path: Path) -> Mapping[str, Any] | None:
    """Read a plan from a file of ``plans/``; ``None`` where the file holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))["plan"] if path.is_file() else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _requested_notebooks(events: Sequence[Event]) -> list[str]:
    return [name for event in of_kind(events, "run") for name in event.get("notebooks", ())]


def _missing_notebook_files(folder: Path, notebook: _Notebook) -> Iterator[MissingEvidence]:
    """An executed notebook is kept, with its HTML page; an interrupted one may have neither."""
    executed, page = (folder / f"{notebook.name}{suffix}" for suffix in (".ipynb", ".html"))
    ran = notebook.state != NOT_RUN and (notebook.ending.get("cell", 0) > 0 or notebook.of("cells"))
    if ran and not executed.is_file():
        yield MissingEvidence(executed.name, "is missing, and the notebook was run")
    if notebook.ending and (ran or executed.is_file()) and not page.is_file():
        yield MissingEvidence(page.name, "is missing, and the notebook was run")


def _missing_plans(folder: Path, notebook: _Notebook) -> Iterator[MissingEvidence]:
    for event in notebook.of("plan"):
        verb = "apply" if event["present"] else "destroy"
        name = f"plans/{notebook.name}-{verb}-{event['fingerprint']}.json"
        plan = read_plan(folder / name)
        if not (folder / name).is_file():
            yield MissingEvidence(name, "is missing, and the journal has this plan")
        elif plan is None:
            yield MissingEvidence(name, "is not a plan")
        elif digest(plan)[:16] != event["fingerprint"]:
            yield MissingEvidence(name, "is not the plan with that fingerprint")


def _missing_changes(notebook: _Notebook) -> Iterator[MissingEvidence]:
    """Each planned change was made, failed, or was not reached because the notebook stopped."""
    changes = notebook.of("change")
    if notebook.mode not in ACTS:
        if changes:
            yield MissingEvidence(notebook.name, f"was changed, although its mode was {notebook.mode or 'none'}")
        return
    planned = _planned_actions(notebook)
    if changes and planned is None:
        yield MissingEvidence(notebook.name, "was changed, and the journal has no plan for it")
    verified = any(event["ok"] for event in notebook.of("verify"))
    recorded = {event["key"] for event in of_kind(notebook.own, "change", "gone")}
    for key, action in (planned or {}).items():
        if key in recorded:
            continue
        if notebook.state == DONE and not verified:
            what = f"{key}: {action} was planned, and the journal has no result of it"
            yield MissingEvidence(notebook.name, what)
        else:
            done = notebook.state == DONE
            reason = "it was as desired before its turn" if done else "not done: the notebook stopped before it"
            yield MissingEvidence(notebook.name, f"{key}: {action} was planned; {reason}", serious=False)


def _planned_actions(notebook: _Notebook) -> dict[str, str] | None:
    plans = [event for event in notebook.of("plan") if event["present"] is (notebook.mode != "destroy")]
    return {one["key"]: one["action"] for event in plans for one in event.get("changes", ())} if plans else None


def _calls_without_change(notebook: _Notebook) -> Iterator[MissingEvidence]:
    """Every writing call belongs to a change, which is recorded when it has ended."""
    open_calls: list[str] = []
    for event in notebook.own:
        if event["event"] in ("change", "gone"):
            open_calls = []
        elif event["event"] == "call" and event["write"] and not event["error"] and not _is_lock(event):
            open_calls.append(f"{event['service']} {event['operation']}")
    # A notebook that stops during a change may not record it.
    if open_calls and (notebook.state == DONE or notebook.mode not in ACTS):
        yield MissingEvidence(
            notebook.name, f"{', '.join(dict.fromkeys(open_calls))}: AWS was called, and no change was recorded"
        )


def _is_lock(call: Event) -> bool:
    return call["service"] == "s3" and call["operation"] in _LOCK_OPERATIONS


def _missing_open(notebook: _Notebook) -> Iterator[MissingEvidence]:
    opened = notebook.of("open")
    if notebook.state == DONE and not opened:
        yield MissingEvidence(
            notebook.name, "is done, and the journal does not say who opened the run, and in which account"
        )
    elif any(not event.get("parameters") for event in opened):
        yield MissingEvidence(notebook.name, "the journal does not have its parameters")


def _missing_of_done(notebook: _Notebook) -> Iterator[MissingEvidence]:
    """A notebook that is done has run all its cells, has a plan, and was verified."""
    cells = notebook.of("cells")
    if not cells or cells[-1].get("outcome") != "succeeded":
        yield MissingEvidence(notebook.name, "is done, and the journal does not say that all its cells succeeded")
    if notebook.requested and _planned_actions(notebook) is None:
        yield MissingEvidence(notebook.name, "is done, and the journal has no plan for it")
    if notebook.of("plan") and not _has_inventory(notebook.own, BEFORE):
        yield MissingEvidence(notebook.name, "the journal does not have the state before it")
    later = notebook.after_last_change
    if notebook.mode == "apply" and later and not any(e["ok"] for e in of_kind(later, "verify")):
        yield MissingEvidence(
            notebook.name, "was changed, and the journal does not say that it was verified", serious=notebook.requested
        )


def _missing_after_state(notebook: _Notebook) -> Iterator[MissingEvidence]:
    """The state after the changes was recorded, or the reason why it could not be read."""
    reported = any(notebook.name in e.get("notebooks", ()) for e in of_kind(notebook.events, "unseen"))
    layer = {event.get("stack") for event in notebook.of("plan")} & {notebook.name.partition("_")[2]}
    later = notebook.after_last_change
    if later and (layer or notebook.state == DONE) and not _has_inventory(later, AFTER) and not reported:
        yield MissingEvidence(notebook.name, "was changed, and the journal does not have the state afterwards")


def _has_inventory(own: Sequence[Event], when: str) -> bool:
    return any(event.get("when") == when for event in of_kind(own, "inventory"))


def _missing_generated_files(
    folder: Path, events: Sequence[Event], notebooks: Sequence[str]
) -> Iterator[MissingEvidence]:
    """A closed run has the files that are generated from its journal, and an HTML page of each notebook."""
    record = read_run(events)
    names = ["report.html", "plan.json", "changes.csv", "checks.csv"]
    names += ["timeline.svg"] if record.notebooks else []
    names += ["topology.svg"] if record.topology else []
    names += ["controls.csv", "controls.ocsf.json"] if record.controls else []
    names += ["parameters.json"] if record.parameters else []
    for when, content in ((BEFORE, record.before), (AFTER, record.after)):
        names += [f"resources-{when}.csv", f"resources-{when}.json"] if content else []
    for name in names:
        if not (folder / name).is_file():
            yield MissingEvidence(name, "is missing, and the journal has its content")
    for path in sorted(folder.glob("*.ipynb")):
        if path.stem not in notebooks and not path.with_suffix(".html").is_file():
            yield MissingEvidence(f"{path.stem}.html", "is missing, and there is such a notebook")
