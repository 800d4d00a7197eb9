"""Run the notebooks headlessly with papermill, each as soon as the notebooks it depends on have handed off."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from ..aws import shared_reads
from ..errors import WrongUsage
from ..evidence.folder import RunFolder
from ..evidence.notebooks.html import export_html, warm_up
from ..evidence.notebooks.metadata import mark_interrupted
from ..journal.journal import Journal
from ..journal.process import ProcessIdentity
from .headless import processes

NOTEBOOKS = ("01_network", "02_data", "03_compute", "04_deploy")
DEPENDS_ON: Mapping[str, tuple[str, ...]] = {
    "01_network": (),
    "02_data": ("01_network",),
    "03_compute": ("01_network",),
    "04_deploy": ("02_data", "03_compute"),
}

HEARTBEAT_SECONDS = 30
"""Seconds after which a cell that still runs is reported again."""
_RUN_KERNEL = "runbook_lib.runs.headless.kernel:run_kernel"
_RUN_NOTEBOOK = "runbook_lib.runs.headless.worker:run_notebook"
STOP_SECONDS = 3
"""Seconds that an interrupted notebook has to record that; it is killed afterwards."""


@dataclass
class Progress:
    """The progress of one notebook.

    Args:
        cell, of: The number of the current cell, and of all cells.
        section: The heading above that cell.
        state: ``waiting``, ``running``, ``done``, ``failed`` or ``not run``.
        handed_off: Whether the notebooks that depend on this one may start.
        error, why: The name and the message of the error that stopped it.
        waiting: What the cell waits for, with its state and for how long; empty for nothing.
        quiet: Seconds since the cell began, in steps of :data:`HEARTBEAT_SECONDS`.
        since: The monotonic time at which it began.
        changed: Set when *handed_off* or the final *state* is known.
    """

    notebook: str
    cell: int = 0
    of: int = 0
    section: str = ""
    state: str = "waiting"
    handed_off: bool = False
    error: str = ""
    why: str = ""
    waiting: str = ""
    quiet: float = 0
    since: float = field(default_factory=time.monotonic, repr=False)
    changed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


OnEvent = Callable[[Progress], None]


@dataclass(frozen=True)
class Job:
    """A run of some of the notebooks.

    Args:
        root: The folder with ``artifacts/``.
        code: The folder with ``notebooks/``.
        run: The run's id.
        parameters: The parameters of every notebook: env, mode, approved, confirm, change, asked_by, skip_preflight;
            and sections of the environment's that replace those of its file.
        only: The notebooks to run.
        metadata: What the journal records about the run beside its parameters.
    """

    root: Path
    code: Path
    run: str
    parameters: Mapping[str, Any]
    only: Collection[str] = NOTEBOOKS
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder of the executed notebooks and the other evidence."""
        return self.root / "artifacts" / str(self.parameters["env"]) / self.run

    def journal(self, notebook: str) -> Journal:
        """The journal of the run, for events of this notebook."""
        return RunFolder(self.folder.parent, self.run, notebook).journal()

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing in the account."""
        return self.parameters["mode"] in ("plan", "verify")

    def before(self, notebook: str) -> tuple[str, ...]:
        """The notebooks that must have handed off before this one starts; none in a plan or verify run."""
        mode = self.parameters["mode"]
        if mode == "apply":
            before = DEPENDS_ON[notebook]
        elif mode == "destroy":
            before = tuple(other for other, dependencies in DEPENDS_ON.items() if notebook in dependencies)
        else:
            before = ()
        return tuple(other for other in before if other in self.only)


def run(job: Job, on_event: OnEvent = lambda progress: None) -> list[Progress]:
    """Run the notebooks; returns how each ended, in their order.

    Args:
        on_event: Called whenever the progress of a notebook changes, and every :data:`HEARTBEAT_SECONDS`.
    """
    return asyncio.run(_run_all(job, on_event))


async def _run_all(job: Job, on_event: OnEvent) -> list[Progress]:
    job.folder.mkdir(parents=True, exist_ok=True)
    progress = {name: Progress(name) for name in NOTEBOOKS if name in job.only}
    process = asdict(ProcessIdentity.this_process())
    more = {**job.metadata, **job.parameters}
    job.journal("runner").write("run", **process, run=job.run, notebooks=list(progress), **more)
    threading.Thread(target=warm_up, daemon=True).start()  # while the notebooks run
    with shared_reads.keep() if job.only_reads else nullcontext("") as told:
        shared = {shared_reads.VARIABLE: told} if told else {}
        async with asyncio.TaskGroup() as group:
            for name in progress:
                group.create_task(_run_one(job, progress, name, on_event, shared))
    return list(progress.values())


async def _run_one(
    job: Job, all_progress: Mapping[str, Progress], name: str, on_event: OnEvent, shared: Mapping[str, str]
) -> None:
    progress = all_progress[name]
    for other in job.before(name):
        await all_progress[other].changed.wait()
        if not all_progress[other].handed_off:
            progress.state, progress.why = "not run", f"{other} did not reach its hand-off"
            job.journal(name).write("ended", state=progress.state, why=progress.why)
            break
    else:
        progress.state, progress.since = "running", time.monotonic()
        on_event(progress)
        await _run_papermill(job, progress, on_event, shared)
    progress.changed.set()
    on_event(progress)


async def _run_papermill(job: Job, progress: Progress, on_event: OnEvent, shared: Mapping[str, str]) -> None:
    source, target = job.code / "notebooks" / f"{progress.notebook}.ipynb", job.folder / f"{progress.notebook}.ipynb"
    environment = {
        **os.environ,
        **shared,
        "RUNBOOK_ROOT": str(job.root),
        "RUNBOOK_RUN": job.run,
        "RUNBOOK_PID": str(os.getpid()),
        "RUNBOOK_BEFORE": " ".join(job.before(progress.notebook)),
        "RUNBOOK_NOTEBOOKS": " ".join(job.only),
    }
    worker = Worker(environment, source, target, job.parameters)
    try:
        while event := await _next_event(worker, progress, on_event):
            if event["event"] == "broken":
                progress.error, progress.why = "the notebook could not be run", event["error"]
            else:
                _update(job, progress, event)
            on_event(progress)
        code = await worker.wait()
    except asyncio.CancelledError:
        await worker.stop()
        mark_interrupted(target, "its process was stopped")
        raise
    progress.state = "done" if code == 0 else "failed"
    progress.handed_off = progress.handed_off or code == 0
    if code != 0 and not progress.error:
        progress.error, progress.why = "the notebook could not be run", f"its process ended with {code}"
    try:
        mark_interrupted(target, f"its process ended with {code}")
        await asyncio.to_thread(export_html, target)
        job.journal(progress.notebook).write(
            "ended", state=progress.state, cell=progress.cell, error=progress.error, why=progress.why
        )
    except OSError as error:  # a full disk: a run without its evidence has failed
        progress.state, progress.error, progress.why = "failed", "its evidence could not be written", str(error)


class Worker:
    """The processes of a notebook, as the runner sees them: papermill's, and where it can be forked its kernel's.

    Args:
        environment: The environment variables of papermill's process.
        arguments: What the function of the worker takes first.
    """

    def __init__(self, environment: Mapping[str, str], *arguments: Any) -> None:
        self._events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        connection, events = Pipe(duplex=False)
        stopped, self._stop = Pipe(duplex=False)
        ours, theirs = Pipe()
        with events, stopped, ours, theirs:
            self._kernel = processes.start(_RUN_KERNEL, environment, theirs) if processes.FORKS else None
            kernel = (self._kernel.pid, ours) if self._kernel else None
            self._process = processes.start(_RUN_NOTEBOOK, environment, *arguments, events, stopped, kernel)
        threading.Thread(target=self._read, args=(connection, asyncio.get_running_loop()), daemon=True).start()

    def _read(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Read the events, in a thread: asyncio cannot wait for a pipe on Windows."""
        event: dict[str, Any] | None = {}
        with suppress(RuntimeError):  # the loop was closed
            while event is not None:
                try:
                    event = connection.recv()
                except (EOFError, OSError):
                    event = None
                loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def next_event(self) -> dict[str, Any] | None:
        """Return the next event; ``None`` when there is none because the process has ended."""
        return await self._events.get()

    async def wait(self) -> int:
        """Wait until the process has ended; returns its exit code, that of a signal as a negative number."""
        while self._process.exitcode is None:
            await asyncio.sleep(0.02)
        return self._process.exitcode

    async def stop(self) -> None:
        """Interrupt the notebook; kill it and its kernel when it has not ended after :data:`STOP_SECONDS`."""
        self._stop.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), STOP_SECONDS)
        tree: list[psutil.Process] = []
        for started in filter(None, (self._process, self._kernel)):  # a kernel may outlive its notebook's process
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(started.pid)
                tree += [root, *root.children(recursive=True)]
        for each in tree:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        await asyncio.to_thread(psutil.wait_procs, tree)


