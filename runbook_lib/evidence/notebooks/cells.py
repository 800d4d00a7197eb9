"""The states of a notebook's cells, and the outcome of the notebook.

Nothing here executes cells: the kernel's recorder and the headless engine report what happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """The state of a cell."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    NOT_RUN = "not run"


class Outcome(StrEnum):
    """The outcome of a notebook, from the states of its cells."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    INCOMPLETE = "incomplete"


@dataclass
class Cell:
    """One code cell.

    Args:
        number: Its number among the code cells, from 1.
        index: Its index among all cells, from 0; -1 for a cell that is in no notebook.
        id: Its id in the notebook, where it has one.
        section: The heading above it.
        began, ended: Times in ISO 8601.
        error: The error that stopped it: its name and message.
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
    def from_dict(cls, data: Mapping[str, Any]) -> Cell:
        """Read a cell from its entry in the journal or in a notebook's metadata."""
        known = {one.name for one in fields(cls)}
        cell = cls(**{name: value for name, value in data.items() if name in known})
        cell.state = State(cell.state)
        return cell


@dataclass
class Cells:
    """The executable cells of a notebook, in order."""

    cells: list[Cell] = field(default_factory=list)
    why: str = ""
    """What stopped the notebook, where it was not a cell."""

    @classmethod
    def from_notebook(cls, notebook: Mapping[str, Any]) -> Cells:
        """The cells of a notebook, all pending."""
        every = notebook["cells"]
        own = [index for index, cell in enumerate(every) if is_executable(cell)]
        return cls([
            Cell(number, index, str(every[index].get("id", "")), _heading_above(every, index))
            for number, index in enumerate(own, start=1)
        ])  # fmt: skip

    def at(self, index: int) -> Cell:
        """The cell with that index in the notebook."""
        return next(cell for cell in self.cells if cell.index == index)

    @property
    def outcome(self) -> Outcome:
        """The outcome; it is success only when every cell succeeded."""
        return combine_states([cell.state for cell in self.cells], self.why)

    @property
    def stopping_cell(self) -> Cell | None:
        """The cell that failed or was interrupted, and so stopped the notebook."""
        cells = (cell for cell in self.cells if cell.state in (State.FAILED, State.INTERRUPTED))
        return next(cells, None)

    @property
    def first_not_run(self) -> Cell | None:
        """The first cell that was not run."""
        return next((cell for cell in self.cells if cell.state is State.NOT_RUN), None)

    def close(self, at: str, why: str = "", *, state: State = State.INTERRUPTED) -> None:
        """End the notebook: a running cell gets *state* and the reason *why*; pending cells are not run."""
        for cell in self.cells:
            if cell.state is State.RUNNING:
                cell.state, cell.ended, cell.error = state, at, cell.error or why
            elif cell.state is State.PENDING:
                cell.state = State.NOT_RUN
        if why and not self.stopping_cell:
            self.why = why

    def as_dict(self) -> dict[str, Any]:
        """The data of the ``cells`` event in the journal."""
        return {"outcome": self.outcome.value, "why": self.why, "cells": [asdict(cell) for cell in self.cells]}


@dataclass
class Step:
    """One execution of a cell.

    Args:
        cell: The id of the cell, where the client sent it.
        outputs: In nbformat's format.
    """

    number: int
    source: str
    cell: str = ""
    state: State = State.RUNNING
    began: str = ""
    ended: str = ""
    error: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)


def combine_states(states: Sequence[State], why: str = "") -> Outcome:
    """The outcome of cells in these states."""
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
    """The state of a cell that raised: an interrupt, or an exit without an error, is not a failure."""
    exits = error == "SystemExit" and message in ("", "0", "None")
    return State.INTERRUPTED if exits or error == "KeyboardInterrupt" else State.FAILED


def join_source(cell: Mapping[str, Any]) -> str:
    """The source of a cell; a notebook may hold it as a text or as lines."""
    return "".join(cell.get("source", ""))


def is_executable(cell: Mapping[str, Any]) -> bool:
    """Whether a cell has code."""
    return bool(cell["cell_type"] == "code" and join_source(cell).strip())


def _heading_above(cells: Sequence[Mapping[str, Any]], index: int) -> str:
    """The heading above a cell."""
    for cell in reversed(cells[:index]):
        if cell["cell_type"] == "markdown":
            for line in join_source(cell).splitlines():
                if line.startswith("#"):
                    return line.lstrip("# ").strip()
    return ""


def outcome_text(cells: Iterable[Cell]) -> str:
    """The number of cells by state, such as ``12 succeeded, 1 failed, 7 not run``."""
    states = [cell.state for cell in cells]
    return ", ".join(f"{states.count(state)} {state}" for state in State if state in states) or "no cells"
