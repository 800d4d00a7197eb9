"""Records every cell of the running kernel, whoever asks for it: JupyterLab, papermill, nbval.

It listens to IPython's own events (https://ipython.readthedocs.io/en/stable/config/callbacks.html)
and writes a line into the journal of the run when a cell begins and one when it has ended, so that
a kernel killed in between leaves a cell that began and never ended.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ...evidence.files import write_notebook
from ...evidence.folder import RunFolder
from ...evidence.notebooks.cells import State, Step, state_of_error
from ...evidence.notebooks.html import export_html
from ...journal.journal import Journal
from ...journal.process import ProcessIdentity
from ...journal.redaction.redactor import REDACTOR
from .output_capture import OutputCapture

ENGINE = "RUNBOOK_ENGINE"
"""Set in the environment of a kernel whose engine watches the cells from outside, and writes the notebook down."""
MESSAGE = "runbook"
"""The type of the messages in which such a kernel tells its engine where the evidence goes, and what is secret."""


class Recorder:
    """What runs in this kernel from now on, as part of one run; it is there once for each kernel."""

    _current: Recorder | None = None

    def __init__(self, shell: Any, folder: RunFolder, journal: Journal) -> None:
        self._shell, self._folder, self._journal = shell, folder, journal
        self._closing = self._done = False
        self._then: Callable[[], object] = lambda: None
        self._steps: list[Step] = []
        self._tap = OutputCapture(shell)

    @classmethod
    def start(cls, folder: RunFolder, journal: Journal) -> Recorder | None:
        """Begin to record; ``None`` where there is no kernel, as in a script."""
        shell = _shell()
        if shell is None:
            return None
        if cls._current:
            cls._current.stop("another run was opened in its kernel")
        cls._current = me = cls(shell, folder, journal)
        me._begin()
        return me

    def close(self, then: Callable[[], object] = lambda: None) -> None:
        """The run is over with the cell that is running now: when that has ended its notebook is kept, and *then* done.

        Where papermill's engine is at work, which keeps the notebook itself and later, *then* is left to it.
        """
        self._closing, self._then = True, then

    def stop(self, why: str) -> None:
        """The run is over at once, before its time."""
        if not self._done:
            self._finish(why)

    def _begin(self) -> None:
        self._journal.write("recording", **asdict(ProcessIdentity.this_process()))
        self._tell(folder=str(self._folder.path), notebook=self._folder.notebook, secrets=REDACTOR.secrets)
        REDACTOR.on_new_secret = lambda secret: self._tell(secrets=[secret])
        self._look_back()
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)

    def _look_back(self) -> None:
        """What was run before: the cell with the parameters, and the one that opens the run, which is running."""
        history = self._shell.history_manager
        failures = getattr(history, "exceptions", {})
        now = self._shell.kernel.get_parent("shell")
        said = now.get("content") or {}
        sources = list(enumerate(history.input_hist_raw))
        for number, source in sources[:-1] if said.get("store_history") else sources:
            if source.strip():
                state = State.FAILED if number in failures else State.SUCCEEDED
                self._steps.append(Step(number, source, state=state))
                self._told(self._steps[-1], before=True)
        self._open(said.get("code", ""), (now.get("metadata") or {}).get("cellId") or "")

    def _before(self, info: Any) -> None:
        if not info.silent and info.raw_cell.strip():
            self._open(info.raw_cell, info.cell_id or "")

    def _open(self, source: str, cell: str) -> None:
        self._steps.append(Step(len(self._steps) + 1, source, cell, began=_now()))
        self._tap.open()
        self._told(self._steps[-1])

    def _after(self, result: Any) -> None:
        step = self._steps[-1]
        if step.state is not State.RUNNING:
            return
        error = result.error_before_exec or result.error_in_exec
        step.outputs, step.ended = self._tap.close(error), _now()
        step.number = result.execution_count or step.number
        step.state = State.SUCCEEDED
        if getattr(self._shell, "exit_now", False):
            step.state, step.error = State.INTERRUPTED, "SystemExit: it left the kernel"
        if error is not None:
            step.state = state_of_error(type(error).__name__, str(error))
            step.error = f"{type(error).__name__}: {error}"
        self._told(step)
        self._tell(redactions=dict(REDACTOR.counts))
        if self._closing:
            self._finish("")

    def _told(self, step: Step, **more: Any) -> None:
        source = hashlib.sha256(step.source.encode()).hexdigest()
        told = {"step": self._steps.index(step) + 1, "state": step.state.value, "cell": step.cell, "source": source}
        self._journal.write("cell", **told, error=step.error, **more)

    def _finish(self, why: str) -> None:
        self._done = True
        for name, told in (("pre_run_cell", self._before), ("post_run_cell", self._after)):
            with suppress(ValueError):
                self._shell.events.unregister(name, told)
        self._tap.detach()
        if ENGINE in os.environ:
            return
        from .executed_notebook import build_notebook, notebook_file  # late: most kernels have an engine

        notebook, cells = build_notebook(self._steps, notebook_file(self._shell.user_ns))
        cells.close(_now(), why)
        notebook.metadata["runbook"] = {"outcome": cells.outcome.value, "why": cells.why}
        for cell in cells.cells:
            notebook.cells[cell.index].metadata["runbook"] = asdict(cell)
        path = write_notebook(self._folder.path / f"{self._folder.notebook}.ipynb", notebook)
        self._journal.write("cells", **cells.as_dict(), redactions=REDACTOR.redactions())
        export_html(path)
        if self._closing:
            self._then()

    def _tell(self, **content: Any) -> None:
        """Let the engine know, over the kernel's own channel: what is secret is in no file and no command."""
        if ENGINE in os.environ:
            kernel = self._shell.kernel
            kernel.session.send(kernel.iopub_socket, MESSAGE, content=content, parent=kernel.get_parent("shell"))


def _shell() -> Any:
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    shell = get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
