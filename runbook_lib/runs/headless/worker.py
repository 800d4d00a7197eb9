"""Run one notebook with papermill in its own process, and report its progress to the parent process.

``python -m runbook_lib.runs.headless.worker IN OUT`` reads the parameters as JSON from standard input
and writes a line of JSON for each event to standard output.
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
from ...journal.process import ProcessIdentity, handle_cancellation, interrupt_this_process
from .engine import IncompleteNotebook, RunbookEngine

HANDOFF = "handoff"
"""The tag of the cell after which the notebooks that depend on this one may start."""
RUNNER_GONE_SECONDS = 10
"""Seconds that a notebook has to record its interruption after its runner has ended."""


def send_event(**event: Any) -> None:
    """Write one event to standard output; ignore a closed pipe."""
    try:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> int:
    """Run the notebook; returns the exit code: 0, or 1 after an event that says which cell failed."""
    source, target = map(Path, sys.argv[1:3])
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    papermill_engines.register("runbook", RunbookEngine)
    signal.signal(signal.SIGINT, _interrupt)
    handle_cancellation(_interrupt)
    parameters = json.load(sys.stdin)
    try:
        papermill.execute_notebook(
            source, None, parameters, engine_name="runbook", progress_bar=False, target=target, on_event=_send_progress
        )
    except (PapermillExecutionError, DeadKernelError, CellTimeoutError, IncompleteNotebook):
        return 1  # the event was sent already
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _interrupt(*_: Any) -> None:
    """Interrupt the notebook once: Ctrl-C reaches this process from the terminal and from its runner."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handle_cancellation(lambda *_: None)
    raise KeyboardInterrupt


def _send_progress(event: str, cell: Cell, code: Any, of: Any) -> None:
    if event == "waiting":
        send_event(event=event, waiting=of)
    elif event == "failed":
        error, _, why = cell.error.partition(": ")
        send_event(event=event, cell=cell.number, error=error, why=why)
    else:
        handoff = HANDOFF in code.metadata.get("tags", [])
        send_event(event=event, cell=cell.number, of=of, section=cell.section, ok=True, handoff=handoff)


def _end_with_parent(parent: int) -> None:
    """Interrupt the notebook when the runner has been killed; its kernel ends with this process."""
    runner = ProcessIdentity.of_pid(parent)
    while os.getppid() == parent and not runner.is_dead:  # on Windows the first stays true
        time.sleep(0.5)
    interrupt_this_process()
    time.sleep(RUNNER_GONE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
