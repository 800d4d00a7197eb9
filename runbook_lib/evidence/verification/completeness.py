"""Whether a run's evidence is all there: every notebook, every plan, and what came of every change in it.

A signature says who closed a folder, not that nothing was left out before.  So what one thing in it
tells is looked for in the others: what was changed in the plans, what was called in the changes,
what the journal says in the files that are made of it.
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
_OBJECTS = ("PutObject", "DeleteObject")
"""The lock of the environment is an object in S3: it is taken and given back beside all changes."""


@dataclass(frozen=True)
class MissingEvidence:
    """Something that the evidence does not say.

    Args:
        where: The file, or the notebook, that it concerns.
        grave: Whether the evidence is incomplete; what a run left undone and says so is no gap in it.
    """

    where: str
    what: str
    grave: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class _Part:
    """What the journal says of one notebook.

    Args:
        asked: Whether the command ran it, as one of the notebooks of a run.
    """

    notebook: str
    asked: bool
    own: Sequence[Event]
    events: Sequence[Event]

    def of(self, event: str) -> list[Event]:
        return list(of_kind(self.own, event))

    @property
    def mode(self) -> str:
        asked = [*self.of("open"), *of_kind(self.events, "run")]
        return next((str(event.get("mode")) for event in asked), "")

    @property
    def state(self) -> str:
        return str(self.last.get("state", ""))

    @property
    def last(self) -> Event:
        return next(iter(reversed(self.of("ended"))), {})

    @property
    def since(self) -> Sequence[Event]:
        """What came after its last change; nothing, where it has changed nothing."""
        changes = [at for at, event in enumerate(self.own) if event["event"] == "change"]
        return self.own[changes[-1] :] if changes else ()


def find_gaps(folder: Path, events: Sequence[Event]) -> Iterator[MissingEvidence]:
    """What is missing of a run, notebook by notebook, and of the files that are made at its end."""
    notebooks, closed = planned_notebooks(events), (folder / MANIFEST).is_file()
    if not notebooks:
        yield MissingEvidence(JOURNAL, "does not say which notebooks the run was to have")
    for notebook in notebooks:
        own = [event for event in events if event.get("notebook") == notebook]
        part = _Part(notebook, notebook in _asked(events), own, events)
        if not part.last:
            yield MissingEvidence(notebook, "the journal does not say how it ended: it was killed, or is still running")
        yield from _files(folder, part)
        yield from _plans(folder, part)
        yield from _changes(part)
        yield from _calls(part)
        yield from _opened(part)
        yield from _done(part) if part.state == DONE else ()
        yield from _left(part) if closed else ()
    yield from _made(folder, events, notebooks) if closed else ()


def planned_notebooks(events: Sequence[Event]) -> list[str]:
    """The notebooks that a run was to have, or that have begun without being asked for."""
    begun = [event["notebook"] for event in of_kind(events, "open") if "notebook" in event]
    return list(dict.fromkeys([*_asked(events), *begun]))


def plan_in(path: Path) -> Mapping[str, Any] | None:
    """The plan in a file of ``plans/``; ``None`` where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["plan"] if path.is_file() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def _asked(events: Sequence[Event]) -> list[str]:
    return [name for event in of_kind(events, "run") for name in event.get("notebooks", ())]


def _files(folder: Path, part: _Part) -> Iterator[MissingEvidence]:
    """The executed notebook is kept, with its page; of one that was interrupted nobody may have had time for that."""
    there, page = (folder / f"{part.notebook}{suffix}" for suffix in (".ipynb", ".html"))
    ran = part.state != NOT_RUN and (part.last.get("cell", 0) > 0 or part.of("cells"))
    if ran and not there.is_file():
        yield MissingEvidence(there.name, "is missing: the notebook was run")
    if part.last and (ran or there.is_file()) and not page.is_file():
        yield MissingEvidence(page.name, "is missing: the notebook was run")


def _plans(folder: Path, part: _Part) -> Iterator[MissingEvidence]:
    for event in part.of("plan"):
        verb = "apply" if event["present"] else "destroy"
        name = f"plans/{part.notebook}-{verb}-{event['fingerprint']}.json"
        plan = plan_in(folder / name)
        if not (folder / name).is_file():
            yield MissingEvidence(name, "is missing: the journal has this plan")
        elif plan is None:
            yield MissingEvidence(name, "is no plan")
        elif digest(plan)[:16] != event["fingerprint"]:
            yield MissingEvidence(name, "is not the plan of that fingerprint")


