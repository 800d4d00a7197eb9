"""The verbs (``runbook plan``, ``apply``, ``verify``, ``destroy``), which run the notebooks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from .. import paths
from ..engine.approval import join_fingerprints
from ..errors import RunbookError, Unconfirmed, WrongUsage
from ..formatting import elapsed, one_line, pluralize
from ..journal.journal import MANIFEST
from ..journal.process import handle_cancellation, interrupt_this_process
from ..journal.reader import JOURNAL, events_of
from ..journal.summary import Summary, is_locked, summarize
from ..journal.timeline import build_timeline
from ..params import Params, load, params_file
from ..paths import checkout
from ..runs.finish import finish_run
from ..runs.headless import processes
from ..runs.rehearsal import prepare_rehearsal
from ..runs.rollback import NOTEBOOK
from ..runs.runner import Job, Progress, run, select_notebooks
from ..runs.start import check_endpoint, lock_of_run, new_run, require_saved, run_metadata, sign_in
from ..runs.time_limit import within
from .arguments import ConfirmedName, EnvironmentName, NotebookName, OneLine
from .checks import print_checks
from .choices import Choose, adopt_pairs, roll_back_to
from .console import NAME_WIDTH, print_renderable, print_table, print_text
from .plan_markdown import plan_markdown
from .plan_text import RenderedPlan
from .preflight_text import print_failed_rows, print_preflight
from .progress import show_progress
from .results import print_changes, print_done, print_orphans, print_verification
from .timeline import WIDTH, render_timeline

INTERRUPTED_SECONDS = 1.5
"""How long each step may take that waits for AWS, once a run was interrupted: it ends within ten seconds."""
CHANGES = 3
"""Exit code of ``plan --detailed-exitcode`` when there are changes."""
FILE = click.Path(dir_okay=False, path_type=Path)


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that the verbs have which run any of the notebooks."""
    return request_options(only_option(command))


only_option = click.option(
    "--only",
    type=NotebookName(),
    multiple=True,
    metavar="NOTEBOOK",
    help="Run only this notebook, e.g. 02_data; may be repeated.",
)


