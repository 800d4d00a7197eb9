"""A bucket policy that demands TLS lets in who comes over this machine's own loopback.

A statement applies only when its condition holds; moto leaves conditions unread, so that
"deny everything that is not over TLS" denies everything.  Nothing leaves this machine, so a
call to the embedded AWS counts as secure, as the same call to AWS, which is over TLS, would.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-HTTP-HTTPS
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from embedded_aws.patching import patch


@patch(FakeBucket, "get_permission")
def _with_conditions(original: Callable[..., Any], bucket: Any, action: str, resource: str) -> Any:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(bucket.policy)
    applying = [statement for statement in policy["Statement"] if not _demands_plain_http(statement)]
    if not applying:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps({**policy, "Statement": applying})).is_action_permitted(action, resource)


def _demands_plain_http(statement: dict[str, Any]) -> bool:
    secure = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return str(secure).lower() == "false"
