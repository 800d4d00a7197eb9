"""A cache subnet group."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .service_linked_role import ServiceLinkedRole
from .subnet import Subnet
from .tagging import Tagging

_ON = "elasticache:subnetgroup:{env}-{self.name}"


@kind
class CacheSubnetGroup(Resource):
    """The subnets for the nodes of a cache.

    ElastiCache needs its service-linked role to look at them; it is not a field of the group.
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html
    """

    subnets: tuple[Subnet, ...]
    description: str
    linked_role: ServiceLinkedRole

    # ElastiCache may not know the role or the subnets yet.
    # https://github.com/aws-controllers-k8s/community/issues/367
    eventual_errors = frozenset(
        {"ServiceLinkedRoleNotFoundFault", "InvalidSubnet", "InvalidParameterValue: input subnets"}
    )
    eventual_timeout = 300  # the role is a new one for minutes
    wait_timeout = 300

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Leave out the service-linked role, which is only a dependency."""
        return {name: value for name, value in super().desired(ids).items() if name != "linked_role"}

    needs = (
        to_look(
            "elasticache:DescribeCacheSubnetGroups", "elasticache:ListTagsForResource", on="elasticache:subnetgroup:*"
        ),
        to_apply(
            "elasticache:AddTagsToResource", "elasticache:CreateCacheSubnetGroup", "elasticache:ModifyCacheSubnetGroup",
            on=_ON,
        ),
        to_destroy("elasticache:DeleteCacheSubnetGroup", on=_ON),
    )  # fmt: skip

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the group up by its name, and its owner by its tags."""
        name = snapshot.aws.name(self)
        groups = snapshot.all("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups")
        group = {g["CacheSubnetGroupName"]: g for g in groups}.get(name)
        if group is None:
            return None
        gone = "CacheSubnetGroupNotFoundFault"
        tags = snapshot.get("elasticache", "list_tags_for_resource", missing=gone, ResourceName=group["ARN"])
        if not is_owned(snapshot, self, tags, "TagList"):
            return None
        state = {
            "subnets": frozenset(s["SubnetIdentifier"] for s in group["Subnets"]),
            "description": group["CacheSubnetGroupDescription"],
        }
        return Observed(name, state, tagging=Tagging.of("elasticache", group["ARN"], tags, "TagList"))

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the group with its subnets."""
        aws.elasticache.create_cache_subnet_group(
            CacheSubnetGroupName=aws.name(self),
            CacheSubnetGroupDescription=self.description,
            SubnetIds=self._subnet_ids(ids),
            Tags=aws.tags(self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Write description and subnets together: the call replaces both."""
        # The call replaces the whole list, so both fields go with it.
        aws.elasticache.modify_cache_subnet_group(
            CacheSubnetGroupName=observed.id,
            CacheSubnetGroupDescription=self.description,
            SubnetIds=self._subnet_ids(ids),
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the group; ElastiCache refuses while a cache uses it."""
        aws.elasticache.delete_cache_subnet_group(CacheSubnetGroupName=observed.id)

    def _subnet_ids(self, ids: Ids) -> list[str]:
        return [ids[subnet] for subnet in self.subnets]
