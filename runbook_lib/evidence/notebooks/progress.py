"""What the journal says of a notebook's cells, also when nobody closed the run.

The recorder in the kernel and the engine around it write two kinds of lines into the journal of the
run: ``cell`` when one begins and when it ends, and ``cells`` once, with the verdict on all of them.
They are lines of the journal and no file of their own, because an append cannot spoil what was
there before, not even on a full disk; because the chain vouches for them like for everything else;
and because their order among the others tells which cell made which change.  A run without a
verdict was never closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...journal.process import ProcessIdentity
from ...journal.reader import JOURNAL, Event, of_kind, read_events
from .cells import Cell, Cells, Outcome, State, outcome_text


@dataclass(frozen=True)
class NotebookProgress:
    """How far one notebook of a run got.

    Args:
        closed: Whether somebody said how it ended; when not, it is as it was last heard of.
        alive: Whether its kernel may still be at work.
        last: When it was last heard of.
    """

    notebook: str
    cells: tuple[Cell, ...]
    outcome: Outcome
    why: str
    closed: bool
    alive: bool
    last: str

    @property
    def success(self) -> bool:
        """Whether every cell has run to its end, and somebody saw it."""
        return self.closed and self.outcome is Outcome.SUCCEEDED

    def __str__(self) -> str:
        told = f"{self.notebook}: {self.outcome}, {outcome_text(self.cells)}"
        if self.why:
            told += f"; {self.why}"
        if self.closed:
            return told
        return f"{told}; {'still open' if self.alive else 'never closed'}, last heard of at {self.last}"


def read_progress(events: Iterable[Event], notebook: str) -> NotebookProgress | None:
    """What is known of a notebook; ``None`` when the journal knows nothing of its cells."""
    verdict: Event | None = None
    began: Event | None = None
    steps: dict[Any, Cell] = {}
    last = ""
    for event in events:
        if event.get("notebook") != notebook:
            continue
        last = event.get("at", last)
        if event["event"] == "recording":
            began, verdict, steps = event, None, {}
        elif event["event"] == "cell":
            _step(steps, event)
        elif event["event"] == "cells":
            verdict = event
    if verdict is None and began is None and not steps:
        return None
    return _closed(notebook, verdict, last) if verdict else _open(notebook, list(steps.values()), began, last)


def _closed(notebook: str, verdict: Event, last: str) -> NotebookProgress:
    cells = tuple(map(Cell.of, verdict["cells"]))
    return NotebookProgress(
        notebook, cells, Outcome(verdict["outcome"]), verdict["why"], closed=True, alive=False, last=last
    )


def _open(notebook: str, cells: list[Cell], began: Event | None, last: str) -> NotebookProgress:
    """As it was last heard of: of cells that never began nobody has told."""
    alive = bool(began) and not ProcessIdentity.of_event(began or {}).is_dead
    found = Cells(cells)
    if not alive:
        found.close(last, "its process ended without a word")
    outcome = Outcome.RUNNING if alive else found.outcome if found.stopped else Outcome.INCOMPLETE
    return NotebookProgress(notebook, tuple(cells), outcome, found.why, closed=False, alive=alive, last=last)


def unfinished_runs(environment: Path, *, besides: str) -> Iterator[tuple[str, NotebookProgress]]:
    """Notebooks of the run before this one that nobody closed: the run, and how far it got.

    Args:
        environment: ``artifacts/<env>``; runs are sorted by their names.
        besides: The run that asks.
    """
    others = sorted(path.parent for path in environment.glob(f"*/{JOURNAL}") if path.parent.name < besides)
    for folder in others[-1:]:
        events = read_events(folder)
        for notebook in dict.fromkeys(e["notebook"] for e in of_kind(events, "recording")):
            found = read_progress(events, notebook)
            if found and not found.closed and not found.alive:
                yield folder.name, found


def is_running(events: Iterable[Event]) -> bool:
    """Whether a command or a kernel of the run may still be there; of another machine's nobody can say, so it may."""
    began = [event for event in of_kind(events, "run", "recording") if "pid" in event]
    return any(not ProcessIdentity.of_event(event).is_dead for event in began)


def _step(steps: dict[Any, Cell], event: Event) -> None:
    """One line about one execution; a cell that is run again begins anew."""
    key = event.get("cell") or event["step"]
    cell = steps.setdefault(key, Cell(len(steps) + 1, id=event.get("cell", "")))
    cell.state = State(event["state"])
    cell.error = event.get("error", "")
    if cell.state is State.RUNNING:
        cell.began = event["at"]
    elif not event.get("before"):
        cell.ended = event["at"]
