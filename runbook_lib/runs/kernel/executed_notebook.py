"""The executed notebook of a run by hand: its prose from the file, what was run and came of it from the recorder."""

from __future__ import annotations

import ast
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from ...evidence.notebooks.cells import Cell, Cells, Step, is_executable


def notebook_file(names: dict[str, Any]) -> Path | None:
    """The file of the running notebook, as far as its kernel can know it.

    Jupyter's server names it in the environment of the kernel, Visual Studio Code among its variables.
    """
    for name in (names.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")):
        if isinstance(name, str) and name.endswith(".ipynb") and Path(name).is_file():
            return Path(name)
    return None


def build_notebook(steps: Sequence[Step], file: Path | None) -> tuple[Any, Cells]:
    """The notebook as it was executed, and what became of its cells.

    Of a cell that was run several times the last one counts.  What was run and is in the file no
    more comes after the rest; without a file, there is nothing but what was run.
    """
    notebook = _read(file)
    left = list(steps)
    done: dict[int, Step] = {}
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            found = _of(cell, left)
            left = [step for step in left if step not in found]
            if found:
                done[index] = found[-1]
    for step in left:
        done[len(notebook.cells)] = step
        notebook.cells.append(new_code_cell(step.source))
    cells = Cells.from_notebook(notebook)
    for index, step in done.items():
        _filled(notebook.cells[index], step)
        if is_executable(notebook.cells[index]):
            _told(cells.at(index), step)
    return notebook, cells


def _read(file: Path | None) -> Any:
    if file is not None:
        try:
            return nbformat.read(file, as_version=4)
        except (OSError, ValueError, nbformat.ValidationError):  # being written, or no notebook any more
            pass
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(metadata=kernel)


def _of(cell: Any, steps: list[Step]) -> list[Step]:
    """The executions of a cell: by its id where that is told, else the first one of the same source.

    Of what was run before the recorder began, no id is told.  The parameters were among it, as somebody
    edited them, and the file may still have them as they were: they are known by their names.
    """
    named = [step for step in steps if step.cell and step.cell == cell.get("id")]
    before = [step for step in steps if not step.cell]
    names = _assigned(cell.source) if "parameters" in cell.metadata.get("tags", ()) else []
    alike = [step for step in before if names and names == _assigned(step.source)]
    return named or alike or [step for step in before if step.source == cell.source][:1]


def _assigned(source: str) -> list[str]:
    """The names to which a cell assigns, where it does nothing else."""
    try:
        lines = ast.parse(source).body
    except SyntaxError:
        return []
    found = [line.targets[0] for line in lines if isinstance(line, ast.Assign)]
    names = [target.id for target in found if isinstance(target, ast.Name)]
    return names if len(names) == len(lines) else []


def _filled(cell: Any, step: Step) -> None:
    cell.source = step.source  # what was run, not what stands in the file by now
    cell.execution_count = step.number
    cell.outputs = [nbformat.from_dict(output) for output in step.outputs]


def _told(cell: Cell, step: Step) -> None:
    cell.state, cell.began, cell.ended, cell.error = step.state, step.began, step.ended, step.error
