"""The truth about its cells in an executed notebook, for people and for papermill's readers."""

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

_PAPERMILLS = {State.SUCCEEDED: "completed", State.NOT_RUN: "pending", State.INTERRUPTED: "failed"}
"""papermill's words for ours, where they differ."""


def write_metadata(notebook: Any, cells: Cells) -> None:
    """Write it into the notebook."""
    notebook.metadata["runbook"] = {"outcome": cells.outcome.value, "why": cells.why}
    for cell in cells.cells:
        state = cell.state
        metadata = notebook.cells[cell.index].metadata
        metadata["runbook"] = asdict(cell) | {"state": state.value}
        metadata["papermill"] = {
            "status": _PAPERMILLS.get(state, state.value),
            "exception": state in (State.FAILED, State.INTERRUPTED) if cell.began else None,
            "start_time": cell.began or None,
            "end_time": cell.ended or None,
            "duration": _between(cell.began, cell.ended),
        }


def mark_interrupted(target: Path, why: str) -> None:
    """Say of a notebook whose process was killed what became of its cells, if nobody has."""
    journal = target.parent / JOURNAL
    notebook = _read(target)
    known = read_progress(events_of(journal), target.stem)
    if known and known.closed:
        cells = Cells(list(known.cells), known.why)
    elif notebook:
        cells = Cells([Cell.of(cell.metadata["runbook"]) for cell in notebook.cells if "runbook" in cell.metadata])
        cells.close(datetime.now(UTC).isoformat(timespec="milliseconds"), why)
        Journal(journal, notebook=target.stem).write("cells", **cells.as_dict())
    if notebook and notebook.metadata["runbook"]["outcome"] == Outcome.RUNNING:
        write_metadata(notebook, cells)
        write_notebook(target, notebook)


def _read(target: Path) -> Any:
    """The executed notebook; ``None`` when there is none, or only a piece, or another engine's."""
    try:
        notebook = nbformat.read(target, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError):
        return None
    return notebook if "runbook" in notebook.metadata else None


def _between(began: str, ended: str) -> float | None:
    if not began or not ended:
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