def request_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that all verbs have."""
    for option in (
        click.option(
            "--rehearse",
            is_flag=True,
            help="Run on the embedded AWS with these parameters; state and evidence are in rehearsals/ENV/.",
        ),
        click.option(
            "--asked-by", type=OneLine(), default="", metavar="NAME", help="Who asked for the run, if not you."
        ),
        click.option("--mfa-token", default="", metavar="CODE", help="The code of your MFA device, instead of asking."),
        click.option("--change", type=OneLine(), default="", metavar="ID", help="The change request, e.g. CHG0012345."),
        click.option(
            "--env", type=EnvironmentName(), required=True, metavar="ENV", help="A file in params/, e.g. local."
        ),
    ):
        command = option(command)
    return command


approved_option = click.option(
    "--approved",
    multiple=True,
    metavar="FINGERPRINT",
    help="The fingerprint of a reviewed plan; may be repeated. A blank one approves no change.",
)


to_option = click.option(
    "--to",
    type=OneLine(),
    default="",
    metavar="REVISION",
    help="The revision: a bundle's SHA-256, a commit, or its beginning. Without it, the last one that really worked.",
)


@click.command()
@common_options
@click.option(
    "--detailed-exitcode", is_flag=True, help=f"Exit with {CHANGES} when there are changes, with 0 when there are none."
)
@click.option("--markdown", type=FILE, help="Also write the plan as Markdown into this file.")
@click.option(
    "--fingerprints", type=FILE, help="Also write the fingerprints of plans with changes into this file, one a line."
)
@click.option("--destroy", "to_destroy", is_flag=True, help="Show what a destroy would do instead.")
@click.option("--rollback", "to_roll_back", is_flag=True, help="Show what a rollback would do instead.")
@click.option(
    "--adopt", nargs=2, multiple=True, metavar="KEY ID", help="Show what adopting ID as KEY would do; may be repeated."
)
@to_option
@click.option("--summary", "counts_only", is_flag=True, help="Print the number of changes only.")
def plan(
    env: str,
    only: Sequence[str],
    detailed_exitcode: bool,
    markdown: Path,
    fingerprints: Path,
    to_destroy: bool,
    to_roll_back: bool,
    adopt: Sequence[tuple[str, str]],
    to: str,
    counts_only: bool,
    **request: Any,
) -> None:
    """Show what an apply would do.  Changes nothing."""
    if to_roll_back and (to_destroy or only):
        raise WrongUsage("A plan of a rollback is of 04_deploy, and of no destroy.", fix="Leave out the other one.")
    if to and not to_roll_back:
        raise WrongUsage("--to names the revision of a rollback.", fix="Add --rollback.")
    if adopt and (to_roll_back or to_destroy or only):
        raise WrongUsage(
            "A plan with --adopt is of the notebooks that have the resources.", fix="Leave out the others."
        )
    notebooks, choose = (
        ((NOTEBOOK,), roll_back_to(to)) if to_roll_back else adopt_pairs(env, adopt) if adopt else (only, None)
    )
    run, summaries = run_notebooks(env, "plan", notebooks, not to_destroy, choose, **request)
    failed = False if to_destroy else print_preflight(summaries, counts_only=counts_only)
    is_blocked = any(summary.is_blocked for summary in summaries)
    to_approve = [] if is_blocked else [summary.fingerprint for summary in summaries if summary.changes]
    _print_plan(env, run, summaries, to_approve, counts_only=counts_only, rehearse=request["rehearse"])
    if markdown:
        verb = "destroy" if to_destroy else "rollback" if to_roll_back else "apply"
        markdown.write_text(plan_markdown(env, run, summaries, verb=verb, to=to), encoding="utf-8")
    if fingerprints:
        fingerprints.write_text("".join(f"{fingerprint}\n" for fingerprint in to_approve), encoding="utf-8")
    if is_blocked:
        print_text("✗ Blocked: this plan cannot be applied. Correct what is marked with ! and plan again.", error=True)
        sys.exit(1)
    if failed:
        print_text("✗ The preflight failed: an apply would be refused. See the rows marked with ✗.", error=True)
        sys.exit(1)
    if to_approve and detailed_exitcode:
        sys.exit(CHANGES)


def _print_plan(
    env: str, run: str, summaries: Sequence[Summary], to_approve: Sequence[str], *, counts_only: bool, rehearse: bool
) -> None:
    """Print the changes, and how to approve them."""
    for summary in summaries:
        if summary.changes and not counts_only:
            print_renderable(RenderedPlan(summary))
    rows = [(s.notebook, "blocked" if s.is_blocked else s.fingerprint, s.plan_text) for s in summaries]
    print_table(rows, NAME_WIDTH, 17, 0, indent=2)
    if rehearse or not to_approve:  # nobody has to approve a rehearsal
        return
    if load(params_file(paths.root(), env)).approval.signers:
        print_text(f"To approve them: runbook approve {run} --as NAME")
    else:
        print_text(f"To approve them: {' '.join(f'--approved {fingerprint}' for fingerprint in to_approve)}")


@click.command()
@common_options
@approved_option
@click.option(
    "--skip-preflight", type=OneLine(), default="", metavar="REASON",
    help="Go on although the preflight failed; the reason is recorded.",
)  # fmt: skip
def apply(env: str, only: Sequence[str], approved: Sequence[str], **request: Any) -> None:
    """Create and update what the parameters describe, and verify it."""
    _, summaries = run_notebooks(env, "apply", only, True, approved=join_fingerprints(approved), **request)
    print_done(summaries)


@click.command()
@request_options
@approved_option
@to_option
def rollback(env: str, approved: Sequence[str], to: str, **request: Any) -> None:
    """Deploy the last revision that really worked, or another.  Verifies it."""
    _, summaries = run_notebooks(
        env, "apply", (NOTEBOOK,), True, roll_back_to(to), approved=join_fingerprints(approved), **request
    )
    print_done(summaries)
    click.echo("The next apply deploys webapp/ again: correct it first, or keep deploy.revision in params/.")


@click.command()
@common_options
def verify(env: str, only: Sequence[str], **request: Any) -> None:
    """Compare what AWS shows with the parameters.  Changes nothing."""
    _, summaries = run_notebooks(env, "verify", only, True, **request)
    print_verification(summaries)


@click.command()
@common_options
@approved_option
@click.option("--confirm", type=ConfirmedName(), required=True, metavar="ENV", help="The environment's name again.")
def destroy(env: str, only: Sequence[str], approved: Sequence[str], confirm: str, **request: Any) -> None:
    """Destroy the environment: 04 first, 01 last."""
    if confirm != env:
        raise Unconfirmed(f"Destroying {env} needs --confirm {env}, not {confirm!r}.", fix=f"Add --confirm {env}.")
    _, summaries = run_notebooks(
        env, "destroy", only, False, approved=join_fingerprints(approved), confirm=confirm, **request
    )
    deleted = sum(summary.completed.get("delete", 0) for summary in summaries)
    click.echo(f"{pluralize(deleted, 'resource')} destroyed:" if deleted else "There was nothing to destroy.")
    print_changes(summaries)
    if remainders := [row for summary in summaries for row in summary.remainders]:
        click.echo("Left in the account:")
        for key, identity, reason in remainders:
            print_text(f"  {one_line(key)}: {one_line(reason)}\n    {one_line(identity)}")
    print_orphans(summaries)


def run_notebooks(
    env: str, mode: str, only: Sequence[str], present: bool, choose: Choose | None = None, /, *, mfa_token: str,
    rehearse: bool, before_close: Callable[[Params, Job], None] = lambda params, job: None, **request: str,
) -> tuple[str, list[Summary]]:  # fmt: skip
    """Run the notebooks; returns the run's id and their summaries, or exits with 1 when one of them failed.

    Args:
        present: True to summarize the plan of an apply, False that of a destroy.
        choose: Chooses parameters of this run that replace those of the file.
        rehearse: Whether to run on the embedded AWS, whatever the parameters say.
        before_close: Adds to the evidence of a run whose notebooks are all done.
    """
    root = paths.root()
    params = load(params_file(root, env))
    if rehearse:
        root, params = prepare_rehearsal(root, params)
    notebooks = select_notebooks(only)
    processes.warm_up()
    check_endpoint(params, root)
    run_id = new_run(mode)
    sign_in(params, root, run_id, mfa_token)
    given = choose(params, root, run_id) if choose else {}
    params = load(params_file(root, env), given) if given else params
    job = Job(root, checkout(), run_id, {"env": env, "mode": mode, **request, **given}, notebooks, run_metadata(params))
    handle_cancellation(lambda *_: interrupt_this_process())
    where = f", rehearsed in {paths.for_shell(root)}, not on AWS" if rehearse else ""
    click.echo(f"{mode} {env}{where}: {', '.join(notebooks)}")
    began = time.monotonic()
    try:
        with show_progress(notebooks) as on_event:
            ended = run(job, on_event)
        if all(progress.state == "done" for progress in ended):
            before_close(params, job)
        archive = _finish(params, job)
    except KeyboardInterrupt:
        print_text("Interrupted. Run the same command again to continue from there.", error=True)
        print_text(f"Evidence: {paths.for_shell(job.folder)}", error=True)
        if not (job.folder / MANIFEST).exists():  # it may have been interrupted after that
            _finish(params, job, INTERRUPTED_SECONDS)
        sys.exit(1)  # click would add "Aborted!" to an interrupt
    except BaseException:
        _finish(params, job)
        raise
    journal = job.folder / JOURNAL
    print_renderable(render_timeline(build_timeline(events_of(journal))), max_width=WIDTH)
    print_text(f"Took {elapsed(time.monotonic() - began)}. Evidence: {paths.for_shell(job.folder)}")
    if mode == "verify":
        print_checks(event for name in notebooks for event in summarize(journal, name).checks)
    failed = [progress for progress in ended if progress.state != "done"]
    if mode in ("plan", "apply"):
        print_failed_rows((summarize(journal, one.notebook) for one in failed), "\n".join(one.why for one in failed))
    for progress in sorted(failed, key=lambda progress: progress.state == "failed"):  # the cause is read last
        print_text(_failure_text(job, progress), error=True)
    require_saved(params, root)
    if failed or not archive:
        sys.exit(1)
    print_text(f"Signed, and packed for the change ticket: {paths.for_shell(archive)}")
    return job.run, [summarize(journal, progress.notebook, present=present) for progress in ended]


def _finish(params: Params, job: Job, seconds: float | None = None) -> str:
    """Release the lock and finish the run, also after a failure; returns where the archive is, or an empty text.

    Args:
        seconds: How long each step may take that waits for AWS; ``None`` for as long as it takes.
    """
    try:
        within(seconds, lambda: _release_lock(params, job), "The release of the lock")
    except RunbookError as error:  # the changes and their evidence are as good without it
        print_text(f"✗ The lock could not be released: {error}", error=True)
        print_text("  It expires ten minutes after its last renewal; or use `runbook unlock`.", error=True)
    finally:
        try:
            archive = finish_run(params, job.root, job.run, seconds=seconds)
        except RunbookError as error:
            print_text(f"✗ The evidence of the run could not be closed: {type(error).__name__}: {error}", error=True)
            archive = ""
    return archive


def _release_lock(params: Params, job: Job) -> None:
    """Release the environment's lock if the run still holds it."""
    if is_locked(job.folder / JOURNAL):
        lock_of_run(params, job.root, job.run).release()


def _failure_text(job: Job, progress: Progress) -> str:
    if progress.state == "not run":
        return f"✗ {progress.notebook} was not run: {progress.why}."
    where = f"cell {progress.cell}, section '{progress.section}'" if progress.cell else "before its first cell"
    return "\n".join(
        [
            f"✗ {progress.notebook}, {where}:",
            *(f"    {line}" for line in f"{progress.error}: {progress.why}".splitlines()),
            f"    The executed notebook: {paths.for_shell(job.folder / f'{progress.notebook}.ipynb')}",
        ]
    )
