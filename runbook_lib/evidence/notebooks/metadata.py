"""Write the states of its cells into an executed notebook, in our metadata and in papermill's."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat

from ...journal.journal import Journal
from ...journal.reader import JOURNAL, events_of
from ..files import write_notebook
from .cells import Cell, Cells, Outcome, State
from .progress import read_progress

_PAPERMILL_STATUS = {State.SUCCEEDED: "completed", State.NOT_RUN: "pending", State.INTERRUPTED: "failed"}
"""papermill's status for our state, where they differ."""


def write_metadata(notebook: Any, cells: Cells) -> None:
    """Write outcome and states into the notebook's metadata."""
    notebook.metadata["runbook"] = {"outcome": cells.outcome.value, "why": cells.why}
    for cell in cells.cells:
        state = cell.state
        metadata = notebook.cells[cell.index].metadata
        metadata["runbook"] = asdict(cell) | {"state": state.value}
        metadata["papermill"] = {
            "status": _PAPERMILL_STATUS.get(state, state.value),
            "exception": state in (State.FAILED, State.INTERRUPTED) if cell.began else None,
            "start_time": cell.began or None,
            "end_time": cell.ended or None,
            "duration": _seconds_between(cell.began, cell.ended),
        }


def mark_interrupted(target: Path, why: str) -> None:
    """Record the states of the cells of a notebook whose process was killed, unless they are recorded."""
    journal = target.parent / JOURNAL
    notebook = _read_notebook(target)
    progress = read_progress(events_of(journal), target.stem)
    if progress and progress.closed:
        cells = Cells(list(progress.cells), progress.why)
    elif notebook:
        cells = Cells(
            [Cell.from_dict(cell.metadata["runbook"]) for cell in notebook.cells if "runbook" in cell.metadata]
        )
        cells.close(datetime.now(UTC).isoformat(timespec="milliseconds"), why)
        Journal(journal, notebook=target.stem).write("cells", **cells.as_dict())
    if notebook and notebook.metadata["runbook"]["outcome"] == Outcome.RUNNING:
        write_metadata(notebook, cells)
        write_notebook(target, notebook)


def _read_notebook(target: Path) -> Any:
    """The executed notebook; ``None`` when it is missing, incomplete or from another engine."""
    try:
        notebook = nbformat.read(target, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError):
        return None
    return notebook if "runbook" in notebook.metadata else None


def _seconds_between(began: str, ended: str) -> float | None:
    if not began or not ended:
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
