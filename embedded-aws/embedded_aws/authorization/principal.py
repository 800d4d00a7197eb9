"""Whose credentials a call has: the operator's, which may do everything, or those of a role."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from moto.core.utils import utcnow

from embedded_aws.account import backends
from embedded_aws.authorization.conditions import Context
from embedded_aws.authorization.policy import Policies
from embedded_aws.authorization.sessions import PREFIX, sessions
from embedded_aws.settings import ACCOUNT, OTHER_ACCOUNTS, REGION

Environ = Mapping[str, Any]


class InvalidCredentialsError(Exception):
    """Credentials that are no longer, or were never, valid."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


EXPIRED = "The security token included in the request is expired"
INVALID = "The security token included in the request is invalid."


@dataclass(frozen=True)
class Principal:
    """A role's session that makes a call."""

    arn: str
    policies: Policies
    context: Context


def access_key_of(environ: Environ) -> str:
    """Return the access key that a call is signed with, in the header or in the query of a presigned URL."""
    header = str(environ.get("HTTP_AUTHORIZATION", ""))
    if "Credential=" in header:
        return header.partition("Credential=")[2].partition("/")[0]
    if header.startswith("AWS "):  # signature version 2
        return header.removeprefix("AWS ").partition(":")[0]
    return (_in_query(environ, "x-amz-credential") or _in_query(environ, "awsaccesskeyid")).partition("/")[0]


def account_of_caller(environ: Environ) -> str:
    """Return the account that a call is for: that of its credentials; our own for those that belong to none.

    The lock of the account must be held.
    """
    key = access_key_of(environ)
    if session := sessions.find(key):
        return backends.account_of(session.role_arn)
    if key.startswith(OTHER_ACCOUNTS):
        return key.removeprefix(OTHER_ACCOUNTS)
    assumed = (sts.get_assumed_role_from_access_key(key) for sts in backends.everywhere("sts"))
    return next((backends.account_of(one.role_arn) for one in assumed if one), ACCOUNT)


def is_of_role(environ: Environ) -> bool:
    """Whether a call has temporary credentials; only those can be a role's."""
    return access_key_of(environ).startswith("ASIA")


def principal_of(environ: Environ) -> Principal | None:
    """Return the role's session that a call has the credentials of; None for any other caller.

    The lock of the account must be held.

    Raises:
        InvalidCredentialsError: The credentials are unknown, have expired, or their role is gone.
    """
    key = access_key_of(environ)
    session = sessions.find(key)
    if session is None:
        if key.startswith(PREFIX):
            raise InvalidCredentialsError("InvalidClientTokenId", INVALID)
        return _assumed_role(key, _token_of(environ))
    if _token_of(environ) != session.token:
        raise InvalidCredentialsError("InvalidClientTokenId", INVALID)
    if session.has_expired:
        raise InvalidCredentialsError("ExpiredToken", EXPIRED)
    principal = principal_of_instance(session.name, session.role_arn, session.role_id)
    if principal is None:
        raise InvalidCredentialsError("InvalidClientTokenId", INVALID)
    return principal


def principal_of_instance(instance_id: str, role_arn: str, role_id: str) -> Principal | None:
    """Return the session of a role of an instance, or of a function by its name; None where the role is gone.

    The lock of the account must be held.
    """
    role = _role(role_arn)
    if role is None or role.id != role_id:
        return None
    name = role_arn.rpartition("/")[2]
    arn = f"arn:aws:sts::{backends.account_of(role_arn)}:assumed-role/{name}/{instance_id}"
    source = {"ec2:sourceinstancearn": f"arn:aws:ec2:{REGION}:{backends.account_of(role_arn)}:instance/{instance_id}"}
    return _principal(role, arn, f"{role_id}:{instance_id}", source if instance_id.startswith("i-") else {})


def _assumed_role(access_key: str, token: str) -> Principal | None:
    """Return a session of sts:AssumeRole, which moto keeps."""
    for sts in backends.existing("sts"):
        if assumed := sts.get_assumed_role_from_access_key(access_key):
            role = _role(assumed.role_arn)
            if role is None or token != assumed.session_token:
                raise InvalidCredentialsError("InvalidClientTokenId", INVALID)
            if assumed.expiration <= utcnow():
                raise InvalidCredentialsError("ExpiredToken", EXPIRED)
            return _principal(role, assumed.arn, assumed.user_id, {}, assumed.policy)
    return None


def _principal(role: Any, arn: str, user_id: str, context: Context, session_policy: str | None = None) -> Principal:
    account = backends.account_of(role.arn)
    iam = backends.backend("iam", account=account)
    documents = [json.loads(document) for document in role.policies.values()]
    documents += [_document(policy) for policy in role.managed_policies.values()]
    limits = {}
    if boundary := iam.managed_policies.get(role.permissions_boundary_arn):
        limits["permissions boundary"] = _document(boundary)
    if session_policy:
        limits["session policy"] = json.loads(session_policy)
    tags = {f"aws:principaltag/{tag['Key']}".lower(): str(tag["Value"]) for tag in role.tags}
    return Principal(
        arn,
        Policies(documents, limits),
        {
            **tags,
            **context,
            "aws:principalarn": role.arn,
            "aws:principalaccount": account,
            "aws:principaltype": "AssumedRole",
            "aws:userid": user_id,
        },
    )


def _document(policy: Any) -> Any:
    return json.loads(next(one.document for one in policy.versions if one.is_default))


def _role(arn: str) -> Any:
    iam = backends.backend("iam", account=backends.account_of(arn))
    return next((role for role in iam.roles.values() if role.arn == arn), None)


def _token_of(environ: Environ) -> str:
    return str(environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or _in_query(environ, "x-amz-security-token"))


def _in_query(environ: Environ, name: str) -> str:
    """Return a parameter of a presigned URL; version 2 and 4 of the signature write their names differently."""
    query = parse_qs(str(environ.get("QUERY_STRING", "")))
    return next((values[0] for key, values in query.items() if key.lower() == name), "")
