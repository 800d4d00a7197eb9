"""Where a run begins: its id, its way into the account, and the lock of its environment."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..aws import endpoints
from ..aws.client import Aws, OnCall
from ..evidence.folder import RunFolder
from ..evidence.git import find_last_commit, read_source
from ..journal.redaction.redactor import REDACTOR
from ..params import Params
from ..paths import checkout
from ..resources.bucket import Bucket
from ..stacks.bundle import Bundle, build
from ..stacks.network import network
from .lock import Lock, LockHolder
from .operator import operator


def lock_of_run(params: Params, root: Path, run: str) -> Lock:
    """The lock of an environment as the run *run* sees it, e.g. to give it back."""
    aws = aws_client(params, root, run)
    return environment_lock(params, aws, "", RunFolder(root / "artifacts" / params.env, run, "runner").journal().write)


def aws_client(params: Params, root: Path, run: str, record: OnCall = lambda *a, **k: None) -> Aws:
    """The account of an environment, real or embedded: the one place that asks where its calls go."""
    return Aws(
        env=params.env,
        region=params.region,
        account=params.account,
        connection=endpoints.connection(params.env, params.endpoint, root),
        run=run,
        labels={"project": params.tags.project, "owner": params.tags.owner},
        on_call=record,
        add_secrets=REDACTOR.add_secrets_of,
    )


def check_endpoint(params: Params) -> None:
    """Stop at what would stop every notebook of a run alike.

    Raises:
        WrongUsage: The surroundings ask for something that there is not.
    """
    endpoints.check(params.env, params.endpoint)


def environment_lock(params: Params, aws: Aws, caller: str, told: OnCall) -> Lock:
    """The environment's lock, for this run."""
    bucket = bucket_of(params)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    me = LockHolder.this_process(aws.run, caller, since, int(os.environ.get("RUNBOOK_PID", os.getpid())))
    return Lock(aws, bucket.aws_name(aws), me, told=told)


def bucket_of(params: Params) -> Bucket:
    """The environment's own bucket."""
    return next(r for r in network(params) if isinstance(r, Bucket))


def run_metadata(params: Params) -> dict[str, Any]:
    """What the evidence says of every run, whatever becomes of it: where, by whom, and from what."""
    return {
        "env": params.env,
        "account": params.account,
        "region": params.region,
        "operator": operator(),
        "source": read_source(checkout()),
        "parameters": params.model_dump(mode="json"),
    }


def pack_webapp(root: Path) -> Bundle:
    """``webapp/``, packed; with the commit that last touched it, since another one of the rest changes no bundle."""
    code = checkout()
    return build(code / "webapp", root / ".runbook" / "bundles", commit=find_last_commit(code, "webapp"))


def new_run(mode: str) -> str:
    """The id of a run, e.g. ``20261123T201500Z-apply-1a2b``: sorted by time, and never twice."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{mode}-{secrets.token_hex(2)}"
