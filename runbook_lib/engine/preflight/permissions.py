"""Whether the caller may make the calls of a plan, as IAM simulates it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...aws.permissions import Condition, Permission
from ...aws.snapshot import ApiObject, Snapshot
from .row import FAILED, NOT_ASKED, PASSED, Prerequisite

NAME = "permissions"
MAY_ONLY_LOOK = "may only look: who applies the plan is asked then"
_SHOWN = 6
"""Refused actions that a row names; more are counted."""
_GLOBAL = ("iam:", "route53:")
"""Services whose requests count as made in us-east-1.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html (aws:RequestedRegion)
"""
_Group = tuple[str, tuple[str, ...], tuple[Condition, ...]]


def check_permissions(
    snapshot: Snapshot, caller: str, permissions: Iterable[Permission], *, only_plans: bool
) -> Iterator[Prerequisite]:
    """Simulate the actions on their resources with the policies of the caller.

    The policies of a session, and those of a bucket or a key, are no part of the simulation.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html

    Args:
        caller: The ARN that STS shows.
        only_plans: Whether somebody else may apply the plan: a caller that may only look is then no failure.
    """
    source = find_source(snapshot, caller)
    if not source:
        why = f"IAM simulates users and roles, and the caller is {caller or 'not known'}"
        yield Prerequisite(NAME, NOT_ASKED, why)
        return
    groups: dict[_Group, set[str]] = {}
    for permission in permissions:
        for action in permission.actions:
            region = "us-east-1" if action.startswith(_GLOBAL) else snapshot.aws.region
            groups.setdefault((region, permission.on, permission.when), set()).add(action)
    refused: dict[str, str] = {}
    allowed: set[str] = set()
    for (region, on, when), actions in sorted(groups.items()):
        for action, resource, decision in _simulate(snapshot, source, sorted(actions), on, _context(region, when)):
            if decision == "allowed":
                allowed.add(action)
            else:
                refused.setdefault(action, f"{action} on {resource}{_reason(decision)}")
    if refused and only_plans and not allowed:
        yield Prerequisite(NAME, NOT_ASKED, f"{source} {MAY_ONLY_LOOK}")
        return
    if refused:
        texts = list(refused.values())
        more = f"; {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
        fix = "Ask for these permissions: `runbook permissions` prints the policy, docs/permissions.md explains it."
        yield Prerequisite(NAME, FAILED, f"{source} may not: {'; '.join(texts[:_SHOWN])}{more}", fix)
        return
    count = len({action for actions in groups.values() for action in actions})
    yield Prerequisite(NAME, PASSED, f"{source} may make the {count} kinds of calls of this plan")


def find_source(snapshot: Snapshot, caller: str) -> str:
    """The user or the role whose policies a caller has; empty for the root user and for a federated one.

    STS names an assumed role without its path, so IAM is asked for the role's own ARN.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
    """
    kind, _, name = caller.rpartition(":")[2].partition("/")
    if kind == "user" and caller.split(":")[2] == "iam":
        return caller
    if kind != "assumed-role":
        return ""
    response = snapshot.get("iam", "get_role", RoleName=name.partition("/")[0])
    return str(response["Role"]["Arn"]) if response else ""


def _simulate(
    snapshot: Snapshot, source: str, actions: list[str], on: tuple[str, ...], context: list[dict[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    """Yield each action with each resource and the decision."""
    results = snapshot.all(
        "iam", "simulate_principal_policy", "EvaluationResults",
        PolicySourceArn=source, ActionNames=actions, ResourceArns=list(on), ContextEntries=context,
    )  # fmt: skip
    for result in results:
        specific: list[ApiObject] = result.get("ResourceSpecificResults") or []
        for one in specific:
            yield result["EvalActionName"], one["EvalResourceName"], one["EvalResourceDecision"]
        if not specific:
            yield result["EvalActionName"], result["EvalResourceName"], result["EvalDecision"]


def _context(region: str, when: tuple[Condition, ...]) -> list[dict[str, Any]]:
    """The condition keys whose values are known before the call."""
    values = {"aws:RequestedRegion": region, "aws:SecureTransport": "true"} | {key: value for _, key, value in when}
    kinds = {"aws:SecureTransport": "boolean"}
    return [
        {"ContextKeyName": key, "ContextKeyType": kinds.get(key, "string"), "ContextKeyValues": [value]}
        for key, value in sorted(values.items())
    ]


def _reason(decision: str) -> str:
    return " (denied explicitly)" if decision == "explicitDeny" else ""
