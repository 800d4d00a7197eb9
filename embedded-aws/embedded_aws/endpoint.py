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


def check() -> None:
    """Check the settings.

    Raises:
        WrongUsage: RUNBOOK_LOCAL_PACE is not a pace.
    """
    from embedded_aws import pace

    pace.from_environment(os.environ)
