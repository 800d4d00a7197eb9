"""The ``runbook`` command: papermill over the notebooks, in the right order."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ..engine.approval import join_fingerprints
from ..errors import RunbookError, Unconfirmed, WrongUsage
from ..formatting import elapsed, pluralize
from ..journal.reader import JOURNAL, events_of
from ..journal.summary import Summary, is_locked, summarize
from ..journal.timeline import build_timeline
from ..params import Params, load
from ..paths import checkout
from ..paths import root as _root
from ..runs.finish import finish_run
from ..runs.runner import NOTEBOOKS, Job, Progress, run, select_notebooks
from ..runs.start import check_endpoint, lock_of_run, new_run, pack_webapp, run_metadata
from . import plan_markdown as review
from .evidence import approve, evidence
from .timeline import render_timeline

PLUGINS = "runbook.commands"
"""Entry points by which other packages add commands, such as `local`."""
CHANGES = 3
"""What ``plan --detailed-exitcode`` exits with when there is something to do."""
FILE = click.Path(dir_okay=False, path_type=Path)


class ErrorGroup(click.Group):
    """Commands whose errors are told in one breath, without a traceback."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*super().list_commands(context), *(each.name for each in entry_points(group=PLUGINS))})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        found = super().get_command(context, name)
        for each in () if found else entry_points(group=PLUGINS, name=name):
            found = each.load()
        return found

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except RunbookError as error:
            click.echo(f"{type(error).__name__}: {error}", err=True)
            sys.exit(2 if isinstance(error, WrongUsage) else 1)


