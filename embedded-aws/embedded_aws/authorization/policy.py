"""Hold policies against one action on one resource.

moto's own evaluator (moto/iam/access_control.py) takes a statement whose condition does not hold for a denial, knows
no condition of a call, and gets no resource from it; no maintained library on PyPI evaluates a request.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embedded_aws.authorization.conditions import Context, UnknownVariableError, fill, hold, many, matches

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """What IAM is asked.

    Attributes:
        resource: An ARN; `*` for an action that has none; None where it cannot be told, so that any resource of a
            statement that allows the action will do.
        context: Values of condition keys; the keys in lower case.
    """

    action: str
    resource: str | None
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Policies:
    """All policies that apply to a caller.

    Attributes:
        limits: Policies of which each must allow what the identity's policies allow, by what AWS calls their kind, such
            as `permissions boundary`.
    """

    identity: Sequence[Document]
    limits: Mapping[str, Document] = field(default_factory=dict)

    def reason_to_refuse(self, question: Question) -> str:
        """Return why a call is refused, in AWS's words; empty where it is allowed.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        """
        kinds: list[tuple[str, Sequence[Document]]] = [("identity-based policy", self.identity)]
        kinds += [(kind, [document]) for kind, document in self.limits.items()]
        for kind, documents in kinds:
            if _any_applies(documents, "Deny", question):
                return f"with an explicit deny in {'an' if kind[0] in 'aeiou' else 'a'} {kind}"
        for kind, documents in kinds:
            if not _any_applies(documents, "Allow", question):
                return f"because no {kind} allows the {question.action} action"
        return ""


def _any_applies(documents: Iterable[Document], effect: str, question: Question) -> bool:
    statements = (statement for document in documents for statement in many(document.get("Statement", [])))
    return any(_applies(one, question) for one in statements if one.get("Effect") == effect)


def _applies(statement: Mapping[str, Any], question: Question) -> bool:
    try:
        return (
            _covers_action(statement, question.action)
            and _covers_resource(statement, question)
            and hold(statement.get("Condition", {}), question.context, unknown=statement["Effect"] == "Allow")
        )
    except UnknownVariableError:
        return False


def _covers_action(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(matches(one, action, ignore_case=True) for one in many(statement["NotAction"]))
    return any(matches(one, action, ignore_case=True) for one in many(statement.get("Action", [])))


def _covers_resource(statement: Mapping[str, Any], question: Question) -> bool:
    name = "NotResource" if "NotResource" in statement else "Resource"
    patterns = [fill(one, question.context) for one in many(statement.get(name, []))]
    if question.resource is None:
        return statement["Effect"] == "Allow" or "*" in patterns
    return any(matches(one, question.resource) for one in patterns) != (name == "NotResource")
