"""Start a run: its id, its AWS client, the lock of its environment, and what the evidence records about it."""

from __future__ import annotations

import getpass
import os
import platform
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..aws import endpoints
from ..aws.client import Aws, OnCall
from ..aws.outages import Outage
from ..aws.session import AskCode
from ..aws.shared_reads import VARIABLE as SHARED
from ..aws.shared_reads import SharedReads
from ..evidence.folder import RunFolder
from ..evidence.git import find_last_commit, read_source
from ..journal.redaction.redactor import REDACTOR
from ..journal.summary import ended_notebooks
from ..params import Params
from ..paths import checkout
from ..resources.bucket import Bucket
from ..stacks.application.bundle import Bundle, pack, require_replaceable, unpack
from ..stacks.application.check import check
from ..stacks.application.contents import Contents
from ..stacks.network import network
from .kernel.prompts import ask_code
from .lock import Lock
from .lock_holder import LockHolder

_WEBAPP = "webapp"
OPERATOR_VARIABLES = ("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR", "JUPYTERHUB_USER")
"""Variables in which a service names the user it runs for; the first one that is set counts.

https://docs.github.com/en/actions/reference/workflows-and-actions/variables
https://jupyterhub.readthedocs.io/en/stable/reference/spawners.html
"""


def new_run(mode: str) -> str:
    """Create a run id, e.g. ``20261123T201500Z-apply-1a2b``: unique, and sorted by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{mode}-{secrets.token_hex(2)}"


def check_endpoint(params: Params, root: Path) -> None:
    """Check once, before any notebook runs, that the environment's endpoint can be used.

    Raises:
        WrongUsage: An environment variable asks for something the endpoint does not offer.
        LocalError: The endpoint could not load what it had saved.
    """
    endpoints.check(params.env, params.endpoint, root)


def require_saved(params: Params, root: Path) -> None:
    """Check after a run that the environment's endpoint has saved the changes.

    Raises:
        LocalError: It could not.
    """
    endpoints.require_saved(params.env, params.endpoint, root)


def sign_in(params: Params, root: Path, run: str, mfa_token: str = "") -> None:
    """Check the credentials of a real environment before any notebook runs, and ask for an MFA code once.

    The notebooks, and what is done after them, use the same session: a code is valid once.

    Args:
        mfa_token: The code of the MFA device, if it was passed.

    Raises:
        NoAccess: There are no credentials, or AWS does not accept them.
        WrongAccount: They belong to another account than the parameters.
    """
    if params.endpoint is None:
        ask = (lambda question: mfa_token) if mfa_token else ask_code
        aws = aws_client(params, root, run, ask=ask)
        aws.require_account(params.account)
        os.environ.update(aws.session_variables())


def aws_client(
    params: Params, root: Path, run: str, record: OnCall = lambda *a, **k: None, ask: AskCode = ask_code
) -> Aws:
    """Create the client for an environment's account, real or embedded.

    Args:
        record: Writes each call into the journal.
        ask: Asks for the code of an MFA device, if the operator's profile needs one.
    """
    reads = None
    if shared := os.environ.get(SHARED):
        scope = f"{params.account} {params.region} {params.endpoint}"
        reads = SharedReads(shared, scope, REDACTOR.add_secrets_of)
        REDACTOR.add_secret(shared.rpartition("#")[2])  # a cell may show its environment
    return Aws(
        env=params.env,
        region=params.region,
        account=params.account,
        connection=endpoints.connection(params.env, params.endpoint, root, params.account),
        run=run,
        labels=params.tags.model_dump(),
        adopted=params.adopt,
        on_call=record,
        add_secrets=REDACTOR.add_secrets_of,
        ask_code=ask,
        outage=Outage(answered="RUNBOOK_PID" in os.environ),  # the command signed in before
        reads=reads,
    )


def environment_lock(params: Params, aws: Aws, caller: str, record: OnCall) -> Lock:
    """Create the environment's lock for the run of *aws*; acquires nothing yet.

    Args:
        caller: The ARN that the lock names as its holder.
        record: Writes the lock's events into the journal.
    """
    bucket = bucket_of(params)
    holder = LockHolder.this_process(aws.run, caller, "", int(os.environ.get("RUNBOOK_PID", os.getpid())))
    return Lock(aws, bucket.aws_name(aws), holder, record=record)


def lock_of_run(params: Params, root: Path, run: str) -> Lock:
    """Create the lock as the run *run* holds it, in order to release it."""
    aws = aws_client(params, root, run)
    return environment_lock(params, aws, "", RunFolder(root / "artifacts" / params.env, run, "runner").journal().write)


def bucket_of(params: Params) -> Bucket:
    """The environment's own bucket."""
    return next(r for r in network(params) if isinstance(r, Bucket))


def run_metadata(params: Params) -> dict[str, Any]:
    """What the evidence records about every run: account, region, operator, commit and parameters."""
    return {
        "env": params.env,
        "account": params.account,
        "region": params.region,
        "operator": find_operator(),
        "source": read_source(checkout()),
        "parameters": params.model_dump(mode="json"),
    }


def find_operator() -> str:
    """Who runs this and on which machine, e.g. ``ann on build-7``: a role's ARN does not name the person."""
    user = next((os.environ[name] for name in OPERATOR_VARIABLES if os.environ.get(name)), "")
    return f"{user or _local_user()} on {platform.node() or 'an unnamed machine'}"


def _local_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "an unnamed user"


def check_webapp(params: Params | None = None, webapp: Path | None = None) -> Contents:
    """Read the application as it is packed, with what is wrong with it.

    Args:
        params: Of the environment whose servers it is for; without them, any server will do.
        webapp: Its folder, by default the checkout's.
    """
    folder = webapp or checkout() / _WEBAPP
    if params is None:
        return check(folder)
    return check(folder, architectures=(params.compute.architecture,), packages=params.app.packages)


def pack_webapp(root: Path, params: Params | None = None) -> Bundle:
    """Pack ``webapp/`` with the last commit that touched it, so that other commits leave the bundle unchanged.

    Raises:
        BundleError: Something is wrong with the application; it names every problem.
    """
    return pack(check_webapp(params), root / ".runbook" / "bundles", commit=find_last_commit(checkout(), _WEBAPP))


def unpack_webapp(into: Path) -> str:
    """Write the files of the bundle into a folder; returns the revision.

    Raises:
        BundleError: Something is wrong with the application, or with the folder.
    """
    require_replaceable(into)  # first, because packing takes time
    contents = check_webapp()
    unpack(contents, into, commit=find_last_commit(checkout(), _WEBAPP))
    return contents.revision


def is_earlier_notebook_running(journal: Path) -> bool:
    """Whether a notebook that this one depends on is still running in the same run."""
    before = set(os.environ.get("RUNBOOK_BEFORE", "").split())
    return bool(before - ended_notebooks(journal))
