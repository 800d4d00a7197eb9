"""Find orphans: resources with this environment's tags that are in no stack.  They are reported.

An apply deletes only those that a resource reports as its own (``Observed.orphans``).
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from ..aws.snapshot import Snapshot, tags_of
from ..resources.base import tagged_resources


@dataclass(frozen=True)
class Orphan:
    """A resource with this environment's tags that is in no stack.

    Args:
        key: Its identity tag; empty when it has none.
    """

    key: str
    arn: str


def find_orphans(snapshot: Snapshot, known: Container[str]) -> list[Orphan]:
    """All resources with this environment's tags whose key is not *known*.

    AWS lists some resources for up to an hour after they are deleted, e.g. a NAT gateway.
    """
    return sorted((o for o in _tagged(snapshot) if o.key not in known), key=lambda o: (o.key, o.arn))


def _tagged(snapshot: Snapshot) -> Iterator[Orphan]:
    aws = snapshot.aws
    for mapping in tagged_resources(snapshot):
        yield Orphan(tags_of(mapping).get(aws.KEY, ""), mapping["ResourceARN"])
    # The tagging API never lists these two.
    # https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
    for group in snapshot.all("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"):
        if tags_of(group).get(aws.ENV) == aws.env:
            yield Orphan(tags_of(group).get(aws.KEY, ""), group["AutoScalingGroupARN"])
    for role in snapshot.all("iam", "list_roles", "Roles"):
        if role["RoleName"].startswith(f"{aws.env}-"):
            tags = snapshot.get("iam", "list_role_tags", missing="NoSuchEntity", RoleName=role["RoleName"]) or {}
            if tags_of(tags).get(aws.ENV) == aws.env:
                yield Orphan(tags_of(tags).get(aws.KEY, ""), role["Arn"])
