"""Read the progress of a notebook's cells from the journal, also of a run that was not closed.

The kernel's recorder and the headless engine write ``cell`` events when a cell begins and ends, and
one ``cells`` event with all results.  They are in the journal, not in a file of their own: an append
keeps earlier lines, even on a full disk; the chain of the journal covers them; and their order shows
which cell made which change.  A notebook without a ``cells`` event was not closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...journal.journal import MANIFEST
from ...journal.process import ProcessIdentity
from ...journal.reader import JOURNAL, Event, of_kind, read_events
from .cells import Cell, Cells, Outcome, State, outcome_text

UNFINISHED_SHOWN = 3
"""How many unfinished runs are named."""


@dataclass(frozen=True)
class NotebookProgress:
    """How far one notebook of a run got.

    Args:
        closed: Whether its end was recorded; if not, this is its last recorded progress.
        alive: Whether its kernel may still be running.
        last_at: The time of its last event.
    """

    notebook: str
    cells: tuple[Cell, ...]
    outcome: Outcome
    why: str
    closed: bool
    alive: bool
    last_at: str

    @property
    def success(self) -> bool:
        """Whether the notebook was closed and all its cells succeeded."""
        return self.closed and self.outcome is Outcome.SUCCEEDED

    def __str__(self) -> str:
        text = f"{self.notebook}: {self.outcome}, {outcome_text(self.cells)}"
        if self.why:
            text += f"; {self.why}"
        if self.closed:
            return text
        return f"{text}; {'still open' if self.alive else 'never closed'}, last event at {self.last_at}"


def read_progress(events: Iterable[Event], notebook: str) -> NotebookProgress | None:
    """Read a notebook's progress; ``None`` when the journal has no events of its cells."""
    verdict: Event | None = None
    start: Event | None = None
    steps: dict[Any, Cell] = {}
    last_at = ""
    for event in events:
        if event.get("notebook") != notebook:
            continue
        last_at = event.get("at", last_at)
        if event["event"] == "recording":
            start, verdict, steps = event, None, {}
        elif event["event"] == "cell":
            _apply_step(steps, event)
        elif event["event"] == "cells":
            verdict = event
    if verdict is None and start is None and not steps:
        return None
    if verdict:
        return _closed_progress(notebook, verdict, last_at)
    return _open_progress(notebook, list(steps.values()), start, last_at)


def _closed_progress(notebook: str, verdict: Event, last_at: str) -> NotebookProgress:
    cells = tuple(map(Cell.from_dict, verdict["cells"]))
    return NotebookProgress(
        notebook, cells, Outcome(verdict["outcome"]), verdict["why"], closed=True, alive=False, last_at=last_at
    )


def _open_progress(notebook: str, cells: list[Cell], start: Event | None, last_at: str) -> NotebookProgress:
    """The last recorded progress; cells that did not begin are not in the journal."""
    alive = bool(start) and not ProcessIdentity.of_event(start or {}).is_dead
    unfinished = Cells(cells)
    if not alive:
        unfinished.close(last_at, "its process ended without a result")
    outcome = Outcome.RUNNING if alive else unfinished.outcome if unfinished.stopping_cell else Outcome.INCOMPLETE
    return NotebookProgress(notebook, tuple(cells), outcome, unfinished.why, closed=False, alive=alive, last_at=last_at)


def unfinished_runs(environment: Path, *, current: str) -> Iterator[tuple[str, NotebookProgress]]:
    """Yield the notebooks of earlier runs that nobody closed, the newest first: the run's id and the progress.

    Runs that may still be in progress are left out.

    Args:
        environment: ``artifacts/<env>``; runs are sorted by their ids.
        current: The id of the current run.
    """
    folders = sorted((path.parent for path in environment.glob(f"*/{JOURNAL}")), reverse=True)
    for folder in folders:
        if folder.name >= current or (folder / MANIFEST).exists():
            continue
        events = read_events(folder)
        if is_running(events):
            continue
        for notebook in dict.fromkeys(e["notebook"] for e in of_kind(events, "recording")):
            if progress := read_progress(events, notebook):
                yield folder.name, progress


def describe_unfinished(environment: Path, *, current: str) -> str:
    """The newest earlier runs that nobody closed, and how to close them; empty when there are none."""
    unfinished = list(unfinished_runs(environment, current=current))
    texts = [f"{run} {progress}" for run, progress in unfinished[:UNFINISHED_SHOWN]]
    if more := len(unfinished) - len(texts):
        texts.append(f"{more} more: runbook evidence list --env {environment.name}")
    return "; ".join([*texts, "to close one: runbook evidence close RUN"]) if texts else ""


def is_running(events: Iterable[Event]) -> bool:
    """Whether a command or a notebook of the run may still be running; on another machine it may always be.

    A notebook whose kernel runs has ended all the same when another run was opened in its kernel.
    """
    events = list(events)
    ended = {event.get("notebook") for event in of_kind(events, "cells")}
    starts = [
        event
        for event in of_kind(events, "run", "recording")
        if "pid" in event and (event["event"] == "run" or event.get("notebook") not in ended)
    ]
    return any(not ProcessIdentity.of_event(event).is_dead for event in starts)


def _apply_step(steps: dict[Any, Cell], event: Event) -> None:
    """Apply one ``cell`` event; a cell that is executed again replaces its earlier state."""
    key = event.get("cell") or event["step"]
    cell = steps.setdefault(key, Cell(len(steps) + 1, id=event.get("cell", "")))
    cell.state = State(event["state"])
    cell.error = event.get("error", "")
    if cell.state is State.RUNNING:
        cell.began = event["at"]
    elif not event.get("before"):
        cell.ended = event["at"]
