"""The papermill engine ``runbook``: runs a notebook and records the true state of every cell.

After a dead kernel, a time-out or an interrupt, papermill's own engine marks every cell *completed*,
also those that never ran, and it accepts a notebook that ends with ``sys.exit(0)``.  This engine
records the cells outside the kernel, in the notebook and in the journal of the run, so the record
survives the kernel.  It writes the notebook, without secrets, when a cell begins and at the end.

``papermill --engine runbook IN OUT`` and the ``runbook`` command use it.  The command finishes the
run itself when all notebooks have ended.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.engines import NBClientEngine, NotebookExecutionManager
from papermill.iorw import write_ipynb
from papermill.log import logger

from ...errors import RunbookError
from ...evidence.files import write_notebook
from ...evidence.notebooks.cells import Cell, Cells, Outcome, State, state_of_error
from ...evidence.notebooks.html import export_html
from ...evidence.notebooks.metadata import write_metadata
from ...journal.journal import Journal
from ...journal.reader import JOURNAL
from ...journal.redaction.redactor import REDACTOR
from ..kernel.parameters import GIVEN, encode_given
from ..kernel.shell import ENGINE
from .client import OUTPUT_SECONDS, RunbookClient
from .output import require_folder
from .signals import interrupted_by_sigterm

OnEvent = Callable[..., None]
_TOOK_TOO_LONG = "CellTimeoutError: it did not end within the time limit"
_UNREAD = "Timeout waiting for IOPub output"
"""How nbclient's error begins for a cell that has ended and whose outputs were not read in time."""
_OUTPUTS_LOST = (
    f"CellTimeoutError: it ended, and its outputs could not be read within {OUTPUT_SECONDS} s; write less, or to a file"
)


class IncompleteNotebook(RunbookError):
    """A notebook ended before all of its cells had run, although none of them failed."""