@click.group(cls=ErrorGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Plan, build, verify and destroy an environment by running its notebooks with papermill.

    Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 changes (plan --detailed-exitcode).
    """


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What all verbs take."""
    for option in (
        click.option("--asked-by", default="", metavar="NAME", help="Who asked for it, if not you."),
        click.option("--change", default="", metavar="ID", help="The change request, e.g. CHG0012345."),
        click.option("--only", multiple=True, metavar="NOTEBOOK", help="Just this one, e.g. 02_data; may be repeated."),
        click.option("--env", required=True, metavar="ENV", help="A file in params/, e.g. local."),
    ):
        command = option(command)
    return command


approved_option = click.option(
    "--approved", multiple=True, metavar="FINGERPRINT", help="Of a reviewed plan; may be repeated. Blank: nothing."
)


@main.command()
@common_options
@click.option(
    "--detailed-exitcode", is_flag=True, help=f"Exit with {CHANGES} when there is something to do, 0 when not."
)
@click.option("--markdown", type=FILE, help="Also write the plan into this file, for a reviewer.")
@click.option("--fingerprints", type=FILE, help="Also write those of the plans that change something, one a line.")
def plan(
    env: str, only: Sequence[str], detailed_exitcode: bool, markdown: Path, fingerprints: Path, **asked: str
) -> None:
    """Show what an apply would do.  Changes nothing."""
    run, found = _run(env, "plan", only, **asked)
    for each in found:
        click.echo(f"  {each.notebook:<12} {each.fingerprint}  {each.plan_text}")
    todo = [each.fingerprint for each in found if each.changes]
    if todo and load(_root() / "params" / f"{env}.yaml").approval.signers:
        click.echo(f"To approve them: runbook approve {run} --as NAME")
    elif todo:
        click.echo(f"To approve them: {' '.join(f'--approved {each}' for each in todo)}")
    if markdown:
        markdown.write_text(review.plan_markdown(env, run, found), encoding="utf-8")
    if fingerprints:
        fingerprints.write_text("".join(f"{each}\n" for each in todo), encoding="utf-8")
    if todo and detailed_exitcode:
        sys.exit(CHANGES)


@main.command()
@common_options
@approved_option
def apply(env: str, only: Sequence[str], approved: Sequence[str], **asked: str) -> None:
    """Build what the parameters ask for, and verify it."""
    _, found = _run(env, "apply", only, approved=join_fingerprints(approved), **asked)
    done = sum(sum(each.completed.values()) for each in found)
    click.echo(f"{pluralize(done, 'change')} made:" if done else "Nothing was changed: all of it is as asked for.")
    for each in found:
        built = ", ".join(f"{n} × {kind}" if n > 1 else kind for kind, n in each.created.items())
        changed = f"{n} updated" if (n := each.completed.get("update", 0)) else ""
        if told := "; ".join(filter(None, (built, changed))):
            click.echo(f"  {each.notebook:<12} {told}")
    _verified(found)


@main.command()
@common_options
def verify(env: str, only: Sequence[str], **asked: str) -> None:
    """Compare what runs with what the parameters ask for.  Changes nothing."""
    _, found = _run(env, "verify", only, **asked)
    _verified(found)


@main.command()
@common_options
@approved_option
@click.option("--confirm", required=True, metavar="ENV", help="The environment's name once more.")
def destroy(env: str, only: Sequence[str], approved: Sequence[str], confirm: str, **asked: str) -> None:
    """Remove the environment: 04 first, 01 last."""
    if confirm != env:
        raise Unconfirmed(
            f"To destroy {env} needs --confirm {env}, not {confirm!r}.", fix=f"Say --confirm {env}, if you mean it."
        )
    _, found = _run(env, "destroy", only, approved=join_fingerprints(approved), confirm=confirm, **asked)
    gone = sum(each.completed.get("delete", 0) for each in found)
    click.echo(f"{pluralize(gone, 'resource')} removed." if gone else "There was nothing to remove.")
    strays = max((each.orphans for each in found), default=0)
    if strays:
        are = "thing tagged as ours is" if strays == 1 else "things tagged as ours are"
        click.echo(f"{strays} {are} still there; see 01_network.")


@main.command()
def bundle() -> None:
    """Pack webapp/ as 04_deploy does: the same content is the same file, byte for byte."""
    made = pack_webapp(_root())
    click.echo(made)
    click.echo(made.path)


main.add_command(approve)
main.add_command(evidence)


def _verified(found: Sequence[Summary]) -> None:
    if all(each.verified for each in found):
        click.echo(f"Verified: no difference in {', '.join(each.notebook for each in found)}.")
    if site := next((each.site for each in found if each.site), ""):
        click.echo(f"The site: https://{site}/")
    if strays := max((each.orphans for each in found), default=0):
        click.echo(f"{pluralize(strays, 'thing')} tagged as ours that nothing asks for: see the last notebook.")


def _run(env: str, mode: str, only: Sequence[str], **more: str) -> tuple[str, list[Summary]]:
    """Run the notebooks: the run's id, and what they came to; does not return when one of them failed."""
    root = _root()
    params = load(root / "params" / f"{env}.yaml")
    notebooks = select_notebooks(only)
    check_endpoint(params)
    job = Job(root, checkout(), new_run(mode), {"env": env, "mode": mode, **more}, notebooks, run_metadata(params))
    for ending in (signal.SIGTERM, signal.SIGHUP):  # a cancelled job, a terminal that was closed: as Ctrl-C
        signal.signal(ending, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    click.echo(f"{mode} {env}: {', '.join(notebooks)}")
    began = time.monotonic()
    try:
        with _screen(notebooks) as tell:
            ended = run(job, tell)
    except KeyboardInterrupt:
        click.echo("Interrupted. What is done stays done: run the same command again to go on from there.", err=True)
        click.echo(f"Evidence: {job.folder}", err=True)
        raise
    finally:
        archive = _end(params, job)
    for line in render_timeline(build_timeline(events_of(job.folder / JOURNAL))):
        click.echo(line)
    failed = [progress for progress in ended if progress.state != "done"]
    for progress in failed:
        click.echo(_failure(job, progress), err=True)
    click.echo(f"Took {elapsed(time.monotonic() - began)}. Evidence: {job.folder}")
    if failed or not archive:
        sys.exit(1)
    click.echo(f"Signed, and packed for the change ticket: {archive}")
    journal = job.folder / JOURNAL
    return job.run, [summarize(journal, progress.notebook, present=mode != "destroy") for progress in ended]


def _end(params: Params, job: Job) -> str:
    """Give the lock back and close the evidence, whatever became of the run; where its archive is."""
    try:
        _release(params, job)
    finally:
        try:
            archive = finish_run(params, job.root, job.run)
        except RunbookError as error:
            click.echo(f"✗ The run's evidence is not closed: {type(error).__name__}: {error}", err=True)
            archive = ""
    return archive


def _release(params: Params, job: Job) -> None:
    """Give the environment's lock back, now that no notebook of this run is left."""
    if is_locked(job.folder / JOURNAL):
        lock_of_run(params, job.root, job.run).release()


def _failure(job: Job, progress: Progress) -> str:
    if progress.state == "not run":
        return f"✗ {progress.notebook} was not run: {progress.why}."
    where = f"cell {progress.cell}, section '{progress.section}'" if progress.cell else "before its first cell"
    return "\n".join(
        [
            f"✗ {progress.notebook}, {where}:",
            *(f"    {line}" for line in f"{progress.error}: {progress.why}".splitlines()),
            f"    The executed notebook: {job.folder / progress.notebook}.ipynb",
        ]
    )


def _screen(notebooks: Sequence[str]) -> Any:
    return _Bars(notebooks) if sys.stderr.isatty() else _Lines()


class _Bars:
    """One bar for each notebook, on a terminal."""

    def __init__(self, notebooks: Sequence[str]) -> None:
        style = "{desc:<44} {bar:30} {n_fmt}/{total_fmt} {elapsed}"
        self._bars = {
            name: tqdm(total=1, desc=name, position=i, leave=True, bar_format=style) for i, name in enumerate(notebooks)
        }

    def __enter__(self) -> Callable[[Progress], None]:
        return self._tell

    def __exit__(self, *_: object) -> None:
        for bar in self._bars.values():
            bar.close()

    def _tell(self, progress: Progress) -> None:
        bar = self._bars[progress.notebook]
        bar.total = progress.of or 1
        bar.n = progress.cell if progress.state == "done" else max(0, progress.cell - 1)
        where = progress.section if progress.state == "running" else progress.state
        bar.set_description_str(f"{progress.notebook} {where}"[:44])


class _Lines:
    """Plain lines, for a log."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, str, int]] = {}

    def __enter__(self) -> Callable[[Progress], None]:
        return self._tell

    def __exit__(self, *_: object) -> None:
        pass

    def _tell(self, progress: Progress) -> None:
        news = (progress.state, progress.section, progress.quiet)
        if self._last.get(progress.notebook) == news:
            return
        self._last[progress.notebook] = news
        where = f"{progress.cell}/{progress.of} {progress.section}" if progress.of else "starting"
        if progress.state != "running":
            where = progress.state
        if progress.quiet:
            where += f" … {elapsed(progress.quiet)}"
        click.echo(f"{datetime.now():%H:%M:%S} {progress.notebook:<12} {where}")


__all__ = ["CHANGES", "NOTEBOOKS", "main"]
