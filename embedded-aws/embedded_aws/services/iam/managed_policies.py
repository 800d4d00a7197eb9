"""AWS's own managed policies, read once: an account that is emptied has the same ones as before."""

from __future__ import annotations

from copy import copy
from typing import Any

from moto.iam.models import IAMBackend

from embedded_aws.patching import Method, patch

_as_published: list[Any] = []


@patch(IAMBackend, "_init_aws_policies")
def _init_aws_policies(moto: Method, iam: Any) -> list[Any]:
    """Each backend has its own, since it counts their attachments; their documents nobody can change."""
    if not _as_published:
        _as_published.extend(moto(iam))
    return [copy(policy) for policy in _as_published]
