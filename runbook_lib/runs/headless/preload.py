"""Import what the processes of a headless run need, once, in the process that they are forks of."""

import gc
import os
import signal
from importlib import import_module

from runbook_lib.journal.process import CANCELLED

ASKED = "RUNBOOK_FORK_SERVER"
"""Environment variable of the process that is forked."""
IGNORED = [
    number
    for number in (getattr(signal, name, None) for name in CANCELLED)
    if number is not None and signal.getsignal(number) is not signal.SIG_IGN
]
"""What a cancelled job and a closed terminal send to each process of the group; this one ends after the others."""
_MODULES = (
    "ipykernel.zmqshell",
    "runbook_lib.runs.headless.kernel",
    "runbook_lib.runs.headless.worker",
    "runbook_lib.runs.runbook",
    "runbook_lib.stacks.checks.claims",
)
_SERVICES = (
    "acm", "autoscaling", "codedeploy", "ec2", "elbv2", "iam", "logs", "rds", "s3", "secretsmanager", "ssm", "sts",
)  # fmt: skip


def _import_all() -> None:
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    for module in _MODULES:
        import_module(module)
    import_module("runbook_lib.aws.service_models").load_descriptions(_SERVICES)
    gc.collect()
    gc.freeze()  # or the first collection of each fork would copy its pages: https://docs.python.org/3/library/gc.html


if os.environ.pop(ASKED, ""):  # nobody else who imports this module wants its effects
    _import_all()
