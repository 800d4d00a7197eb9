"""IAM's words for what does not exist, and its validation of ARNs."""

from __future__ import annotations

from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError


@patch(IAMBackend, "get_role")
def get_role(moto: Method, iam: Any, role_name: str) -> Any:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html (NoSuchEntity)."""
    try:
        return moto(iam, role_name)
    except NotFoundException:
        raise NotFoundException(f"The role with name {role_name} cannot be found.") from None


@patch(IAMBackend, "get_instance_profile")
def get_instance_profile(moto: Method, iam: Any, profile_name: str) -> Any:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetInstanceProfile.html (NoSuchEntity)."""
    try:
        return moto(iam, profile_name)
    except NotFoundException:
        raise NotFoundException(f"Instance Profile {profile_name} cannot be found.") from None


@patch(IAMBackend, "attach_role_policy")
def attach_role_policy(moto: Method, iam: Any, policy_arn: str, role_name: str) -> None:
    """Require an ARN.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html (InvalidInput, NoSuchEntity)
    """
    if policy_arn.count(":") < 5:
        raise ServiceError("ValidationError", "Invalid ARN:  Could not be parsed!")
    moto(iam, policy_arn, role_name)
