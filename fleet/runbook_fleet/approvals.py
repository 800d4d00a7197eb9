"""Which plans of a wave still lack the signed approvals that the parameters of their environments require."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runbook_lib.errors import NotApproved
from runbook_lib.evidence.attestation.approvals import plans_of
from runbook_lib.formatting import pluralize
from runbook_lib.params import load, params_file
from runbook_lib.runs.finish import signed_approvals
from runbook_lib.runs.start import new_run


def find_missing(project: Path, runs: Mapping[str, Sequence[str]], change: str) -> list[str]:
    """What has to be approved yet, one text for each run: the command that approves it, and what it changes.

    Args:
        runs: The runs in plan mode, by environment.
        change: The change request of the runs to come.

    Raises:
        ParamsError: The parameters of an environment cannot be read.
    """
    return [text for env, ids in runs.items() for text in _of_environment(project, env, ids, change)]


def _of_environment(project: Path, env: str, runs: Sequence[str], change: str) -> Iterator[str]:
    params = load(params_file(project, env))
    if not params.approval.signers:
        return
    approvals = signed_approvals(params, project, new_run("apply"), change)
    for run in runs:
        for plan in plans_of(project / "artifacts" / env / run, "apply"):
            try:
                approvals.find(plan)
            except NotApproved as error:
                changes = pluralize(len(plan["changes"]), "change")
                reasons = error.what.partition("\n")[2].strip()
                why = f" ({reasons})" if reasons else ""
                yield f"runbook approve {run} --as NAME   # {env}, {plan['stack']}: {changes}{why}"
