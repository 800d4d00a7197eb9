"""One notebook run by papermill in a process of its own, telling its parent how far it is.

``python -m runbook_lib.headless IN OUT`` reads the parameters as JSON from standard input and
writes one JSON line per event to standard output.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import papermill
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

HANDOFF = "handoff"
"""The tag of the cell after which the next layers may start."""


def tell(**event: Any) -> None:
    """Write one event; ends this process when nobody listens any more."""
    try:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(1)


class TellingEngine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine, which also says when a cell starts and ends."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        cells = nb_man.nb.cells
        code = [index for index, cell in enumerate(cells) if cell.cell_type == "code"]

        def after(told: Callable[..., None], event: str) -> Callable[..., None]:
            def wrapped(cell: Any, cell_index: int | None = None, **more: Any) -> None:
                told(cell, cell_index, **more)
                if cell.cell_type == "code" and cell_index is not None:
                    here = {"cell": code.index(cell_index) + 1, "of": len(code), "section": section(cells, cell_index)}
                    failed = cell.metadata.papermill.get("status") == nb_man.FAILED
                    tell(event=event, **here, ok=not failed, handoff=HANDOFF in cell.metadata.get("tags", []))

            return wrapped

        nb_man.cell_start = after(nb_man.cell_start, "start")
        nb_man.cell_complete = after(nb_man.cell_complete, "end")
        return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)


def section(cells: list[Any], index: int) -> str:
    """The heading under which a cell stands."""
    for cell in reversed(cells[:index]):
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("#"):
                    return str(line.lstrip("# ").strip())
    return ""


def main() -> int:
    """Run the notebook; 1 when a cell failed, after telling which and why."""
    source, target = map(Path, sys.argv[1:3])
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    papermill_engines.register("runbook", TellingEngine)
    try:
        papermill.execute_notebook(source, target, json.load(sys.stdin), engine_name="runbook", progress_bar=False)
    except PapermillExecutionError as error:
        cells = [c for c in json.loads(target.read_text(encoding="utf-8"))["cells"]]
        code = [c for c in cells if c["cell_type"] == "code"]
        number = next((i + 1 for i, c in enumerate(code) if c["execution_count"] == error.exec_count), 0)
        tell(event="failed", cell=number, error=error.ename, why=error.evalue)
        return 1
    return 0


def _end_with_parent(parent: int) -> None:
    """A run whose runner was killed must not go on alone: the kernel ends with this process."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
