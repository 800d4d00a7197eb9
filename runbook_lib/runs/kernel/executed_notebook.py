"""Build the executed notebook of an interactive run: prose from its file, code and outputs from the recorder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from ...evidence.notebooks.cells import Cell, Cells, Step, is_executable
from ...evidence.notebooks.source import read_as_written
from .parameters import assigned_names


def build_notebook(steps: Sequence[Step], file: Path | None) -> tuple[Any, Cells]:
    """Build the notebook as it was executed, and the state of its cells.

    The last execution of a cell counts.  Code that was run and is no longer in the file comes after
    the other cells; without a file, the notebook consists of the executed code.
    """
    notebook = _read(file)
    unmatched = list(steps)
    last_steps: dict[int, Step] = {}
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            own = _steps_of(cell, unmatched, has_ids=file is None or file.suffix == ".ipynb")
            unmatched = [step for step in unmatched if step not in own]
            if own:
                last_steps[index] = own[-1]
    for step in {step.cell or f"execution {step.number}": step for step in unmatched}.values():
        last_steps[len(notebook.cells)] = step
        notebook.cells.append(new_code_cell(step.source))
    for index, step in last_steps.items():
        _fill_cell(notebook.cells[index], step)
    cells = Cells.from_notebook(notebook)  # of the code that was run: the saved cell may be empty
    for index, step in last_steps.items():
        if is_executable(notebook.cells[index]):
            _copy_state(cells.at(index), step)
    return notebook, cells


def _read(file: Path | None) -> Any:
    if file is not None and (notebook := read_as_written(file)):
        return notebook
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(metadata=kernel)


def _steps_of(cell: Any, steps: list[Step], *, has_ids: bool) -> list[Step]:
    """The executions of a cell: those with its id, or else the first one with the same source.

    Executions before the recorder started have no id.  One of them is the parameters cell, whose values
    somebody may have edited without saving the file: it is recognised by the names it assigns.

    Args:
        has_ids: Whether the file has the ids of the cells: jupytext's scripts have none.
    """
    with_id = [step for step in steps if step.cell and step.cell == cell.get("id")]
    without_id = [step for step in steps if not (step.cell and has_ids)]
    names = assigned_names(cell.source) if "parameters" in cell.metadata.get("tags", ()) else []
    parameters = [step for step in without_id if names and names == assigned_names(step.source)]
    return with_id or parameters or [step for step in without_id if step.source == cell.source][:1]


def _fill_cell(cell: Any, step: Step) -> None:
    cell.source = step.source  # as it was run: the file may have been edited since
    cell.execution_count = step.number
    cell.outputs = [nbformat.from_dict(output) for output in step.outputs]


def _copy_state(cell: Cell, step: Step) -> None:
    cell.state, cell.began, cell.ended, cell.error = step.state, step.began, step.ended, step.error
