"""The command that makes something ours that is not tagged so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from ..engine.approval import join_fingerprints
from ..errors import WrongUsage
from ..formatting import pluralize
from .choices import adopt_pairs
from .results import print_done
from .verbs import approved_option, request_options, run_notebooks


@click.command()
@request_options
@approved_option
@click.argument("pairs", nargs=-1, required=True, metavar="KEY ID [KEY ID]...", help="What it becomes, and what it is.")
def adopt(env: str, approved: Sequence[str], pairs: Sequence[str], **request: Any) -> None:
    """Give something the tags by which it is this environment's.

    KEY is the resource that it becomes, e.g. subnet.public-us-west-2a; ID is its id, ARN or name in AWS. The notebook
    that has the resource is applied with it: `runbook plan --adopt KEY ID` shows what that changes.
    """
    if len(pairs) % 2:
        raise WrongUsage(
            f"{pluralize(len(pairs), 'word')} given: each KEY needs an ID.",
            fix=f"Give pairs: runbook adopt --env {env} vpc.main vpc-0123456789abcdef0",
        )
    notebooks, choose = adopt_pairs(env, zip(pairs[::2], pairs[1::2], strict=True))
    _, summaries = run_notebooks(env, "apply", notebooks, True, choose, approved=join_fingerprints(approved), **request)
    print_done(summaries)