class NotebookExecution(NotebookExecutionManager):  # type: ignore[misc]
    """Records the execution of a notebook; papermill calls it as its execution manager.

    Args:
        target: The path of the executed notebook.
        output: Where papermill is to write it, by its own writer of that place, such as ``s3://…``.
        on_event: Called with ``start``, ``end`` or ``failed``, the cell, its notebook cell, and the number of cells;
            with ``waiting`` and, as the last, what a cell waits for.
    """

    def __init__(self, nb: Any, target: Path | None, on_event: OnEvent, output: str = "", **options: Any) -> None:
        super().__init__(nb, **options)
        self._output = output
        self.cells, self._target, self._on_event = Cells.from_notebook(nb), target, on_event
        self._journal = _open_journal(target.parent, target.stem) if target else None
        self._copy: Path | None = None
        self._reply: Mapping[str, Any] | None = None
        self._counts: Counter[str] = Counter()
        self.given = encode_given(nb.metadata.get("papermill", {}).get("parameters", {}))

    def notebook_start(self, **_: Any) -> None:
        """Reset all cells."""
        self.set_timer()
        self.nb.metadata.papermill.update(start_time=_now(), end_time=None, duration=None, exception=None)
        for cell in self.nb.cells:
            if cell.cell_type == "code":
                cell.execution_count, cell.outputs = None, []

    def save(self, **_: Any) -> None:
        """Write the notebook within a long cell; papermill calls it from ``autosave_cell``.

        The cell goes on when it cannot be written: its end is recorded, or not, like that of any other.
        """
        try:
            self._write()
        except Exception as error:  # noqa: BLE001  # a writer of papermill raises whatever its client does
            logger.warning("The notebook could not be saved within the cell: %s", error)
        self.last_save_time = self.now()

    @contextmanager
    def running(self, cell: Any, index: int) -> Iterator[None]:
        """Record one cell from its beginning to its end, also when it fails."""
        record = self.cells.at(index)
        record.state, record.began, self._reply = State.RUNNING, _now(), None
        try:
            self._write()
        except Exception:  # a full disk, a bucket that is gone: a cell that cannot be recorded is not run
            record.state, record.began = State.PENDING, ""
            raise
        self.last_save_time = self.now()
        self._show_start(cell, record)
        self._emit("start", record)
        try:
            yield
        except CellExecutionError as error:
            self._end(record, state_of_error(error.ename, error.evalue), f"{error.ename}: {error.evalue}")
            raise
        except DeadKernelError:
            self._end(record, State.FAILED, "DeadKernelError: the kernel died in this cell")
            raise
        except CellTimeoutError as error:
            self._end(record, State.INTERRUPTED, _OUTPUTS_LOST if _UNREAD in str(error) else _TOOK_TOO_LONG)
            raise
        except BaseException as error:
            self._end(record, State.INTERRUPTED, f"{type(error).__name__}: {error}".rstrip(": "))
            raise
        self._record_result(record)
        if record.state is State.SUCCEEDED:
            self._emit("end", record)
        if self.log_output:
            logger.info(f"Ending Cell {index + 1:-<43}")
        if self.pbar:
            self.pbar.update(1)

    def on_reply(self, reply: Mapping[str, Any]) -> None:
        """Keep the kernel's reply to the execution of the current cell."""
        self._reply = reply

    def on_message(self, content: dict[str, Any]) -> None:
        """Handle a message of the kernel: the evidence folder, known secrets, or its number of redactions."""
        for secret in content.get("secrets", ()):
            REDACTOR.add_secret(secret)
        if "waiting" in content:
            self._on_event("waiting", None, None, REDACTOR.redact_text(content["waiting"]))
        if "redactions" in content:
            self._counts = Counter(content["redactions"])
        if "folder" in content:
            self._journal = _open_journal(Path(content["folder"]), content["notebook"], create=True)
            self._copy = Path(content["folder"]) / f"{content['notebook']}.ipynb"

    def finish(self, why: str = "") -> None:
        """Record the result of the notebook, in the notebook and in the journal.

        Args:
            why: The error that ended the execution, if any.
        """
        self.cells.close(_now(), REDACTOR.redact_text(why))
        self.end_time = self.now()
        papermill = self.nb.metadata.papermill
        papermill.update(end_time=_now(), duration=(self.end_time - self.start_time).total_seconds())
        papermill.exception = None if self.cells.outcome is Outcome.SUCCEEDED else True
        if self.cells.outcome is Outcome.SUCCEEDED:
            self.complete_pbar()
        self.cleanup_pbar()
        try:
            self._write()
        finally:
            if stopped := self.cells.stopping_cell or self.cells.first_not_run:
                self._emit("failed", stopped)
            if self._journal:
                self._journal.write("cells", **self.cells.as_dict(), redactions=REDACTOR.redactions(self._counts))

    def close(self) -> None:
        """Finish the run of this notebook, unless the command finishes a run of several."""
        if self._copy is None or "RUNBOOK_RUN" in os.environ:
            return
        from ..finish import finish_papermill_run  # late: not needed for a notebook without a run

        export_html(self._copy)
        logger.info("Signed, and packed for the change ticket: %s", finish_papermill_run(self.nb, self._copy.parent))

    def _record_result(self, cell: Cell) -> None:
        """Set the state of a cell by the kernel's reply; its tags may not turn a failure into a success.

        https://jupyter-client.readthedocs.io/en/stable/messaging.html#execution-results
        """
        reply = self._reply
        if reply is None:
            cell.state, cell.began, cell.error = State.NOT_RUN, "", "NotRun: one of its tags skips it"
        elif reply["status"] == "error":
            self._end(cell, state_of_error(reply["ename"], reply["evalue"]), f"{reply['ename']}: {reply['evalue']}")
        elif any(payload.get("source") == "ask_exit" for payload in reply.get("payload", ())):
            self._end(cell, State.INTERRUPTED, "SystemExit: it left the kernel")
        else:
            self._end(cell, State.SUCCEEDED if reply["status"] == "ok" else State.NOT_RUN)

    def _end(self, cell: Cell, state: State, error: str = "") -> None:
        cell.state, cell.ended, cell.error = state, _now(), REDACTOR.redact_text(error)

    def _show_start(self, cell: Any, record: Cell) -> None:
        """What papermill's own engine logs, and shows beside its progress bar, when a cell begins."""
        if self.log_output:
            logger.info(f"Executing Cell {record.index + 1:-<40}")
        if self.pbar and (description := self.get_cell_description(cell)):
            self.pbar.set_description(f"Executing {description}")

    def _emit(self, event: str, cell: Cell) -> None:
        self._on_event(event, cell, self.nb.cells[cell.index], len(self.cells.cells))

    def _write(self) -> None:
        write_metadata(self.nb, self.cells)
        if self._copy:
            self.nb.metadata["runbook"]["run"] = self._copy.parent.name
        for path in dict.fromkeys(filter(None, (self._copy, self._target))):
            write_notebook(path, self.nb)
        if self._output:
            REDACTOR.redact_notebook(self.nb)
            write_ipynb(self.nb, self._output)


