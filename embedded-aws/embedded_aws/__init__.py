"""The embedded AWS: one process of ours around moto that `endpoint: embedded` in a parameter file asks for."""

from __future__ import annotations

import os
from pathlib import Path

from runbook_lib.aws.connection import Connection
from runbook_lib.errors import WrongEndpoint

EMBEDDED = "embedded"
LOCAL_ENV = "local"


def connection(env: str, endpoint: str | None, root: Path) -> Connection | None:
    """Where an environment's calls go: None is the real AWS, otherwise the embedded one, started when it is not up.

    Args:
        env: The environment's name, as in params/<env>.yaml.
        endpoint: What that file says: nothing, or "embedded".
        root: The directory that keeps the emulator's state, in .runbook/local/.

    Raises:
        WrongEndpoint: `local` without the embedded endpoint, so that nothing reaches the real AWS
            by accident, or an endpoint that is not known.
        LocalError: The embedded AWS could not be started.
    """
    if endpoint is None:
        _refuse_local_on_real_aws(env)
        return None
    if endpoint != EMBEDDED:
        raise WrongEndpoint(
            f"params/{env}.yaml names the endpoint {endpoint!r}, which is not known",
            fix=f"write `endpoint: {EMBEDDED}` for the embedded AWS, or leave `endpoint` out for the real one",
        )
    from embedded_aws.client.process import ensure  # what starts processes is loaded only where it is needed

    return ensure(root).connection


def usable(endpoint: str | None) -> None:
    """Stop at what is wrong with the environment that the embedded AWS would be started from.

    Raises:
        WrongUsage: It asks for a pace that is none.
    """
    if endpoint is not None:
        from embedded_aws import pace

        pace.asked(os.environ)


def _refuse_local_on_real_aws(env: str) -> None:
    if env == LOCAL_ENV:
        raise WrongEndpoint(
            "the environment 'local' names no endpoint: its calls would go to the real AWS",
            fix=f"write `endpoint: {EMBEDDED}` in params/local.yaml",
        )