async def _next_event(worker: Worker, progress: Progress, on_event: OnEvent) -> dict[str, Any] | None:
    """Wait for the next event; report the progress again every :data:`HEARTBEAT_SECONDS` until it comes."""
    reading = asyncio.ensure_future(worker.next_event())
    while not (await asyncio.wait({reading}, timeout=HEARTBEAT_SECONDS))[0]:
        _count_seconds(progress)
        on_event(progress)
    return reading.result()


def _count_seconds(progress: Progress) -> None:
    progress.quiet = (time.monotonic() - progress.since) // HEARTBEAT_SECONDS * HEARTBEAT_SECONDS


def _update(job: Job, progress: Progress, event: Mapping[str, Any]) -> None:
    """Update the progress with an event of the worker."""
    if event["event"] == "waiting":
        progress.waiting = event["waiting"]
        _count_seconds(progress)
        return
    progress.waiting, progress.quiet, progress.since = "", 0, time.monotonic()
    if event["event"] == "failed":
        progress.cell, progress.error, progress.why = event["cell"] or progress.cell, event["error"], event["why"]
        return
    progress.cell, progress.of, progress.section = event["cell"], event["of"], event["section"]
    handing_off = event["event"] == "end" and event["ok"] and event["handoff"]
    if handing_off and job.parameters["mode"] == "apply":
        progress.handed_off = True
        progress.changed.set()


def select_notebooks(only: Collection[str]) -> tuple[str, ...]:
    """Return the notebooks that ``--only`` names, e.g. ``02`` or ``data``; all of them when it names none.

    Raises:
        WrongUsage: There is no notebook of that name.
    """
    selected: list[str] = []
    for name in only:
        matching = [n for n in NOTEBOOKS if n == name.removesuffix(".ipynb") or name in (n[:2], n[3:])]
        if not matching:
            raise WrongUsage(f"There is no notebook {name!r}.", fix=f"Use one of: {', '.join(NOTEBOOKS)}.")
        selected += matching
    return tuple(n for n in NOTEBOOKS if n in selected) or NOTEBOOKS
