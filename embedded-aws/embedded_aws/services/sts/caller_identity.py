"""STS: name the role of an instance's credentials."""

from __future__ import annotations

from typing import Any

from moto.sts.models import STSBackend

from embedded_aws.account.backends import account_of
from embedded_aws.authorization.sessions import sessions
from embedded_aws.patching import Method, patch


@patch(STSBackend, "get_caller_identity")
def get_caller_identity(moto: Method, sts: Any, access_key_id: str, region: str) -> tuple[str, str, str]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html."""
    if session := sessions.find(access_key_id):
        return session.user_id, session.arn, account_of(session.role_arn)
    identity: tuple[str, str, str] = moto(sts, access_key_id, region)
    return identity
