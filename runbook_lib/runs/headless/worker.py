"""One notebook run by papermill in a process of its own, telling its parent how far it is.

``python -m runbook_lib.runs.headless.worker IN OUT`` reads the parameters as JSON from standard input and
writes one JSON line per event to standard output.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

from ...evidence.notebooks.cells import Cell
from .engine import IncompleteNotebook, RunbookEngine

HANDOFF = "handoff"
"""The tag of the cell after which the next layers may start."""
RUNNER_GONE_SECONDS = 10
"""Seconds in which a notebook whose runner is gone may say what became of it."""


def send_event(**event: Any) -> None:
    """Write one event; to nobody, when nobody listens any more."""
    try:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> int:
    """Run the notebook; 1 when a cell failed, after telling which and why."""
    source, target = map(Path, sys.argv[1:3])
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    papermill_engines.register("runbook", RunbookEngine)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    given = json.load(sys.stdin)
    try:
        papermill.execute_notebook(
            source, None, given, engine_name="runbook", progress_bar=False, target=target, told=_told
        )
    except (PapermillExecutionError, DeadKernelError, CellTimeoutError, IncompleteNotebook):
        return 1  # which cell, and why, is told already
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _told(event: str, cell: Cell, code: Any, of: int) -> None:
    if event == "failed":
        error, _, why = cell.error.partition(": ")
        send_event(event=event, cell=cell.number, error=error, why=why)
    else:
        handoff = HANDOFF in code.metadata.get("tags", [])
        send_event(event=event, cell=cell.number, of=of, section=cell.section, ok=True, handoff=handoff)


def _end_with_parent(parent: int) -> None:
    """A run whose runner was killed must not go on alone: it is interrupted, and the kernel ends with this process."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(RUNNER_GONE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
