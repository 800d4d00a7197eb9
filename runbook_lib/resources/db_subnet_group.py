"""A DB subnet group."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .service_linked_role import ServiceLinkedRole
from .subnet import Subnet
from .tagging import Tagging

_ON = "rds:subgrp:{env}-{self.name}"


@kind
class DbSubnetGroup(Resource):
    """The subnets for a database, in two zones at least.

    RDS needs its service-linked role to look at them; it is not a field of the group.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html
    """

    subnets: tuple[Subnet, ...]
    description: str
    linked_role: ServiceLinkedRole

    # RDS may not know the role, the subnets or their zones yet; other uses of the first code are mistakes.
    # https://github.com/terraform-aws-modules/terraform-aws-rds/issues/364 (the role)
    # https://github.com/brianz/serverless-design-patterns/issues/16 (the subnets)
    # https://github.com/hashicorp/terraform/issues/17257 (the zones)
    eventual_errors = frozenset(
        {
            "InvalidParameterValue: Missing necessary credentials",
            "InvalidParameterValue: input subnets",
            "InvalidSubnet",
            "DBSubnetGroupDoesNotCoverEnoughAZs",
        }
    )
    eventual_timeout = 300  # the role is a new one for minutes
    wait_timeout = 300

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Leave out the service-linked role, which is only a dependency."""
        return {name: value for name, value in super().desired(ids).items() if name != "linked_role"}

    needs = (
        to_look("rds:DescribeDBSubnetGroups", "rds:ListTagsForResource", on="rds:subgrp:*"),
        to_apply("rds:AddTagsToResource", "rds:CreateDBSubnetGroup", "rds:ModifyDBSubnetGroup", on=_ON),
        to_destroy("rds:DeleteDBSubnetGroup", on=_ON),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the group up by its name, and its owner by its tags."""
        name = snapshot.aws.name(self)
        groups = {g["DBSubnetGroupName"]: g for g in snapshot.all("rds", "describe_db_subnet_groups", "DBSubnetGroups")}
        group = groups.get(name)
        if group is None:
            return None
        gone = ("DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFound")
        tags = snapshot.get("rds", "list_tags_for_resource", missing=gone, ResourceName=group["DBSubnetGroupArn"])
        if not is_owned(snapshot, self, tags, "TagList"):
            return None
        state = {
            "subnets": frozenset(s["SubnetIdentifier"] for s in group["Subnets"]),
            "description": group["DBSubnetGroupDescription"],
        }
        tagging = Tagging.of("rds", group["DBSubnetGroupArn"], tags, "TagList")
        return Observed(name, state, status=group["SubnetGroupStatus"], tagging=tagging)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the group with its subnets."""
        aws.rds.create_db_subnet_group(
            DBSubnetGroupName=aws.name(self),
            DBSubnetGroupDescription=self.description,
            SubnetIds=self._subnet_ids(ids),
            Tags=aws.tags(self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Write description and subnets together: the call replaces both."""
        # The call replaces the whole list, so both fields go with it.
        aws.rds.modify_db_subnet_group(
            DBSubnetGroupName=observed.id, DBSubnetGroupDescription=self.description, SubnetIds=self._subnet_ids(ids)
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the group; RDS refuses while an instance uses it."""
        aws.rds.delete_db_subnet_group(DBSubnetGroupName=observed.id)

    def _subnet_ids(self, ids: Ids) -> list[str]:
        return [ids[subnet] for subnet in self.subnets]