def _changes(part: _Part) -> Iterator[MissingEvidence]:
    """Each change of each plan that was to be carried out: done, tried, or left because the notebook stopped."""
    changes = part.of("change")
    if part.mode not in ACTS:
        if changes:
            yield MissingEvidence(part.notebook, f"was changed, and its mode was {part.mode or 'none'}")
        return
    planned = _planned(part)
    if changes and planned is None:
        yield MissingEvidence(part.notebook, "was changed, and the journal has no plan of that")
    verified = any(event["ok"] for event in part.of("verify"))
    told = {event["key"] for event in of_kind(part.own, "change", "gone")}
    for key, action in (planned or {}).items():
        if key in told:
            continue
        if part.state == DONE and not verified:
            what = f"{key}: to {action} it was planned, and the journal does not say what came of it"
            yield MissingEvidence(part.notebook, what)
        else:
            done = part.state == DONE
            why = "it was as asked for before its turn" if done else "not done: the notebook did not get there"
            yield MissingEvidence(part.notebook, f"{key}: to {action} it was planned; {why}", grave=False)


def _planned(part: _Part) -> dict[str, str] | None:
    plans = [event for event in part.of("plan") if event["present"] is (part.mode != "destroy")]
    return {one["key"]: one["action"] for event in plans for one in event.get("changes", ())} if plans else None


def _calls(part: _Part) -> Iterator[MissingEvidence]:
    """What AWS was asked to write belongs to a change, which is written down when it has ended."""
    open_calls: list[str] = []
    for event in part.own:
        if event["event"] in ("change", "gone"):
            open_calls = []
        elif event["event"] == "call" and event["write"] and not event["error"] and not _is_lock(event):
            open_calls.append(f"{event['service']} {event['operation']}")
    # Whoever stops in the middle of a change may not get to write it down.
    if open_calls and (part.state == DONE or part.mode not in ACTS):
        yield MissingEvidence(
            part.notebook, f"{', '.join(dict.fromkeys(open_calls))}: AWS was called, and no change tells of that"
        )


def _is_lock(call: Event) -> bool:
    return call["service"] == "s3" and call["operation"] in _OBJECTS


def _opened(part: _Part) -> Iterator[MissingEvidence]:
    opened = part.of("open")
    if part.state == DONE and not opened:
        yield MissingEvidence(
            part.notebook, "is done, and the journal does not say what was opened: by whom, in which account"
        )
    elif any(not event.get("parameters") for event in opened):
        yield MissingEvidence(part.notebook, "the journal does not say with which parameters")


def _done(part: _Part) -> Iterator[MissingEvidence]:
    """What a notebook has done that ran to its end."""
    cells = part.of("cells")
    if not cells or cells[-1].get("outcome") != "succeeded":
        yield MissingEvidence(
            part.notebook, "is done, and the journal does not say that each of its cells was run to its end"
        )
    if part.asked and _planned(part) is None:
        yield MissingEvidence(part.notebook, "is done, and the journal has no plan of it")
    if part.of("plan") and not _looked(part.own, BEFORE):
        yield MissingEvidence(part.notebook, "the journal does not say what was there before")
    if part.mode == "apply" and part.since and not any(e["ok"] for e in of_kind(part.since, "verify")):
        yield MissingEvidence(
            part.notebook, "was changed, and the journal does not say that it was verified", grave=part.asked
        )


def _left(part: _Part) -> Iterator[MissingEvidence]:
    """What was changed was looked at afterwards, by the notebook or by whoever closed the run."""
    unseen = any(part.notebook in e.get("notebooks", ()) for e in of_kind(part.events, "unseen"))
    layer = {event.get("stack") for event in part.of("plan")} & {part.notebook.partition("_")[2]}
    if part.since and (layer or part.state == DONE) and not _looked(part.since, AFTER) and not unseen:
        yield MissingEvidence(part.notebook, "was changed, and the journal does not say what was there afterwards")


def _looked(own: Sequence[Event], when: str) -> bool:
    return any(event.get("when") == when for event in of_kind(own, "inventory"))


def _made(folder: Path, events: Sequence[Event], notebooks: Sequence[str]) -> Iterator[MissingEvidence]:
    """What is made of the journal when a run is closed, and a page of whatever notebook lies there."""
    told = read_run(events)
    names = ["report.html", "plan.json", "changes.csv", "checks.csv"]
    names += ["timeline.svg"] if told.parts else []
    names += ["topology.svg"] if told.sight else []
    names += ["parameters.json"] if told.parameters else []
    for when, found in ((BEFORE, told.before), (AFTER, told.after)):
        names += [f"resources-{when}.csv", f"resources-{when}.json"] if found else []
    for name in names:
        if not (folder / name).is_file():
            yield MissingEvidence(name, "is missing: the journal has what belongs there")
    for path in sorted(folder.glob("*.ipynb")):
        if path.stem not in notebooks and not path.with_suffix(".html").is_file():
            yield MissingEvidence(f"{path.stem}.html", "is missing: there is a notebook, and no page of it")
