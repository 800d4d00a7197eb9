"""Who may assume a role: its trust policy."""

from __future__ import annotations

import json
from typing import Any

from embedded_aws.account import backends
from embedded_aws.authorization.conditions import UnknownVariableError, hold, many, matches
from embedded_aws.authorization.policy import Question
from embedded_aws.authorization.principal import Principal

ASSUME = "sts:AssumeRole"
EC2 = "ec2.amazonaws.com"


def trusts_ec2(role: Any) -> bool:
    """Whether EC2 may hand out a role's credentials.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2.html
    """
    return _trusts(role, "Service", [EC2], {})


def reason_not_to_trust(question: Question, principal: Principal) -> str:
    """Return why a role may not assume another one by that one's trust policy; empty where it may.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html
    """
    if question.action != ASSUME:
        return ""
    role = next((one for one in backends.backend("iam").roles.values() if one.arn == question.resource), None)
    own, account = str(principal.context["aws:principalarn"]), backends.current_account()
    names = [account, f"arn:aws:iam::{account}:root", own, principal.arn]
    if role is not None and _trusts(role, "AWS", names, question.context):
        return ""
    return f"because no resource-based policy allows the {ASSUME} action"


def _trusts(role: Any, kind: str, names: list[str], context: Any) -> bool:
    statements = many(json.loads(role.assume_role_policy_document).get("Statement", []))

    def applies(statement: dict[str, Any], effect: str) -> bool:
        principal = statement.get("Principal", {})
        trusted = ["*"] if principal == "*" else many(principal.get(kind, []))
        try:
            return (
                statement["Effect"] == effect
                and any(matches(action, ASSUME, ignore_case=True) for action in many(statement.get("Action", [])))
                and any(one == "*" or one in names for one in trusted)
                and hold(statement.get("Condition", {}), context, unknown=effect == "Allow")
            )
        except UnknownVariableError:
            return False

    return any(applies(one, "Allow") for one in statements) and not any(applies(one, "Deny") for one in statements)
