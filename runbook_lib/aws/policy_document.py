"""Compare IAM policy documents by what they mean, not by how they are written.

IAM, S3 and KMS give a policy back in another form than it was sent: a list of one comes back as
the value itself, other lists in another order (which differs by account), and an account's number
as the ARN of its root user or the other way round.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html (lists and single values)
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html (account principals)
https://github.com/hashicorp/terraform/issues/2432 (S3: the order differs by account)
https://github.com/aws-controllers-k8s/community/issues/2875 (IAM: trust policies)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

Document = Mapping[str, Any]

_LISTS = ("Action", "NotAction", "Resource", "NotResource")
_PRINCIPALS = ("Principal", "NotPrincipal")
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):root")


def normalize(document: Document | str) -> dict[str, Any]:
    """The document in a form that is equal exactly when two documents mean the same.

    Lists are sorted and hold every value once, a single value is a list of one, and the ARN of an
    account's root user is the account's number. Everything else stays as it is.

    Args:
        document: The policy as a dictionary or as JSON.
    """
    policy = json.loads(document or "{}") if isinstance(document, str) else document
    statements = [_normalize(statement) for statement in _each(policy.get("Statement", []))]
    return {**policy, "Statement": sorted(_unique(statements), key=_text)}


def is_same(one: Document | str, other: Document | str) -> bool:
    """Whether two policy documents mean the same."""
    return normalize(one) == normalize(other)


def _normalize(statement: Document) -> dict[str, Any]:
    normal = dict(statement)
    for name in _LISTS:
        if name in normal:
            normal[name] = _set(normal[name])
    for name in _PRINCIPALS:
        if isinstance(normal.get(name), Mapping):
            normal[name] = {kind: _set(map(_account, _each(who))) for kind, who in normal[name].items()}
    if isinstance(normal.get("Condition"), Mapping):
        normal["Condition"] = {
            operator: {key: _set(values) for key, values in keys.items()}
            for operator, keys in normal["Condition"].items()
        }
    return normal


def _account(principal: Any) -> Any:
    root = _ROOT.fullmatch(principal) if isinstance(principal, str) else None
    return root[1] if root else principal


def _each(value: Any) -> Iterable[Any]:
    return value if isinstance(value, (list, tuple, set, frozenset, map)) else [value]


def _set(value: Any) -> list[Any]:
    return sorted(_unique(_each(value)), key=_text)


def _unique(values: Iterable[Any]) -> Iterable[Any]:
    return {_text(value): value for value in values}.values()


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
