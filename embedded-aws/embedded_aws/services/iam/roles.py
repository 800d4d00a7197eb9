"""IAM roles: validate policies, and keep them in AWS's form."""

from __future__ import annotations

import json
from typing import Any

from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.models import IAMBackend
from moto.iam.policy_validation import BaseIAMPolicyValidator, IAMTrustPolicyDocumentValidator

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.common.stored_policy import as_stored


@patch(BaseIAMPolicyValidator, "validate")
def validate(moto: Method, validator: Any) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html (MalformedPolicyDocument)."""
    try:
        json.loads(validator._policy_document)
    except ValueError:
        raise MalformedPolicyDocument("This policy contains invalid Json") from None
    moto(validator)


@patch(IAMBackend, "create_role")
def create_role(
    moto: Method, iam: Any, role_name: str, assume_role_policy_document: str, *args: Any, **params: Any
) -> Any:
    """Validate the trust policy at the creation, too; moto validates changes only.  A boundary has to exist.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html (MalformedPolicyDocument, NoSuchEntity)
    """
    _require_boundary(iam, params.get("permissions_boundary") or next(iter(args[1:2]), None))
    IAMTrustPolicyDocumentValidator(assume_role_policy_document).validate()
    return moto(iam, role_name, as_stored(assume_role_policy_document), *args, **params)


@patch(IAMBackend, "update_assume_role_policy")
def update_assume_role_policy(moto: Method, iam: Any, role_name: str, policy_document: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html."""
    moto(iam, role_name, policy_document)
    iam.get_role(role_name).assume_role_policy_document = as_stored(policy_document)


@patch(IAMBackend, "put_role_policy")
def put_role_policy(moto: Method, iam: Any, role_name: str, policy_name: str, policy_json: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html."""
    moto(iam, role_name, policy_name, policy_json)
    iam.get_role(role_name).policies[policy_name] = as_stored(policy_json)


@patch(IAMBackend, "put_role_permissions_boundary")
def put_role_permissions_boundary(moto: Method, iam: Any, role_name: str, permissions_boundary: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePermissionsBoundary.html (NoSuchEntity)."""
    _require_boundary(iam, permissions_boundary)
    moto(iam, role_name, permissions_boundary)


def _require_boundary(iam: Any, arn: str | None) -> None:
    """Require a policy that exists; AWS documents the code, and the words are not those about a role."""
    if arn and iam.policy_arn_regex.match(arn) and arn not in iam.managed_policies:
        raise ServiceError("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.")
