"""IAM policies that are in use, or have more than one version, stay."""

from __future__ import annotations

from typing import Any

from moto.iam.models import IAMBackend

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError


@patch(IAMBackend, "delete_policy")
def delete_policy(moto: Method, iam: Any, arn: str) -> None:
    """Roles, users and groups have to be detached, and all versions but the default one deleted first.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html
    """
    policy = iam.get_policy(arn)
    if policy.attachment_count:
        raise ServiceError("DeleteConflict", "Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        first = "Before you delete a policy, you must delete the policy's versions."
        last = "The default version is deleted with the policy."
        raise ServiceError("DeleteConflict", f"This policy has more than one version. {first} {last}")
    moto(iam, arn)
