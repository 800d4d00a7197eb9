"""papermill's engine ``runbook``: runs a notebook, and tells the truth about every cell of it.

papermill's own says *completed* of every cell after a dead kernel, a time-out or an interrupt, also
of those that never ran, and nothing at all of a notebook that leaves by ``sys.exit(0)``.  This one
watches from outside of the kernel, so what it says outlives it: in the notebook, and with the
verdict in the journal of the run.  It writes the notebook when a cell begins and once at the end,
whole and without secrets.

``papermill --engine runbook IN OUT`` uses it, and so does the ``runbook`` command, which closes the
run itself, once all of its notebooks have ended.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager
from papermill.log import logger

from ...errors import RunbookError
from ...evidence.files import write_notebook
from ...evidence.notebooks.cells import Cell, Cells, Outcome, State, is_executable, state_of_error
from ...evidence.notebooks.html import export_html
from ...evidence.notebooks.metadata import write_metadata
from ...journal.journal import Journal
from ...journal.reader import JOURNAL
from ...journal.redaction.redactor import REDACTOR
from ..kernel.recorder import ENGINE, MESSAGE

OnEvent = Callable[..., None]


class IncompleteNotebook(RunbookError):
    """A notebook ended before all of its cells had run, although none of them failed."""


class NotebookExecution(NotebookExecutionManager):  # type: ignore[misc]
    """What papermill tells how far it is.

    Args:
        target: Where the executed notebook goes.
        told: Called with ``start``, ``end`` or ``failed``, the cell, and how many there are.
    """

    def __init__(self, nb: Any, target: Path | None, told: OnEvent, **more: Any) -> None:
        super().__init__(nb, **more)
        self.cells, self._target, self._told = Cells.from_notebook(nb), target, told
        self._journal = _journal(target.parent, target.stem) if target else None
        self._copy: Path | None = None
        self._reply: Mapping[str, Any] | None = None
        self._counts: Counter[str] = Counter()

    def notebook_start(self, **_: Any) -> None:
        """Everything is pending; papermill's own copy of the parameters goes: they are in their cell."""
        self.set_timer()
        self.nb.metadata.papermill.pop("parameters", None)
        self.nb.metadata.papermill.update(start_time=_now(), end_time=None, duration=None, exception=None)
        for cell in self.nb.cells:
            if cell.cell_type == "code":
                cell.execution_count, cell.outputs = None, []

    def save(self, **_: Any) -> None:
        """Nothing: papermill's saves are many, and not atomic."""

    autosave_cell = save

    @contextmanager
    def running(self, cell: Any, index: int) -> Iterator[None]:
        """One cell, from its beginning to whatever ends it."""
        mine = self.cells.at(index)
        mine.state, mine.began, self._reply = State.RUNNING, _now(), None
        try:
            self._write()
        except OSError:  # a full disk: what cannot be written down is not run
            mine.state, mine.began = State.PENDING, ""
            raise
        self._say("start", mine)
        try:
            yield
        except CellExecutionError as error:
            self._end(mine, state_of_error(error.ename, error.evalue), f"{error.ename}: {error.evalue}")
            raise
        except DeadKernelError:
            self._end(mine, State.FAILED, "DeadKernelError: the kernel died in this cell")
            raise
        except CellTimeoutError:
            self._end(mine, State.INTERRUPTED, "CellTimeoutError: it did not end in the time that was given")
            raise
        except BaseException as error:
            self._end(mine, State.INTERRUPTED, f"{type(error).__name__}: {error}".rstrip(": "))
            raise
        self._judge(mine)
        if mine.state is State.SUCCEEDED:
            self._say("end", mine)
        if self.pbar:
            self.pbar.update(1)

    def on_reply(self, reply: Mapping[str, Any]) -> None:
        """The kernel's own word on the cell that it was asked to run."""
        self._reply = reply

    def on_message(self, content: dict[str, Any]) -> None:
        """What the kernel says: where the evidence goes, what is secret, and how often it took that out."""
        for secret in content.get("secrets", ()):
            REDACTOR.add_secret(secret)
        if "redactions" in content:
            self._counts = Counter(content["redactions"])
        if "folder" in content:
            self._journal = _journal(Path(content["folder"]), content["notebook"], begun=True)
            self._copy = Path(content["folder"]) / f"{content['notebook']}.ipynb"

    def finish(self, why: str = "") -> None:
        """Nothing more comes: say what became of it, in the notebook and in the journal."""
        self.cells.close(_now(), REDACTOR.redact_text(why))
        self.end_time = self.now()
        papermill = self.nb.metadata.papermill
        papermill.update(end_time=_now(), duration=(self.end_time - self.start_time).total_seconds())
        papermill.exception = None if self.cells.outcome is Outcome.SUCCEEDED else True
        self.cleanup_pbar()
        try:
            self._write()
        finally:
            if stopped := self.cells.stopping_cell or self.cells.first_not_run:
                self._say("failed", stopped)
            if self._journal:
                self._journal.write("cells", **self.cells.as_dict(), redactions=REDACTOR.redactions(self._counts))

    def close(self) -> None:
        """Sign the run of this notebook, where no command does so for all the notebooks of a run."""
        if self._copy is None or "RUNBOOK_RUN" in os.environ:
            return
        from ..finish import finish_papermill_run  # late: a notebook without a run does without

        export_html(self._copy)
        logger.info("Signed, and packed for the change ticket: %s", finish_papermill_run(self.nb, self._copy.parent))

    def _judge(self, cell: Cell) -> None:
        """By the kernel's word, whatever a tag of the cell makes of it.

        https://jupyter-client.readthedocs.io/en/stable/messaging.html#execution-results
        """
        reply = self._reply
        if reply is None:
            cell.state, cell.began, cell.error = State.NOT_RUN, "", "NotRun: a tag of it says so"
        elif reply["status"] == "error":
            self._end(cell, state_of_error(reply["ename"], reply["evalue"]), f"{reply['ename']}: {reply['evalue']}")
        elif any(asked.get("source") == "ask_exit" for asked in reply.get("payload", ())):
            self._end(cell, State.INTERRUPTED, "SystemExit: it left the kernel")
        else:
            self._end(cell, State.SUCCEEDED if reply["status"] == "ok" else State.NOT_RUN)

    def _end(self, cell: Cell, state: State, error: str = "") -> None:
        cell.state, cell.ended, cell.error = state, _now(), REDACTOR.redact_text(error)

    def _say(self, event: str, cell: Cell) -> None:
        self._told(event, cell, self.nb.cells[cell.index], len(self.cells.cells))

    def _write(self) -> None:
        write_metadata(self.nb, self.cells)
        for path in dict.fromkeys(filter(None, (self._target, self._copy))):
            write_notebook(path, self.nb)


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client, which hears what the kernel has to say to its engine."""

    def papermill_execute_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            if is_executable(cell):
                try:
                    with self.nb_man.running(cell, index):
                        self.execute_cell(cell, index)
                except CellExecutionError:
                    break
                if self.nb_man.cells.at(index).state is State.INTERRUPTED:
                    break

    def __init__(self, witness: NotebookExecution, **options: Any) -> None:
        super().__init__(witness, on_cell_executed=self._executed, **options)

    def _executed(self, execute_reply: Any, **_: Any) -> None:
        self.nb_man.on_reply(execute_reply["content"])

    def process_message(self, message: Any, *args: Any) -> Any:
        if message["msg_type"] == MESSAGE:
            self.nb_man.on_message(message["content"])
            return None
        return super().process_message(message, *args)


class RunbookEngine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine with a witness."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: Any = True,
        log_output: bool = False,
        autosave_cell_every: int = 0,
        told: OnEvent = lambda event, cell, code, of: None,
        target: Path | None = None,
        **options: Any,
    ) -> Any:
        """Run it; raises what ended it, and :class:`IncompleteNotebook` where papermill would not notice."""
        target = target or (Path(output_path) if output_path else None)
        witness = NotebookExecution(nb, target, told, progress_bar=progress_bar, log_output=log_output)
        witness.notebook_start()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cancelled job: as Ctrl-C
        os.environ[ENGINE] = str(os.getpid())  # the kernel inherits it
        try:
            cls.execute_managed_notebook(witness, kernel_name, log_output=log_output, **options)
        except BaseException as error:
            witness.finish(f"{type(error).__name__}: {error}".rstrip(": "))
            with _told_of():
                witness.close()
            raise
        finally:
            os.environ.pop(ENGINE, None)
        witness.finish()
        witness.close()
        stopped = witness.cells.stopping_cell
        if unrun := None if stopped else witness.cells.first_not_run:
            raise IncompleteNotebook(f"Cell {unrun.number} was not run.", fix="Take the tag off it that says so.")
        if stopped and not _shown(nb.cells[stopped.index]):
            raise IncompleteNotebook(
                f"Cell {stopped.number} ended the notebook before its time.",
                fix="Run it again from there; take what leaves the kernel, such as sys.exit, out of it.",
            )
        return witness.nb

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        **options: Any,
    ) -> Any:
        """papermill's own, with a client that listens."""
        options = {name: value for name, value in options.items() if name not in ("input_path", "startup_timeout")}
        timeout = execution_timeout or options.pop("timeout", None)
        return _Client(
            nb_man, kernel_name=kernel_name, timeout=timeout, startup_timeout=start_timeout, log=logger, **options
        ).execute()


@contextmanager
def _told_of() -> Iterator[None]:
    """What fails after a failure does not take its place."""
    try:
        yield
    except RunbookError as error:
        logger.error("The run's evidence is not closed: %s", error)


def _journal(folder: Path, notebook: str, *, begun: bool = False) -> Journal | None:
    """The journal of the run that a notebook is part of, if there is one."""
    path = folder / JOURNAL
    return Journal(path, notebook=notebook) if begun or path.exists() or "RUNBOOK_RUN" in os.environ else None


def _shown(cell: Any) -> bool:
    """Whether papermill sees in the outputs of a cell that it failed."""
    errors = [output for output in cell.outputs if output.output_type == "error"]
    return any(error.ename != "SystemExit" or error.evalue not in ("", "0") for error in errors)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
