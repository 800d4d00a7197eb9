"""Permissions: the actions that the code needs, declared beside the calls, and the IAM policies made from them.

Where the service authorization reference knows no resource for an action, its resource is ``*``.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Level = Literal["look", "plan", "apply", "destroy"]
Condition = tuple[str, str, str]
"""An operator, a key and a value: ``("StringEquals", "aws:RequestedRegion", "us-west-2")``."""

MANAGED_POLICY_LIMIT = 6144
"""Characters of a managed policy, without white space.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""
_REGIONLESS = ("iam", "s3", "route53", "cloudtrail")
"""Services that ask in one region for all: ``aws:RequestedRegion`` must not limit their lists.

CloudTrail has the events of IAM in another region.
"""


@dataclass(frozen=True)
class Permission:
    """Actions that a verb needs, and on what.

    Args:
        levels: What it is needed for; every verb looks, and a plan writes nothing.
        actions: E.g. ``("ec2:CreateVpc",)``.
        on: Where: ``*``, an ARN, or short ``service:resource`` in the environment's region and account.  Placeholders
            are ``{env}``, ``{region}``, ``{account}``, ``{partition}``, ``{bucket}`` and, in the declaration of a kind,
            ``{self.…}``.
        when: Conditions.
        label: Separates actions from others of their service that need other resources of the same type.
    """

    levels: tuple[Level, ...]
    actions: tuple[str, ...]
    on: tuple[str, ...] = ("*",)
    when: tuple[Condition, ...] = ()
    label: str = ""

    def fill(self, place: Place, owner: object = None) -> Permission:
        """Return it with the placeholders filled."""
        on = tuple(place.arn(template.format(self=owner, **place.values)) for template in self.on)
        if self.on == ("*",) and not self.actions[0].startswith(tuple(f"{s}:" for s in _REGIONLESS)):
            return replace(self, when=(*self.when, ("StringEquals", "aws:RequestedRegion", place.region)))
        when = tuple((operator, key, value.format(self=owner, **place.values)) for operator, key, value in self.when)
        return replace(self, on=on, when=when)


def to_look(*actions: str, on: str | tuple[str, ...] = "*", label: str = "") -> Permission:
    """Declare what every verb reads."""
    return Permission(("look",), actions, _many(on), label=label)


def to_plan(*actions: str, on: str | tuple[str, ...] = "*", label: str = "") -> Permission:
    """Declare what a plan of creating and updating reads."""
    return Permission(("plan",), actions, _many(on), label=label)


def to_apply(
    *actions: str, on: str | tuple[str, ...] = "*", label: str = "", when: tuple[Condition, ...] = ()
) -> Permission:
    """Declare what creating and updating needs."""
    return Permission(("apply",), actions, _many(on), when, label)


def to_destroy(
    *actions: str, on: str | tuple[str, ...] = "*", label: str = "", when: tuple[Condition, ...] = ()
) -> Permission:
    """Declare what deleting needs."""
    return Permission(("destroy",), actions, _many(on), when, label)


def to_change(*actions: str, on: str | tuple[str, ...] = "*", label: str = "") -> Permission:
    """Declare what creating, updating and deleting needs."""
    return Permission(("apply", "destroy"), actions, _many(on), label=label)


def linked_role(service: str) -> Permission:
    """Declare that AWS makes the service-linked role of *service* with the first resource in an account.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
    """
    return to_apply("iam:CreateServiceLinkedRole", on=f"iam:role/aws-service-role/{service}.amazonaws.com/*")


LAUNCH = (
    "arn:{partition}:ec2:{region}::image/*", "ec2:instance/*", "ec2:network-interface/*", "ec2:security-group/*",
    "ec2:subnet/*", "ec2:volume/*",
)  # fmt: skip
"""What ``ec2:RunInstances`` is checked on: what is used, and what is created.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-runinstances
"""


