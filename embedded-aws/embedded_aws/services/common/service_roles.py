"""Whether a service may assume a role: its trust policy names the service, and the conditions hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from embedded_aws.account import backends


def can_assume(role: str | None, service: str, source: str) -> bool:
    """Return whether a service may assume a role on behalf of one resource.

    The service sends the resource's ARN and account with its request, against the confused deputy.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html

    Args:
        role: The role's ARN.
        service: E.g. ``codedeploy.amazonaws.com``.
        source: The ARN of the resource.
    """
    iam = backends.backend("iam", account=backends.account_of(source))
    roles = {one.arn: one for one in iam.roles.values()}
    if role not in roles:
        return False
    context = {"aws:sourcearn": source, "aws:sourceaccount": source.split(":")[4]}
    statements = json.loads(roles[role].assume_role_policy_document)["Statement"]
    return any(_allows(statement, service, context) for statement in _list(statements))


def _allows(statement: Mapping[str, Any], service: str, context: Mapping[str, str]) -> bool:
    principal = statement.get("Principal", {})
    services = _list(principal.get("Service", [])) if isinstance(principal, Mapping) else [service]
    conditions = (
        _holds(operator, context.get(key.lower()), _list(values))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )
    return statement["Effect"] == "Allow" and service in services and all(conditions)


def _holds(operator: str, value: str | None, wanted: Iterable[str]) -> bool:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html."""
    if value is None:
        return False
    if operator == "StringEquals":
        return value in wanted
    return operator in ("ArnLike", "ArnEquals", "StringLike") and any(fnmatchcase(value, one) for one in wanted)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
