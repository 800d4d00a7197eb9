"""SimulatePrincipalPolicy: a user's or a role's policies, held against actions and resources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse

from embedded_aws.authorization.policy import Policies, Question
from embedded_aws.patching import add_method
from embedded_aws.service_error import ServiceError


@add_method(IamResponse)
def simulate_principal_policy(response: Any) -> ActionResult:
    """Evaluate each action on each resource; the source is a user or a role (InvalidInput, NoSuchEntity).

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    source = response._get_param("PolicySourceArn")
    policies = _policies_of(response.backend, source)
    context: dict[str, Any] = {"aws:principalarn": source}
    for entry in response._get_param("ContextEntries") or []:
        values = entry["ContextKeyValues"]
        context[entry["ContextKeyName"].lower()] = values if entry["ContextKeyType"].endswith("List") else values[0]
    results = [
        {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": _decide(policies, Question(action, resource, context)),
            "MatchedStatements": [],
            "MissingContextValues": [],
        }
        for action in response._get_param("ActionNames")
        for resource in response._get_param("ResourceArns") or ["*"]
    ]
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def _decide(policies: Policies, question: Question) -> str:
    reason = policies.reason_to_refuse(question)
    return "allowed" if not reason else "explicitDeny" if "explicit deny" in reason else "implicitDeny"


def _policies_of(iam: Any, arn: str) -> Policies:
    kind, _, name = arn.rpartition(":")[2].partition("/")
    name = name.rpartition("/")[2]
    if not arn.startswith("arn:aws:iam::") or kind not in ("user", "role"):
        raise ServiceError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    entity = iam.get_role(name) if kind == "role" else iam.get_user(name)
    if entity.arn != arn:
        raise ServiceError("NoSuchEntity", f"The {kind} with name {name} cannot be found.")
    owners = [entity] if kind == "role" else [entity, *iam.get_groups_for_user(name)]
    boundary = iam.managed_policies.get(getattr(entity, "permissions_boundary_arn", None))
    limits = {"permissions boundary": _default(boundary)} if boundary else {}
    return Policies([document for owner in owners for document in _documents(owner)], limits)


def _documents(owner: Any) -> Iterator[Any]:
    yield from (json.loads(document) for document in owner.policies.values())
    yield from (_default(policy) for policy in owner.managed_policies.values())


def _default(policy: Any) -> Any:
    return json.loads(next(one.document for one in policy.versions if one.is_default))
