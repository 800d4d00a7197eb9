"""Sessions of sts:AssumeRole: a day after its end, a session is forgotten with its access key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.sts.models import STSBackend

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch

KEPT = timedelta(days=1)
"""How long after its end: until then its credentials are refused as expired."""


@patch(STSBackend, "assume_role")
def forget_ended_sessions(moto: Method, sts: Any, *args: Any, **options: Any) -> Any:
    """Forget old sessions with each new one, so that the account does not grow for ever.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    limit, iam = utcnow() - KEPT, backends.backend("iam")
    for backend in backends.existing("sts"):
        for ended in [session for session in backend.assumed_roles if session.expiration <= limit]:
            backend.assumed_roles.remove(ended)
            iam.access_keys.pop(ended.access_key_id, None)
    return moto(sts, *args, **options)
