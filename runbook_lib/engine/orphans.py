"""What is tagged as ours and named by no stack: reported, never removed silently."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from ..aws.snapshot import Snapshot, tags_of


@dataclass(frozen=True)
class Orphan:
    """Something of ours that nothing asks for.

    Args:
        key: Which resource it says it is; empty when it does not say.
        arn: What it is.
    """

    key: str
    arn: str


def find_orphans(look: Snapshot, known: Container[str]) -> list[Orphan]:
    """Everything that carries this environment's tags, and a key that is not *known*.

    AWS goes on listing some things for an hour after they are deleted, a NAT gateway for one.
    """
    return sorted((s for s in _ours(look) if s.key not in known), key=lambda s: (s.key, s.arn))


def _ours(look: Snapshot) -> Iterator[Orphan]:
    aws = look.aws
    filters = [{"Key": aws.ENV, "Values": [aws.env]}, {"Key": aws.OWNER, "Values": ["runbook"]}]
    for found in look.all(
        "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", TagFilters=filters, ResourcesPerPage=100
    ):
        yield Orphan(tags_of(found).get(aws.KEY, ""), found["ResourceARN"])
    # The tagging API never lists these two.
    # https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
    for group in look.all("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"):
        if tags_of(group).get(aws.ENV) == aws.env:
            yield Orphan(tags_of(group).get(aws.KEY, ""), group["AutoScalingGroupARN"])
    for role in look.all("iam", "list_roles", "Roles"):
        if role["RoleName"].startswith(f"{aws.env}-"):
            tags = look.get("iam", "list_role_tags", missing="NoSuchEntity", RoleName=role["RoleName"]) or {}
            if tags_of(tags).get(aws.ENV) == aws.env:
                yield Orphan(tags_of(tags).get(aws.KEY, ""), role["Arn"])