class RunbookEngine(NBClientEngine):  # type: ignore[misc]
    """papermill's engine, with :class:`NotebookExecution` as its execution manager."""

    client: Callable[..., RunbookClient] = RunbookClient

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: Any = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        on_event: OnEvent = lambda event, cell, code, of: None,
        target: Path | None = None,
        **options: Any,
    ) -> Any:
        """Run a notebook; returns it as executed.

        Raises:
            IncompleteNotebook: Some cells did not run and papermill would not notice.
            FileNotFoundError: The folder of the output does not exist; nothing was run.
            BaseException: The error that ended the execution.
        """
        written = require_folder(nb.metadata.papermill.get("output_path"))
        if output_path and target is None:
            target = written
        execution = NotebookExecution(
            nb, target, on_event, "" if target else output_path or "", progress_bar=progress_bar,
            log_output=log_output, autosave_cell_every=autosave_cell_every,
        )  # fmt: skip
        for name in ("stdout_file", "stderr_file"):
            if options.get(name):
                options[name].write("")  # makes the file, also of a notebook that writes nothing to it
        with interrupted_by_sigterm():
            cls._execute_and_close(execution, kernel_name, log_output=log_output, **options)
        stopped = execution.cells.stopping_cell
        if unrun := None if stopped else execution.cells.first_not_run:
            raise IncompleteNotebook(f"Cell {unrun.number} was not run.", fix="Remove the tag that skips it.")
        if stopped and not _is_failure_shown(nb.cells[stopped.index]):
            raise IncompleteNotebook(
                f"Cell {stopped.number} ended the notebook early.",
                fix="Remove what ends the kernel, such as sys.exit, from the cell, and run the notebook again.",
            )
        return execution.nb

    @classmethod
    def _execute_and_close(cls, execution: NotebookExecution, kernel_name: str, **options: Any) -> None:
        """Execute the cells, and close the evidence however that ends."""
        execution.notebook_start()
        try:
            cls.execute_managed_notebook(execution, kernel_name, **options)
        except BaseException as error:
            try:
                execution.finish(f"{type(error).__name__}: {error}".rstrip(": "))
            finally:
                with _logged_errors():
                    execution.close()
            raise
        try:
            execution.finish()
        finally:
            execution.close()

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        **options: Any,
    ) -> Any:
        """Run the notebook with the client of this engine."""
        options = {name: value for name, value in options.items() if name not in ("input_path", "startup_timeout")}
        timeout = execution_timeout or options.pop("timeout", None)
        return cls.client(
            nb_man, kernel_name=kernel_name, timeout=timeout, startup_timeout=start_timeout, log=logger, **options
        ).execute(env={**os.environ, ENGINE: str(os.getpid()), GIVEN: nb_man.given})


@contextmanager
def _logged_errors() -> Iterator[None]:
    """Log errors while finishing, so that the notebook's own error is the one raised."""
    try:
        yield
    except RunbookError as error:
        logger.error("The evidence of the run could not be closed: %s", error)


def _open_journal(folder: Path, notebook: str, *, create: bool = False) -> Journal | None:
    """Open the journal of a notebook's run; ``None`` when it is not part of a run."""
    path = folder / JOURNAL
    return Journal(path, notebook=notebook) if create or path.exists() or "RUNBOOK_RUN" in os.environ else None


def _is_failure_shown(cell: Any) -> bool:
    """Whether the outputs of a cell show papermill that it failed."""
    errors = [output for output in cell.outputs if output.output_type == "error"]
    return any(error.ename != "SystemExit" or error.evalue not in ("", "0") for error in errors)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
