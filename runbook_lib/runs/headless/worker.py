"""Run one notebook with papermill in its own process, and report its progress to the runner."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

from ...evidence.notebooks.cells import Cell
from ...journal.process import handle_cancellation, interrupt_this_process
from .engine import IncompleteNotebook, RunbookEngine
from .kernel import KernelProcess, StartedKernelClient

HANDOFF = "handoff"
"""The tag of the cell after which the notebooks that depend on this one may start."""
RUNNER_GONE_SECONDS = 10
"""Seconds that a notebook has to record its interruption after its runner has ended."""


class Events:
    """Sends what happens in a notebook to the runner, as dictionaries."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, **event: Any) -> None:
        """Send one event; do nothing when the runner is gone."""
        with suppress(OSError):
            self._connection.send(event)

    def on_event(self, event: str, cell: Cell, code: Any, of: Any) -> None:
        """Send an event of the engine."""
        if event == "waiting":
            self.send(event=event, waiting=of)
        elif event == "failed":
            error, _, why = cell.error.partition(": ")
            self.send(event=event, cell=cell.number, error=error, why=why)
        else:
            handoff = HANDOFF in code.metadata.get("tags", [])
            self.send(event=event, cell=cell.number, of=of, section=cell.section, ok=True, handoff=handoff)


def run_notebook(
    source: Path,
    target: Path,
    parameters: Mapping[str, str],
    connection: Connection,
    stop: Connection,
    kernel: tuple[int, Connection] | None,
) -> None:
    """Run the notebook in this process, and end it: with 0, or with 1 after an event that says which cell failed.

    Args:
        connection: For the events.
        stop: Closed by the runner, also by its end, to interrupt the notebook.
        kernel: The process that is to be the kernel, and the connection to it; ``None`` to start one.
    """
    events = Events(connection)
    threading.Thread(target=_interrupt_at_end, args=(stop,), daemon=True).start()
    papermill_engines.register("runbook", _engine_with(KernelProcess(*kernel)) if kernel else RunbookEngine)
    signal.signal(signal.SIGINT, _interrupt)
    handle_cancellation(_interrupt)
    code = 1
    try:
        papermill.execute_notebook(
            source, None, dict(parameters), engine_name="runbook", progress_bar=False, target=target,
            on_event=events.on_event,
        )  # fmt: skip
        code = 0
    except (PapermillExecutionError, DeadKernelError, CellTimeoutError, IncompleteNotebook):
        pass  # the event was sent already
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001  # whatever papermill and its packages raise is shown to the operator
        events.send(event="broken", error=f"{type(error).__name__}: {error}".rstrip(": "))
    os._exit(code)  # at once: multiprocessing would wait for a kernel that does not end


def _engine_with(process: KernelProcess) -> type[RunbookEngine]:
    class Engine(RunbookEngine):
        client = partial(StartedKernelClient, process=process)

    return Engine


def _interrupt(*_: Any) -> None:
    """Interrupt the notebook once: Ctrl-C reaches this process from the terminal and from its runner."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handle_cancellation(lambda *_: None)
    raise KeyboardInterrupt


def _interrupt_at_end(stop: Connection) -> None:
    """Interrupt the notebook when the runner asks for it or has been killed; its kernel ends with this process."""
    with suppress(EOFError, OSError):
        stop.recv()
    interrupt_this_process()
    time.sleep(RUNNER_GONE_SECONDS)
    os._exit(1)
