"""What became of every cell: pending, running, succeeded, failed, interrupted or not run.

Pure: who watches the cells tells what happened and when, and asks what the run came to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How far a cell got."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    NOT_RUN = "not run"


class Outcome(StrEnum):
    """What the cells of a notebook came to, together."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    INCOMPLETE = "incomplete"


FINAL_STATES = {State.SUCCEEDED, State.FAILED, State.INTERRUPTED}


@dataclass
class Cell:
    """One code cell.

    Args:
        number: Which of the code cells it is, from 1.
        index: Which of all cells it is, from 0; -1 for one that no notebook holds.
        id: As the notebook names it, where it does.
        section: The heading above it.
        began, ended: In ISO 8601.
        error: What stopped it: a name and a message.
    """

    number: int
    index: int = -1
    id: str = ""
    section: str = ""
    state: State = State.PENDING
    began: str = ""
    ended: str = ""
    error: str = ""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Cell:
        """Read it back."""
        known = {one.name for one in fields(cls)}
        found = cls(**{name: value for name, value in told.items() if name in known})
        found.state = State(found.state)
        return found


@dataclass
class Cells:
    """All code cells of a notebook that have something to run, in order."""

    cells: list[Cell] = field(default_factory=list)
    why: str = ""
    """What stopped the run, where it was not a cell."""

    @classmethod
    def of(cls, notebook: Mapping[str, Any]) -> Cells:
        """The cells of a notebook, none of them begun."""
        every = notebook["cells"]
        own = [index for index, cell in enumerate(every) if runs(cell)]
        return cls([
            Cell(number, index, str(every[index].get("id", "")), section(every, index))
            for number, index in enumerate(own, start=1)
        ])  # fmt: skip

    def at(self, index: int) -> Cell:
        """The code cell in that place of the notebook."""
        return next(cell for cell in self.cells if cell.index == index)

    @property
    def outcome(self) -> Outcome:
        """Success is only when every cell has run to its end."""
        return outcome([cell.state for cell in self.cells], self.why)

    @property
    def stopped(self) -> Cell | None:
        """The cell that ended the run before its time."""
        found = (cell for cell in self.cells if cell.state in (State.FAILED, State.INTERRUPTED))
        return next(found, None)

    @property
    def unrun(self) -> Cell | None:
        """The first cell that was not run."""
        return next((cell for cell in self.cells if cell.state is State.NOT_RUN), None)

    def close(self, at: str, why: str = "", *, state: State = State.INTERRUPTED) -> None:
        """Nothing more comes: what runs was stopped, in that state and for that reason; what is pending is not run."""
        for cell in self.cells:
            if cell.state is State.RUNNING:
                cell.state, cell.ended, cell.error = state, at, cell.error or why
            elif cell.state is State.PENDING:
                cell.state = State.NOT_RUN
        if why and not self.stopped:
            self.why = why

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the journal."""
        return {"outcome": self.outcome.value, "why": self.why, "cells": [asdict(cell) for cell in self.cells]}


@dataclass
class Step:
    """One execution of a cell.

    Args:
        cell: The id of the cell, where the one who asked for it told.
        outputs: In the shape of nbformat.
    """

    number: int
    source: str
    cell: str = ""
    state: State = State.RUNNING
    began: str = ""
    ended: str = ""
    error: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)


def outcome(states: Sequence[State], why: str = "") -> Outcome:
    """What these cells came to together."""
    if State.RUNNING in states:
        return Outcome.RUNNING
    if State.FAILED in states or (why and State.INTERRUPTED not in states):
        return Outcome.FAILED
    if State.INTERRUPTED in states:
        return Outcome.INTERRUPTED
    if set(states) == {State.SUCCEEDED}:
        return Outcome.SUCCEEDED
    return Outcome.RUNNING if State.PENDING in states and State.NOT_RUN not in states else Outcome.INCOMPLETE


def state_of_error(error: str, message: str) -> State:
    """The state of a cell that raised: who is asked to stop, or stops by itself, did not fail."""
    leaves = error == "SystemExit" and message in ("", "0", "None")
    return State.INTERRUPTED if leaves or error == "KeyboardInterrupt" else State.FAILED


def runs(cell: Mapping[str, Any]) -> bool:
    """Whether there is anything in a cell to run."""
    return bool(cell["cell_type"] == "code" and "".join(cell["source"]).strip())


def section(cells: Sequence[Mapping[str, Any]], index: int) -> str:
    """The heading under which a cell stands."""
    for cell in reversed(cells[:index]):
        if cell["cell_type"] == "markdown":
            for line in "".join(cell["source"]).splitlines():
                if line.startswith("#"):
                    return line.lstrip("# ").strip()
    return ""


def outcome_text(cells: Iterable[Cell]) -> str:
    """``12 succeeded, 1 failed, 7 not run``."""
    states = [cell.state for cell in cells]
    return ", ".join(f"{states.count(state)} {state}" for state in State if state in states) or "no cells"
