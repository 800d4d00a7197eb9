"""The endpoint `embedded` of a parameter file: the plug-in for the runbook's entry points `runbook.endpoints`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from runbook_lib.aws.connection import Connection
from runbook_lib.aws.endpoints import Given
from runbook_lib.errors import LocalError
from runbook_lib.paths import for_shell


def connect(root: Path, account: str = "") -> Connection:
    """Return the address of the embedded AWS of *root*, and an account's credentials; start it when it is not running.

    Args:
        account: The account's number; empty for the embedded AWS's own.

    Raises:
        LocalError: It could not be started.
    """
    from embedded_aws.client.process import ensure  # imported late: most callers only check
    from embedded_aws.state_folder import StateFolder

    address = ensure(root)
    own, _ = StateFolder(root).read_place()
    return address.connection if account in ("", own) else address.connection_of(account)


def check(root: Path) -> None:
    """Check the settings, and start it where it has a saved account to load: one notebook alone would meet the error.

    Raises:
        WrongUsage: RUNBOOK_LOCAL_PACE is not a pace.
        LocalError: It cannot run here, could not be started, or the saved account could not be loaded.
    """
    from embedded_aws import pace
    from embedded_aws.client.process import ensure, require_system
    from embedded_aws.state_folder import StateFolder

    require_system()
    pace.from_environment(os.environ)
    if StateFolder(root).state.exists():
        ensure(root)


def rehearse(root: Path, given: Given) -> None:
    """Start the embedded AWS of *root* with an environment's account and region, and with what it takes as given.

    Raises:
        LocalError: It cannot run here; or its account has another number or region.
    """
    from embedded_aws.client import control
    from embedded_aws.client.process import ensure, require_system
    from embedded_aws.state_folder import StateFolder

    require_system()
    folder = StateFolder(root)
    folder.create()
    if not (folder.place.exists() or folder.state.exists()):
        folder.write_place(given.account, given.region)
    if folder.read_place() != (given.account, given.region):
        account, region = folder.read_place()
        raise LocalError(
            f"the embedded AWS of {root} has account {account} in {region}, and the parameters say {given.account} in"
            f" {given.region}",
            fix=f"delete what was rehearsed: `runbook local down --forget --root {for_shell(root)}`",
        )
    control.call(ensure(root), "POST", "given", asdict(given))


def require_saved(root: Path) -> None:
    """Save what is not saved yet.

    Raises:
        LocalError: The account cannot be saved.
    """
    from embedded_aws.client import control
    from embedded_aws.client.process import find
    from embedded_aws.state_folder import not_saved

    if (address := find(root)) and (reason := control.call(address, "POST", "save")["reason"]):
        raise not_saved(reason)
