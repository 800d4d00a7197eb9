"""IAM.x and KMS.x: what the policies of the environment's roles allow.

The controls are about customer managed policies, KMS.2 about inline ones.  The stacks write inline policies, so IAM.1
and IAM.21 look at these, too.
https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from ....resources.federated_role import FederatedRole
from ....resources.role import Role
from ....resources.role_details import attached_policies, inline_policies, inline_policy
from ..account import Account
from .outcome import Evaluation, Offence, Outcome, none

Statement = dict[str, Any]
_DECRYPTS = ("kms:Decrypt", "kms:ReEncryptFrom")


def as_list(value: Any) -> list[Any]:
    """A value of a policy, which may be one or a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def statements_of(document: Any) -> list[Statement]:
    """The statements of a policy document; IAM encodes it in URLs."""
    if isinstance(document, str):
        document = json.loads(unquote(document))
    return as_list(document.get("Statement"))


def _roles(account: Account) -> Iterator[tuple[str, str]]:
    """Name and key of each role that exists."""
    for role in (*account.environment.every(Role), *account.environment.every(FederatedRole)):
        if account.observed(role):
            yield account.snapshot.aws.name(role), role.key


def _inline(account: Account) -> Iterator[tuple[str, str, list[Statement]]]:
    for name, key in _roles(account):
        for policy in inline_policies(account.snapshot, name):
            document = inline_policy(account.snapshot, name, policy)
            if document is not None:
                yield f"{name}/{policy}", key, statements_of(document)


def _attached(account: Account) -> Iterator[tuple[str, str, list[Statement]]]:
    """Customer managed policies: of those, the account's number is in the ARN."""
    for name, key in _roles(account):
        for arn in attached_policies(account.snapshot, name):
            if arn.startswith("arn:aws:iam::aws:"):
                continue
            policy = account.snapshot.get("iam", "get_policy", missing="NoSuchEntity", PolicyArn=arn)
            version = policy["Policy"]["DefaultVersionId"] if policy else ""
            request = {"PolicyArn": arn, "VersionId": version}
            answer = account.snapshot.get("iam", "get_policy_version", missing="NoSuchEntity", **request)
            if answer:
                yield arn, key, statements_of(answer["PolicyVersion"]["Document"])


def _allows_everything(statement: Statement) -> str:
    full = "*" in as_list(statement.get("Action")) and "*" in as_list(statement.get("Resource"))
    return "allows * on *" if full else ""


def _wildcard(statement: Statement) -> str:
    actions = [each for each in as_list(statement.get("Action")) if each == "*" or str(each).endswith(":*")]
    return f"allows {', '.join(actions)}" if actions else ""


def _decrypts(statement: Statement) -> str:
    wanted = [a for a in _DECRYPTS if any(fnmatch.fnmatch(a.lower(), str(each).lower())
                                          for each in as_list(statement.get("Action")))]  # fmt: skip
    everywhere = any(each == "*" or (str(each).endswith((":key/*", ":*")) and ":kms:" in str(each))
                     for each in as_list(statement.get("Resource")))  # fmt: skip
    return f"allows {', '.join(wanted)} with every key" if wanted and everywhere else ""


_Source = Callable[[Account], Iterator[tuple[str, str, list[Statement]]]]


def _each(account: Account, sources: tuple[_Source, ...], wrong: Callable[[Statement], str], absent: str) -> Outcome:
    looked_at, offences = list[str](), list[Offence]()
    for name, key, statements in (one for source in sources for one in source(account)):
        looked_at.append(name)
        allowing = (each for each in statements if each.get("Effect") == "Allow")
        offences += [Offence(name, why, key) for each in allowing if (why := wrong(each))]
    return Outcome(looked_at, offences) if looked_at else none(absent)


_NO_ROLE = "the environment has no role with a policy"
_NO_MANAGED = "no role of the environment has a customer managed policy"
EVALUATIONS: dict[str, Evaluation] = {
    "IAM.1": lambda a: _each(a, (_inline, _attached), _allows_everything, _NO_ROLE),
    "IAM.21": lambda a: _each(a, (_inline, _attached), _wildcard, _NO_ROLE),
    "KMS.1": lambda a: _each(a, (_attached,), _decrypts, _NO_MANAGED),
    "KMS.2": lambda a: _each(a, (_inline,), _decrypts, _NO_ROLE),
}
