"""What `endpoint: embedded` in a parameter file stands for: the plug-in of the runbook's group `runbook.endpoints`."""

from __future__ import annotations

import os
from pathlib import Path

from runbook_lib.aws.connection import Connection


def connect(root: Path) -> Connection:
    """Address and credentials of the embedded AWS of *root*; it is started when it does not run.

    Raises:
        LocalError: It could not be started.
    """
    from embedded_aws.client.process import ensure  # what starts processes is loaded only where it is needed

    return ensure(root).connection


def check() -> None:
    """Stop at a wrong setting.

    Raises:
        WrongUsage: RUNBOOK_LOCAL_PACE is no number.
    """
    from embedded_aws import pace

    pace.asked(os.environ)
