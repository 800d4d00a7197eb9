"""Notebooks of a few lines, for tests of what runs notebooks: without AWS, and without delay unless they wait."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = 'env = "local"\nmode = "plan"\napproved = ""\nconfirm = ""\nchange = ""\nnotes = ""'
AWAIT = """
import pathlib, time
deadline = time.monotonic() + 60
while not pathlib.Path({folder!r}, {name!r}).exists():
    assert time.monotonic() < deadline, "timed out"
    time.sleep(0.05)
"""


def notebook(folder: Path, name: str, **cells: str) -> None:
    """Write a notebook with sections of one code cell each; the cell of the section ``handoff`` has that tag."""
    parts = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
    for section, code in cells.items():
        tags = ["handoff"] if section == "handoff" else []
        parts += [new_markdown_cell(f"## {section}\n\nWhy."), new_code_cell(code, metadata={"tags": tags})]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (folder / "notebooks").mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=parts, metadata=kernel), folder / "notebooks" / f"{name}.ipynb")


def touch(folder: Path, name: str) -> str:
    """Code that creates a file."""
    return f"import pathlib; pathlib.Path({str(folder)!r}, {name!r}).touch()"


def wait_for(folder: Path, name: str) -> str:
    """Code that waits until a file exists."""
    return AWAIT.format(folder=str(folder), name=name)


def note(folder: Path, name: str) -> str:
    """Code that appends a line to the file ``notes``."""
    return f"open({str(folder / 'notes')!r}, 'a').write({name + chr(10)!r})"
