"""Record every cell that the running kernel executes, whoever sends it: JupyterLab, papermill or nbval.

The recorder uses IPython's events (https://ipython.readthedocs.io/en/stable/config/callbacks.html).
It writes an event into the journal when a cell begins and another when it ends, so that a kernel
that is killed leaves a cell that began and did not end.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...evidence.files import write_notebook
from ...evidence.folder import RunFolder
from ...evidence.notebooks.cells import Cell, Cells, State, Step, state_of_error
from ...evidence.notebooks.html import export_html
from ...evidence.notebooks.source import read_notebook
from ...journal.journal import Journal
from ...journal.process import ProcessIdentity
from ...journal.redaction.redactor import REDACTOR
from .html import render_html
from .links import relink
from .output_capture import OutputCapture
from .parameters import is_parameters_cell, last_parameters
from .shell import ENGINE, find_kernel_shell, find_notebook_file, send_to_engine, shorten_interrupts


class Recorder:
    """Records the cells of this kernel as part of one run; a kernel has at most one."""

    _current: Recorder | None = None

    def __init__(self, shell: Any, folder: RunFolder, journal: Journal) -> None:
        self._shell, self._folder, self._journal = shell, folder, journal
        self._closing = self._finished = False
        self._on_closed: Callable[[], object] = lambda: None
        self._steps: list[Step] = []
        self._facts: Mapping[str, str] = {}
        self._cells: dict[str, Cell] = {}
        self._capture = OutputCapture(shell, lambda stream: folder.output_path(len(self._steps), stream))

    @classmethod
    def start(cls, folder: RunFolder, journal: Journal) -> Recorder | None:
        """Start to record; returns ``None`` outside a kernel, e.g. in a script."""
        shell = find_kernel_shell()
        if shell is None:
            return None
        if cls._current:
            cls._current.stop_before_next()
        cls._current = recorder = cls(shell, folder, journal)
        recorder._start()
        return recorder

    def close(self, on_closed: Callable[[], object] = lambda: None) -> None:
        """End the run with the current cell: when it has ended, the notebook is written and *on_closed* called.

        Under papermill's engine neither happens here: the engine does both itself.
        """
        self._closing, self._on_closed = True, on_closed

    def show_progress(self, facts: Mapping[str, str]) -> None:
        """Show what a run is, and from now on which of the notebook's cells it is at.

        After *Run All*, JupyterLab shows the last cell, and somebody who scrolls up sees how far it is.
        """
        self._facts = facts
        notebook = read_notebook(file) if (file := find_notebook_file(self._shell.user_ns)) else None
        self._cells = {cell.id: cell for cell in Cells.from_notebook(notebook).cells} if notebook else {}
        self._draw_progress(first=True)

    def _draw_progress(self, *, first: bool = False) -> None:
        if not self._facts or (ENGINE in os.environ and not first):  # nobody looks while papermill runs it
            return
        from IPython.display import display, update_display

        facts = {**self._facts, "progress": self._progress()}
        text = "\n".join(f"{name:<12} {value}" for name, value in facts.items() if value)
        bundle = {"text/plain": text, "text/html": render_html("key_values", facts)}
        (display if first else update_display)(bundle, raw=True, display_id=f"run-{self._folder.path.name}")

    def _progress(self) -> str:
        """The current cell of the notebook, such as ``cell 7 of 17, Private routes``; empty where it is not known."""
        step = self._steps[-1]
        if step.cell not in self._cells:
            return ""
        cell = self._cells[step.cell]
        state = "" if step.state in (State.RUNNING, State.SUCCEEDED) else f": {step.state}"
        return f"cell {cell.number} of {len(self._cells)}, {cell.section}{state}"

    def stop_before_next(self) -> None:
        """End the run because another one is opened in its kernel; the cells that open that one are not its own."""
        if self._finished:
            return
        own = self._steps[:-1] if self._steps and self._steps[-1].state is State.RUNNING else self._steps
        while own and is_parameters_cell(own[-1].source) and len(own) > 1:
            own = own[:-1]
        self._steps = own
        self._finish("another run was opened in its kernel")

    def _start(self) -> None:
        self._journal.write("recording", **asdict(ProcessIdentity.this_process()))
        send_to_engine(
            self._shell, folder=str(self._folder.path), notebook=self._folder.notebook, secrets=REDACTOR.secrets
        )
        REDACTOR.on_new_secret = lambda secret: send_to_engine(self._shell, secrets=[secret])
        self._record_history()
        shorten_interrupts(self._shell)
        self._shell.events.register("pre_run_cell", self._before_cell)
        self._shell.events.register("post_run_cell", self._after_cell)

    def _record_history(self) -> None:
        """Record the parameters cell, which was run before, and the current cell, which opens the run.

        Other cells that were run before belong to an earlier run of the same kernel.
        """
        history = self._shell.history_manager
        failures = getattr(history, "exceptions", {})
        request = self._shell.kernel.get_parent("shell")
        content = request.get("content") or {}
        sources = list(enumerate(history.input_hist_raw))
        for number, source in last_parameters(sources[:-1] if content.get("store_history") else sources):
            state = State.FAILED if number in failures else State.SUCCEEDED
            self._steps.append(Step(number, source, state=state))
            self._write_cell(self._steps[-1], before=True)
        self._begin_step(content.get("code", ""), (request.get("metadata") or {}).get("cellId") or "")

    def _before_cell(self, info: Any) -> None:
        if not info.silent and info.raw_cell.strip():
            self._begin_step(info.raw_cell, info.cell_id or "")
            self._draw_progress()

    def _begin_step(self, source: str, cell: str) -> None:
        self._steps.append(Step(len(self._steps) + 1, source, cell, began=_now()))
        self._capture.open()
        self._write_cell(self._steps[-1])

    def _after_cell(self, result: Any) -> None:
        step = self._steps[-1]
        if step.state is not State.RUNNING:
            return
        error = result.error_before_exec or result.error_in_exec
        step.outputs, step.ended = self._capture.close(error), _now()
        step.number = result.execution_count or step.number
        step.state = State.SUCCEEDED
        if getattr(self._shell, "exit_now", False):
            step.state, step.error = State.INTERRUPTED, "SystemExit: it left the kernel"
        if error is not None:
            step.state = state_of_error(type(error).__name__, str(error))
            step.error = f"{type(error).__name__}: {error}"
        self._write_cell(step)
        if step.state is not State.SUCCEEDED:
            self._draw_progress()
        send_to_engine(self._shell, redactions=dict(REDACTOR.counts))
        if self._closing:
            self._finish("")

    def _write_cell(self, step: Step, **more: Any) -> None:
        source = hashlib.sha256(step.source.encode()).hexdigest()
        data = {"step": self._steps.index(step) + 1, "state": step.state.value, "cell": step.cell, "source": source}
        self._journal.write("cell", **data, error=step.error, **more)

    def _finish(self, why: str) -> None:
        self._finished = True
        for name, callback in (("pre_run_cell", self._before_cell), ("post_run_cell", self._after_cell)):
            with suppress(ValueError):
                self._shell.events.unregister(name, callback)
        self._capture.detach()
        shorten_interrupts(self._shell, shorten=False)
        if ENGINE in os.environ:
            return
        from .executed_notebook import build_notebook  # late: not needed under an engine

        for output in (output for step in self._steps for output in step.outputs):
            if page := output.get("data", {}).get("text/html"):
                output["data"]["text/html"] = relink(page, self._folder.path)
        notebook, cells = build_notebook(self._steps, find_notebook_file(self._shell.user_ns))
        cells.close(_now(), why)
        notebook.metadata["runbook"] = {"outcome": cells.outcome.value, "why": cells.why}
        for cell in cells.cells:
            notebook.cells[cell.index].metadata["runbook"] = asdict(cell)
        path = write_notebook(self._folder.path / f"{self._folder.notebook}.ipynb", notebook)
        self._journal.write("cells", **cells.as_dict(), redactions=REDACTOR.redactions())
        export_html(path)
        if self._closing:
            self._on_closed()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def finish_notebook(recorder: Recorder | None, sign: Callable[[], str], folder: Path) -> str:
    """Finish a run of one notebook when its last cell has ended; returns a message about it.

    A headless run is finished by the command, and one of papermill alone by the papermill engine.

    Args:
        recorder: The recorder of the kernel; ``None`` in a script, whose run is signed at once.
        sign: Finishes the run and returns where the archive is.
    """
    if "RUNBOOK_RUN" in os.environ:
        if recorder:
            recorder.close()
        return "The command signs the evidence when all notebooks have ended."
    if recorder is None:
        return f"Signed, and packed for the change ticket: {sign()}"
    recorder.close(sign)
    return f"The evidence will be in {folder}, signed, as soon as this cell has ended."
