"""The preflight of plans: all rows that their changes need, and no call for those that they do not."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ...aws.permissions import Permission
from ...aws.snapshot import Snapshot
from ...errors import PreflightFailed
from ...formatting import pluralize
from ...resources.base import ObservedState, ids_of
from ..plan import Change
from .addresses import check_addresses
from .certificates import check_certificates
from .dry_runs import NAME as DRY_RUNS
from .dry_runs import check_dry_runs
from .names import check_names
from .offers import check_offers
from .permissions import MAY_ONLY_LOOK, check_permissions
from .permissions import NAME as PERMISSIONS
from .quotas import check_quotas
from .row import FAILED, NOT_ASKED, PASSED, Prerequisite, ask


def preflight(
    snapshot: Snapshot,
    changes: Collection[Change],
    observed_state: ObservedState,
    *,
    caller: str,
    permissions: Iterable[Permission],
    only_plans: bool = False,
) -> list[Prerequisite]:
    """Check everything that changes need; only the credentials where there are none.

    Args:
        snapshot: What it has read already costs no call.
        observed_state: Of the stacks of the changes, with what they depend on.
        caller: The ARN that STS shows.
        permissions: What the changes need.
        only_plans: Whether the run changes nothing.
    """
    rows = [passed_credentials(snapshot, caller)]
    if not changes:
        return rows
    simulated = ask(PERMISSIONS, lambda: check_permissions(snapshot, caller, permissions, only_plans=only_plans))
    rows += simulated
    if any(row.result == NOT_ASKED and MAY_ONLY_LOOK not in row.finding for row in simulated):
        ids = ids_of(observed_state)
        rows += ask(DRY_RUNS, lambda: check_dry_runs(snapshot, changes, ids, only_plans=only_plans))
    rows += check_quotas(snapshot, changes)
    rows += check_names(changes)
    rows += check_offers(changes)
    rows += check_certificates(observed_state, changes)
    rows += ask("addresses", lambda: check_addresses(snapshot, changes))
    return rows


def passed_credentials(snapshot: Snapshot, caller: str) -> Prerequisite:
    """The row of credentials that AWS has accepted for the account of the parameters."""
    aws = snapshot.aws
    return Prerequisite("credentials", PASSED, f"{caller} in account {aws.account}, region {aws.region}")


def count_rows(rows: Iterable[Prerequisite]) -> str:
    """``12 passed, 1 failed``."""
    results = [row.result for row in rows]
    return ", ".join(f"{results.count(one)} {one}" for one in (PASSED, FAILED, NOT_ASKED) if one in results)


def raise_if_failed(rows: Iterable[Prerequisite]) -> None:
    """Stop when a row has failed.

    Raises:
        PreflightFailed: Naming all that have, and what to do.
    """
    failed = [row for row in rows if row.result == FAILED]
    if failed:
        lines = [f"{pluralize(len(failed), 'row')} of the preflight failed; nothing was written."]
        lines += [f"✗ {row.name}: {row.finding}" + (f"\n    {row.fix}" if row.fix else "") for row in failed]
        raise PreflightFailed(
            "\n".join(lines),
            fix="Correct the cause and run this again. To go on nevertheless: --skip-preflight REASON (in a notebook,"
            " skip_preflight), which is recorded.",
        )
