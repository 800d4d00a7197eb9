"""Choose the revision that a rollback deploys: the last one that really worked, or one that an operator names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..aws.snapshot import Snapshot
from ..errors import WrongUsage
from ..params import Params
from ..resources.deployment_group import DeploymentGroup
from ..resources.deployment_history import Deployed, last_working, matching, read_history
from ..stacks.deploy import deploy
from .start import aws_client

NOTEBOOK = "04_deploy"
"""The only notebook that a rollback runs."""
_LISTED = 5


def choose_revision(params: Params, root: Path, run: str, to: str = "") -> Deployed:
    """Find the deployment whose revision a rollback deploys again.

    Args:
        to: A digest, a commit, or the beginning of one; without it, the last revision that really worked.

    Raises:
        WrongUsage: There is none, or *to* names none or several of those that were deployed.
    """
    history = _history(params, root, run)
    chosen = [*matching(history, to)] if to else [one for one in (last_working(history),) if one]
    usable = [one for one in chosen if one.is_ours]
    if len(usable) == 1:
        return usable[0]
    raise _nothing_to_deploy(params.env, to, chosen, history)


def present_revision(params: Params, root: Path, run: str) -> str:
    """The revision that every server got last, as ``deploy.revision`` takes it; empty when there is none of ours."""
    return next((one.name for one in _history(params, root, run) if one.has_worked and one.is_ours), "")


def with_revision(params: Params, revision: str) -> dict[str, Any]:
    """The section ``deploy`` of the parameters with this revision, as a run is given it in place of the file's."""
    return {"deploy": params.deploy.model_dump(mode="json") | {"revision": revision}}


def _history(params: Params, root: Path, run: str) -> list[Deployed]:
    aws = aws_client(params, root, run)
    group = deploy(params).application.the(DeploymentGroup)
    return read_history(Snapshot(aws), aws.name(group.application), aws.name(group))


def _nothing_to_deploy(env: str, to: str, chosen: Sequence[Deployed], history: Sequence[Deployed]) -> WrongUsage:
    worked = {each.revision: each for each in reversed(history) if each.has_worked and each.is_ours}
    known = "\n".join(f"  {each.name}  {each.completed}, {each.id}" for each in [*worked.values()][::-1][:_LISTED])
    if to:
        which = f"{len(chosen)} deployed revisions begin with" if len(chosen) > 1 else "No successful deployment was of"
        what = f"{which} {to!r} in {env}."
    elif chosen:
        what = f"The last revision of {env} that worked was not deployed by the runbook: {chosen[0].revision}."
    else:
        what = f"No earlier revision of {env} has worked on every server."
    if known:
        what, fix = f"{what} These have worked:\n{known}", "Name one of them with --to."
    else:
        fix = "Correct webapp/ and run `runbook apply`: there is nothing to go back to."
    return WrongUsage(what, fix=fix)
