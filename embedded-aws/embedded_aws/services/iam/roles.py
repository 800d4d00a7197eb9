"""IAM roles: trusted by a policy that IAM can read."""

from __future__ import annotations

from typing import Any

from moto.iam.models import IAMBackend
from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator

from embedded_aws.patching import Method, patch


@patch(IAMBackend, "create_role")
def create_role(
    moto: Method, iam: Any, role_name: str, assume_role_policy_document: str, *args: Any, **sent: Any
) -> Any:
    """A trust policy is checked at the creation, too, not only when it is changed.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html (MalformedPolicyDocument)
    """
    IAMTrustPolicyDocumentValidator(assume_role_policy_document).validate()
    return moto(iam, role_name, assume_role_policy_document, *args, **sent)
