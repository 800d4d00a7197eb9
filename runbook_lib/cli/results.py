"""Print what a run of the notebooks has changed, verified and left."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..engine.plan import ACTION_SYMBOLS, Action
from ..formatting import pluralize
from ..journal.summary import Summary
from .console import NAME_WIDTH, print_table, print_text
from .timeline import WIDTH


def print_done(summaries: Sequence[Summary]) -> None:
    """Print what an apply has changed, and the verification."""
    done = sum(sum(summary.completed.values()) for summary in summaries)
    click.echo(
        f"{pluralize(done, 'change')} made:" if done else "Nothing was changed: everything is as the parameters say."
    )
    print_changes(summaries)
    print_verification(summaries)


def print_changes(summaries: Sequence[Summary]) -> None:
    """Name what was created, updated and deleted in each notebook, e.g. ``+ vpc.main, subnet.a``."""
    for summary in summaries:
        rows = [
            (summary.notebook, ACTION_SYMBOLS[Action(action)], ", ".join(keys))
            for action, keys in summary.changed.items()
        ]
        print_table(rows, NAME_WIDTH, 1, 0, indent=2, max_width=WIDTH)


def print_verification(summaries: Sequence[Summary]) -> None:
    """Print what was verified, the site, and orphaned resources."""
    if all(summary.verified for summary in summaries):
        print_text(f"Verified: no difference in {', '.join(summary.notebook for summary in summaries)}.")
    if site := next((summary.site for summary in summaries if summary.site), ""):
        click.echo(f"The site: https://{site}/")
    print_orphans(summaries)


def print_orphans(summaries: Sequence[Summary]) -> None:
    """Print the resources that the environment has made and no stack holds."""
    if orphans := max((summary.orphans for summary in summaries), key=len, default=()):
        count = pluralize(len(orphans), "orphaned resource")
        print_text(f"{count}, tagged by this environment but in no stack. Remove them if nobody needs them:")
        print_table([("?", orphan) for orphan in orphans], 1, 0, indent=2)
