"""The endpoint `embedded` of a parameter file: the plug-in for the runbook's entry points `runbook.endpoints`."""

from __future__ import annotations

import os
from pathlib import Path

from runbook_lib.aws.connection import Connection


def connect(root: Path) -> Connection:
    """Return address and credentials of the embedded AWS of *root*; start it when it is not running.

    Raises:
        LocalError: It could not be started.
    """
    from embedded_aws.client.process import ensure  # imported late: most callers only check

    return ensure(root).connection


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