@dataclass(frozen=True)
class Place:
    """Where an environment is: fills the placeholders of ARNs.

    Args:
        bucket: The name of the environment's bucket.
        partition: The parameters accept regions of ``aws`` only.
    """

    env: str
    region: str
    account: str
    bucket: str
    partition: str = "aws"

    @property
    def values(self) -> dict[str, str]:
        """The placeholders by name."""
        own = {"env": self.env, "region": self.region, "account": self.account, "bucket": self.bucket}
        return {**own, "partition": self.partition}

    def arn(self, short: str) -> str:
        """``rds:db:web`` as an ARN in this account and region; an ARN and ``*`` stay as they are.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
        """
        if short == "*" or short.startswith("arn:"):
            return short
        service, _, resource = short.partition(":")
        region = "" if service in _REGIONLESS else self.region
        account = "" if service in ("s3", "route53") else self.account
        return f"arn:{self.partition}:{service}:{region}:{account}:{resource}"


@dataclass(frozen=True)
class Statement:
    """One statement of a policy.

    Args:
        name: E.g. ``look-rds``; unique within a policy.
    """

    name: str
    actions: tuple[str, ...]
    on: tuple[str, ...]
    when: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    def document(self) -> dict[str, Any]:
        """The statement as IAM takes it."""
        sid = "".join(part.capitalize() for part in re.split(r"\W", self.name))
        one: dict[str, Any] = {"Sid": sid, "Effect": "Allow", "Action": list(self.actions), "Resource": list(self.on)}
        for operator, key, values in self.when:
            value = values[0] if len(values) == 1 else list(values)
            one.setdefault("Condition", {}).setdefault(operator, {})[key] = value
        return one


def join_statements(permissions: Iterable[Permission]) -> tuple[Statement, ...]:
    """Join permissions of one service into one statement, where they are for looking, or for changing, alike.

    A statement allows each of its actions on each of its resources.  That is no more than was
    declared: an action has no effect on another type of resource, and what needs other
    resources of the same type has a label.
    """
    groups: dict[str, list[Permission]] = {}
    for permission in permissions:
        groups.setdefault(_statement_name(permission), []).append(permission)
    return tuple(_join(name, group) for name, group in sorted(groups.items()))


def _statement_name(permission: Permission) -> str:
    prefix = "look" if {"look", "plan"} & set(permission.levels) else "change"
    label = permission.label or ("" if permission.on == ("*",) else permission.on[0].split(":")[2])
    everywhere = permission.on == ("*",) and not permission.when and not label
    return "-".join(filter(None, (prefix, "global" if everywhere else label)))


def _join(name: str, group: list[Permission]) -> Statement:
    conditions: dict[tuple[str, str], set[str]] = {}
    for operator, key, value in (condition for permission in group for condition in permission.when):
        conditions.setdefault((operator, key), set()).add(value)
    if any({(o, k) for o, k, _ in permission.when} != set(conditions) for permission in group):
        raise ValueError(f"{name}: permissions with different conditions need different labels")
    return Statement(
        name,
        tuple(sorted({action for permission in group for action in permission.actions})),
        tuple(sorted({arn for permission in group for arn in permission.on})),
        tuple((operator, key, tuple(sorted(values))) for (operator, key), values in sorted(conditions.items())),
    )


def policy(statements: Iterable[Statement]) -> dict[str, Any]:
    """The statements as a policy document."""
    return {"Version": "2012-10-17", "Statement": [statement.document() for statement in statements]}


def split_policy(document: Mapping[str, Any], limit: int = MANAGED_POLICY_LIMIT) -> list[dict[str, Any]]:
    """Split a policy into documents that each fit into a managed policy."""
    documents: list[dict[str, Any]] = []
    for statement in (part for whole in document["Statement"] for part in _halves(whole, limit)):
        last = documents[-1] if documents else None
        if last and policy_size(last | {"Statement": [*last["Statement"], statement]}) <= limit:
            last["Statement"].append(statement)
        else:
            documents.append({**document, "Statement": [statement]})
    return documents


def policy_size(document: Mapping[str, Any]) -> int:
    """The characters of a policy as IAM counts them: without white space."""
    return len(re.sub(r"\s", "", json.dumps(document)))


def _halves(statement: dict[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    """A statement that is too large alone, as several with fewer actions."""
    if policy_size({"Version": "2012-10-17", "Statement": [statement]}) <= limit:
        yield statement
        return
    actions = statement["Action"]
    for number, half in enumerate((actions[: len(actions) // 2], actions[len(actions) // 2 :]), 1):
        yield from _halves({**statement, "Sid": f"{statement['Sid']}{number}", "Action": half}, limit)


def _many(on: str | tuple[str, ...]) -> tuple[str, ...]:
    return (on,) if isinstance(on, str) else on
