"""AWS's managed policies: loaded once per process, so that an emptied account has the same ones as before."""

from __future__ import annotations

from copy import copy
from typing import Any

from moto.iam.models import IAMBackend

from embedded_aws.patching import Method, patch

_loaded_policies: list[Any] = []


@patch(IAMBackend, "_init_aws_policies")
def _init_aws_policies(moto: Method, iam: Any) -> list[Any]:
    """Give each backend copies, since it counts their attachments; their documents cannot change."""
    if not _loaded_policies:
        _loaded_policies.extend(moto(iam))
    return [copy(policy) for policy in _loaded_policies]
