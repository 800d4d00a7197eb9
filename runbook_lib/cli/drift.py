"""``runbook drift``: what is not as the parameters say, who did it, and what mends it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Any

import click

from .. import paths
from ..engine.plan import ACTION_SYMBOLS, Action
from ..formatting import label_field, pluralize
from ..journal.summary import Summary
from ..params import Params, load, params_file
from ..runs.drift import CHANGED, MISSING, STRAY, Drifted, record_drift
from ..runs.runner import NOTEBOOKS, Job
from .console import print_table, print_text
from .plan_text import inline
from .verbs import CHANGES, common_options, run_notebooks

_SYMBOLS = {CHANGED: Action.UPDATE, MISSING: Action.CREATE, STRAY: Action.DELETE}
_LATE = "CloudTrail shows a call up to 15 minutes after it was made."


@click.command()
@common_options
def drift(env: str, only: Sequence[str], **request: Any) -> None:
    """Show what is not as the parameters say, who did it, and what mends it.  Changes nothing; exits with 3 on drift.

    Also what params/ ask for and nobody has applied yet is drift.
    """
    found: list[Drifted] = []

    def collect(params: Params, job: Job) -> None:
        found.extend(record_drift(params, job.root, job.run, job.only))

    run, summaries = run_notebooks(env, "plan", only, True, before_close=collect, **request)
    if not found:
        print_text(f"No drift: {env} is as params/ say.")
        return
    counts = [f"{n} {what}" for what in _SYMBOLS if (n := sum(one.what == what for one in found))]
    print_text(f"Drift of {env}: {', '.join(counts)}.")
    for one in found:
        _print_thing(one)
    if not all(one.last.unknown for one in found):
        print_text(_LATE)
    _print_remedy(env, run, summaries, found, rehearse=request["rehearse"])
    sys.exit(CHANGES)


def _print_thing(one: Drifted) -> None:
    symbol = ACTION_SYMBOLS[Action.BLOCKED if one.blocked else _SYMBOLS[one.what]]
    known_as = f" ({one.id})" if one.id not in ("", one.key) else ""
    print_text(f"{symbol} {one.key}{known_as}: {one.what}" + (f", in {one.notebook}" if one.notebook else ""))
    rows = [(label_field(name), inline(new), inline(old)) for name, (old, new) in sorted(one.fields.items())]
    print_table([("field", "wanted", "found"), *rows] if rows else [], 5, 6, 0, indent=4)
    if one.note:
        print_text(f"    {' '.join(one.note.split())}")
    for write in one.last.writes:
        on = f" ({write.on})" if write.on not in (one.id, *one.id.split(" ")) else ""
        print_text(f"    last write: {write}{on}")
    if one.last.unknown:
        print_text(f"    last write: not known: {one.last.unknown}")


def _print_remedy(
    env: str, run: str, summaries: Sequence[Summary], found: Sequence[Drifted], *, rehearse: bool
) -> None:
    """Print the command that mends it, and what no command mends."""
    notebooks = [summary.notebook for summary in summaries if summary.changes and not summary.is_blocked]
    if notebooks:
        # Only the last notebook removes what has left the parameters.
        whole = any(one.what == STRAY and one.notebook for one in found) or len(notebooks) == len(NOTEBOOKS)
        only = [] if whole else [word for name in notebooks for word in ("--only", name)]
        approved = [s.fingerprint for s in summaries if s.notebook in notebooks]
        approval = load(params_file(paths.root(), env)).approval
        given = [word for each in approved for word in ("--approved", each)] if approval.required else []
        if approval.signers and not rehearse:
            print_text(f"To approve what mends it: runbook approve {run} --as NAME")
            given = []
        more = ["--rehearse"] if rehearse else given
        print_text(f"To mend it: {shlex.join(['runbook', 'apply', '--env', env, *only, *more])}")
    if blocked := [one for one in found if one.blocked]:
        print_text(f"No apply mends {pluralize(len(blocked), 'thing')} marked with !; what to do is said there.")
    if strays := [one for one in found if not one.notebook]:
        print_text(f"No apply removes {', '.join(one.key for one in strays)}: remove them if nobody needs them.")
