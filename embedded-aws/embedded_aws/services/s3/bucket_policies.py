"""Bucket policies that require TLS: treat calls over this machine's loopback as secure.

A statement applies only when its condition holds. moto ignores conditions, so that "deny everything that is not over
TLS" would deny everything. Nothing leaves this machine, so a call to the embedded AWS counts as secure.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-HTTP-HTTPS
"""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from embedded_aws.patching import Method, patch


@patch(FakeBucket, "get_permission")
def get_permission(moto: Method, bucket: Any, action: str, resource: str) -> Any:
    """Evaluate the policy without the statements that apply to plain HTTP only."""
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(bucket.policy)
    statements = [statement for statement in policy["Statement"] if not _applies_to_http_only(statement)]
    if not statements:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps({**policy, "Statement": statements})).is_action_permitted(action, resource)


def _applies_to_http_only(statement: dict[str, Any]) -> bool:
    secure = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return str(secure).lower() == "false"
