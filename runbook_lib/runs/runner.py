"""The four notebooks run headlessly, through papermill, each as soon as what it stands on allows it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import WrongUsage
from ..evidence.folder import RunFolder
from ..evidence.notebooks.html import export_html
from ..evidence.notebooks.metadata import mark_interrupted
from ..journal.journal import Journal
from ..journal.process import ProcessIdentity

NOTEBOOKS = ("01_network", "02_data", "03_compute", "04_deploy")
DEPENDS_ON: Mapping[str, tuple[str, ...]] = {
    "01_network": (),
    "02_data": ("01_network",),
    "03_compute": ("01_network",),
    "04_deploy": ("02_data", "03_compute"),
}

HEARTBEAT_SECONDS = 30
"""Seconds after which a cell that still runs is mentioned again."""


@dataclass
class Progress:
    """How far one notebook is.

    Args:
        cell, of: The cell it is at, and how many there are.
        section: The heading above that cell.
        state: ``waiting``, ``running``, ``done``, ``failed`` or ``not run``.
        handed_off: Whether what stands on this one may start.
        error, why: What stopped it.
        quiet: For how many seconds it has been in its cell, when that is long.
    """

    notebook: str
    cell: int = 0
    of: int = 0
    section: str = ""
    state: str = "waiting"
    handed_off: bool = False
    error: str = ""
    why: str = ""
    quiet: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


OnEvent = Callable[[Progress], None]


@dataclass(frozen=True)
class Job:
    """A run of some of the notebooks.

    Args:
        root: Where ``artifacts/`` is.
        code: Where ``notebooks/`` is.
        parameters: What every notebook is given: env, mode, approved, confirm, change.
        about: What the evidence is to say of the run besides.
    """

    root: Path
    code: Path
    run: str
    parameters: Mapping[str, str]
    only: Collection[str] = NOTEBOOKS
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the executed notebooks and the rest of the evidence go."""
        return self.root / "artifacts" / self.parameters["env"] / self.run

    def journal(self, notebook: str) -> Journal:
        """Where the run writes down how a notebook ended."""
        return RunFolder(self.folder.parent, self.run, notebook).journal()

    def before(self, notebook: str) -> tuple[str, ...]:
        """The notebooks that have to be far enough before this one starts.

        A plan or a verify changes nothing, so nothing has to come first.
        """
        mode = self.parameters["mode"]
        if mode == "apply":
            found = DEPENDS_ON[notebook]
        elif mode == "destroy":
            found = tuple(other for other, needs in DEPENDS_ON.items() if notebook in needs)
        else:
            found = ()
        return tuple(other for other in found if other in self.only)


def run(job: Job, tell: OnEvent = lambda progress: None) -> list[Progress]:
    """Run the notebooks; returns how each ended, in the order of the notebooks."""
    return asyncio.run(_all(job, tell))


async def _all(job: Job, tell: OnEvent) -> list[Progress]:
    job.folder.mkdir(parents=True, exist_ok=True)
    progress = {name: Progress(name) for name in NOTEBOOKS if name in job.only}
    here = asdict(ProcessIdentity.this_process())
    job.journal("runner").write("run", **here, run=job.run, notebooks=list(progress), **{**job.about, **job.parameters})
    async with asyncio.TaskGroup() as group:
        for name in progress:
            group.create_task(_one(job, progress, name, tell))
    return list(progress.values())


async def _one(job: Job, progress: Mapping[str, Progress], name: str, tell: OnEvent) -> None:
    me = progress[name]
    for other in job.before(name):
        await progress[other].changed.wait()
        if not progress[other].handed_off:
            me.state, me.why = "not run", f"{other} did not get far enough"
            job.journal(name).write("ended", state=me.state, why=me.why)
            break
    else:
        me.state = "running"
        tell(me)
        await _papermill(job, me, tell)
    me.changed.set()
    tell(me)


async def _papermill(job: Job, me: Progress, tell: OnEvent) -> None:
    source, target = job.code / "notebooks" / f"{me.notebook}.ipynb", job.folder / f"{me.notebook}.ipynb"
    environment = {
        **os.environ,
        "RUNBOOK_ROOT": str(job.root),
        "RUNBOOK_RUN": job.run,
        "RUNBOOK_PID": str(os.getpid()),
        "RUNBOOK_BEFORE": " ".join(job.before(me.notebook)),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runbook_lib.runs.headless.worker", str(source), str(target),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=environment, limit=2**22,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    assert process.stderr
    complaints = asyncio.create_task(process.stderr.read())
    try:
        process.stdin.write(json.dumps(dict(job.parameters)).encode())
        process.stdin.close()
        while line := await _line(process.stdout, me, tell):
            _note(job, me, json.loads(line))
            tell(me)
        code = await process.wait()
    except asyncio.CancelledError:
        process.send_signal(signal.SIGINT)
        await process.wait()
        raise
    me.state = "done" if code == 0 else "failed"
    me.handed_off = me.handed_off or code == 0
    if code != 0 and not me.error:
        told = (await complaints).decode(errors="replace").strip().splitlines()
        me.error = "the notebook could not be run"
        me.why = f"its process ended with {code}" if code < 0 or not told else told[-1]
    try:
        mark_interrupted(target, f"its process ended with {code}")
        await asyncio.to_thread(export_html, target)
        job.journal(me.notebook).write("ended", state=me.state, cell=me.cell, error=me.error, why=me.why)
    except OSError as error:  # a full disk: a run without its evidence is no success
        me.state, me.error, me.why = "failed", "its evidence could not be written", str(error)


async def _line(out: asyncio.StreamReader, me: Progress, tell: OnEvent) -> bytes:
    """The next line; while there is none, say now and then that nothing is wrong."""
    me.quiet = 0
    reading = asyncio.ensure_future(out.readline())
    while not (await asyncio.wait({reading}, timeout=HEARTBEAT_SECONDS))[0]:
        me.quiet += HEARTBEAT_SECONDS
        tell(me)
    return reading.result()


def _note(job: Job, me: Progress, event: Mapping[str, Any]) -> None:
    if event["event"] == "failed":
        me.cell, me.error, me.why = event["cell"] or me.cell, event["error"], event["why"]
        return
    me.cell, me.of, me.section = event["cell"], event["of"], event["section"]
    handing = event["event"] == "end" and event["ok"] and event["handoff"]
    if handing and job.parameters["mode"] == "apply":
        me.handed_off = True
        me.changed.set()


def select_notebooks(only: Collection[str]) -> tuple[str, ...]:
    """The notebooks meant by ``--only``; all of them when none is named.

    Raises:
        WrongUsage: For a name that no notebook has.
    """
    found = []
    for name in only:
        near = [n for n in NOTEBOOKS if n == name.removesuffix(".ipynb") or name in (n[:2], n[3:])]
        if not near:
            raise WrongUsage(f"There is no notebook {name!r}.", fix=f"Use one of: {', '.join(NOTEBOOKS)}.")
        found += near
    return tuple(n for n in NOTEBOOKS if n in found) or NOTEBOOKS
