"""IAM roles: validate policies, and keep them in AWS's form."""

from __future__ import annotations

import json
from typing import Any

from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.models import IAMBackend
from moto.iam.policy_validation import BaseIAMPolicyValidator, IAMTrustPolicyDocumentValidator

from embedded_aws.patching import Method, patch
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
    """Validate the trust policy at the creation, too; moto validates changes only.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html (MalformedPolicyDocument)
    """
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
