"""Import what the processes of a headless run need, once, in the process that they are forks of."""

import gc
import os
import signal
import sys
from importlib import import_module

from nbformat.validator import get_validator

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
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.extensions.storemagic",
    "boto3.s3.inject",
    "ipykernel.debugger",
    "ipykernel.zmqshell",
    "pandas.io.formats.csvs",
    "pandas.io.formats.string",
    "runbook_lib.evidence.tables",
    "runbook_lib.runs.headless.kernel",
    "runbook_lib.runs.headless.worker",
    "runbook_lib.runs.kernel.tables",
    "runbook_lib.runs.runbook",
    "runbook_lib.stacks.checks.claims",
    "runbook_lib.stacks.checks.controls",
    "sqlite3",
    "tornado.platform.asyncio",
)
_SERVICES = (
    "acm", "autoscaling", "codedeploy", "ec2", "elbv2", "iam", "logs", "rds", "s3", "secretsmanager",
    "service-quotas", "ssm", "sts",
)  # fmt: skip


def import_all() -> None:
    """Import them, in the process that is forked."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # 130 modules; nobody debugs a kernel without a front end
    for module in _MODULES:
        import_module(module)
    get_validator()  # it is compiled from the schema
    import_module("runbook_lib.aws.service_models").load_descriptions(_SERVICES)
    import_module("runbook_lib.params.regions").is_usable("us-west-2")  # what botocore knows of the regions is read
    gc.collect()
    gc.freeze()  # or the first collection of each fork would copy its pages: https://docs.python.org/3/library/gc.html


if os.environ.pop(ASKED, ""):  # nobody else who imports this module wants its effects
    import_all()
