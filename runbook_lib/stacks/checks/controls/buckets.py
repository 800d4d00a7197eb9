"""S3.x: the environment's bucket.

https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any

from ....aws.snapshot import ApiObject
from ....resources.bucket import Bucket
from ..account import Account
from .outcome import Evaluation, Offence, Outcome, none
from .policies import Statement, as_list, statements_of

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_EVERYBODY = (
    "http://acs.amazonaws.com/groups/global/AllUsers", "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
)  # fmt: skip
_RISKY = (
    "s3:deletebucketpolicy", "s3:putbucketacl", "s3:putbucketpolicy", "s3:putencryptionconfiguration",
    "s3:putobjectacl",
)  # fmt: skip
"""What S3.6 lets no other account do, in small letters."""


class Store:
    """The bucket as S3 describes it."""

    def __init__(self, account: Account, name: str) -> None:
        self._snapshot, self.name, self.account = account.snapshot, name, account.snapshot.aws.account

    @property
    def unblocked(self) -> list[str]:
        """The kinds of public access that nothing blocks."""
        none_there = "NoSuchPublicAccessBlockConfiguration"
        answer = self._snapshot.get("s3", "get_public_access_block", missing=none_there, Bucket=self.name) or {}
        block = answer.get("PublicAccessBlockConfiguration") or {}
        return [name for name in _BLOCKS if not block.get(name)]

    @property
    def statements(self) -> list[dict[str, Any]]:
        """The statements of its policy."""
        answer = self._snapshot.get("s3", "get_bucket_policy", missing="NoSuchBucketPolicy", Bucket=self.name) or {}
        return statements_of(json.loads(answer.get("Policy") or "{}"))

    @property
    def grants(self) -> list[ApiObject]:
        """What its ACL grants to others than its owner."""
        answer = self._snapshot.get("s3", "get_bucket_acl", missing="NoSuchBucket", Bucket=self.name) or {}
        owner = (answer.get("Owner") or {}).get("ID")
        return [each for each in answer.get("Grants") or [] if each["Grantee"].get("ID") != owner]

    @property
    def logs_to(self) -> str:
        """The bucket that gets its access logs; empty for none."""
        answer = self._snapshot.get("s3", "get_bucket_logging", missing="NoSuchBucket", Bucket=self.name) or {}
        return str((answer.get("LoggingEnabled") or {}).get("TargetBucket") or "")

    @property
    def versioning(self) -> ApiObject:
        """Whether it keeps versions, and who may delete them."""
        return self._snapshot.get("s3", "get_bucket_versioning", missing="NoSuchBucket", Bucket=self.name) or {}

    @property
    def rules(self) -> list[ApiObject]:
        """The rules of its lifecycle that are enabled."""
        none_there = "NoSuchLifecycleConfiguration"
        answer = self._snapshot.get(
            "s3", "get_bucket_lifecycle_configuration", missing=none_there, Bucket=self.name) or {}  # fmt: skip
        return [rule for rule in answer.get("Rules") or [] if rule["Status"] == "Enabled"]


def _named(statement: Statement) -> list[str]:
    """The accounts, users and roles that a statement is about; all but a few are as good as anybody."""
    if "NotPrincipal" in statement:
        return ["*"]
    principal = statement.get("Principal")
    return [str(each) for each in as_list(principal.get("AWS") if isinstance(principal, dict) else principal)]


def _is_of(account: str, principal: str) -> bool:
    """Whether a principal is an account, or a user or role of it; an id says nothing about whose it is."""
    return principal == account or principal.split(":")[4:5] == [account]


def _allowed(statement: Statement, is_meant: Callable[[str], bool]) -> list[str]:
    """The patterns of the statement that stand for an action that is meant; IAM ignores their case.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """
    if "NotAction" in statement:
        return [f"everything but {', '.join(as_list(statement['NotAction']))}"]
    return [each for each in as_list(statement.get("Action")) if is_meant(each.lower())]


def _may_begin(pattern: str, verbs: Collection[str]) -> bool:
    """Whether an action that begins with one of the verbs may match the pattern."""
    literal = re.split(r"[*?]", pattern)[0]
    return any(literal.startswith(verb.lower()) or verb.lower().startswith(literal) for verb in verbs)


def _is_anybody(statement: Statement) -> bool:
    return statement.get("Effect") == "Allow" and "*" in _named(statement) and not statement.get("Condition")


def _public(store: Store, verbs: tuple[str, ...], grants: tuple[str, ...]) -> Iterator[str]:
    if "RestrictPublicBuckets" in store.unblocked:
        for statement in filter(_is_anybody, store.statements):
            if actions := _allowed(statement, partial(_may_begin, verbs=verbs)):
                yield f"lets anybody {', '.join(actions)}"
    if "IgnorePublicAcls" in store.unblocked:
        yield from (f"has an ACL that grants {grant['Permission']} to anybody" for grant in store.grants
                    if grant["Grantee"].get("URI") in _EVERYBODY and grant["Permission"] in grants)  # fmt: skip


def _tls(store: Store) -> Iterator[str]:
    needed = {f"arn:aws:s3:::{store.name}", f"arn:aws:s3:::{store.name}/*"}
    denied = any(
        each.get("Effect") == "Deny"
        and each.get("Principal") in ("*", {"AWS": "*"})
        and set(as_list(each.get("Action"))) & {"s3:*", "*"}
        and (needed <= set(as_list(each.get("Resource"))) or "*" in as_list(each.get("Resource")))
        and str(((each.get("Condition") or {}).get("Bool") or {}).get("aws:SecureTransport")).lower() == "false"
        for each in store.statements
    )
    if not denied:
        yield "has no policy that denies requests without TLS"


def _others(store: Store) -> Iterator[str]:
    for statement in store.statements:
        strangers = [each for each in _named(statement) if each and not _is_of(store.account, each)]
        actions = _allowed(statement, lambda pattern: bool(fnmatch.filter(_RISKY, pattern)))
        if statement.get("Effect") == "Allow" and strangers and actions:
            yield f"lets {', '.join(strangers)} {', '.join(sorted(actions))}"


def _blocks(store: Store) -> Iterator[str]:
    if off := store.unblocked:
        yield f"does not set {', '.join(off)}"


def _logging(store: Store) -> Iterator[str]:
    if not store.logs_to:
        yield "has no server access logs"


def _acl(store: Store) -> Iterator[str]:
    yield from (f"has an ACL that grants {grant['Permission']} to others" for grant in store.grants)


def _lifecycle(store: Store) -> Iterator[str]:
    if not store.rules:
        yield "has no lifecycle rule"


def _mfa(store: Store) -> Iterator[str]:
    if store.versioning.get("MFADelete") != "Enabled":
        yield "deletes versions without MFA"


def _bucket(account: Account, wrong: Any) -> Outcome:
    for own in account.environment.every(Bucket):
        if observed := account.observed(own):
            offences = [Offence(observed.id, why, own.key) for why in wrong(Store(account, observed.id))]
            return Outcome([observed.id], offences)
    return none("the environment has no bucket")


_READ, _WRITE = ("s3:Get", "s3:List"), ("s3:Put", "s3:Delete")
EVALUATIONS: dict[str, Evaluation] = {
    "S3.1": lambda _: none("a setting of the whole account; S3.8 looks at the environment's bucket"),
    "S3.2": lambda a: _bucket(a, lambda s: _public(s, _READ, ("READ", "FULL_CONTROL"))),
    "S3.3": lambda a: _bucket(a, lambda s: _public(s, _WRITE, ("WRITE", "FULL_CONTROL"))),
    "S3.5": lambda a: _bucket(a, _tls),
    "S3.6": lambda a: _bucket(a, _others),
    "S3.8": lambda a: _bucket(a, _blocks),
    "S3.9": lambda a: _bucket(a, _logging),
    "S3.12": lambda a: _bucket(a, _acl),
    "S3.13": lambda a: _bucket(a, _lifecycle),
    "S3.20": lambda a: _bucket(a, _mfa),
}
