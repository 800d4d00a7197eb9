"""A DB subnet group."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .subnet import Subnet


@kind
class DbSubnetGroup(Resource):
    """The subnets for a database, in two zones at least.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html
    """

    subnets: tuple[Subnet, ...]
    description: str

    eventual_errors = frozenset({"InvalidSubnet"})

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
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
        return Observed(name, state, status=group["SubnetGroupStatus"])

    def create(self, aws: Aws, ids: Ids) -> None:
        aws.rds.create_db_subnet_group(
            DBSubnetGroupName=aws.name(self),
            DBSubnetGroupDescription=self.description,
            SubnetIds=self._subnet_ids(ids),
            Tags=aws.tags(self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        # The call replaces the whole list, so both fields go with it.
        aws.rds.modify_db_subnet_group(
            DBSubnetGroupName=observed.id, DBSubnetGroupDescription=self.description, SubnetIds=self._subnet_ids(ids)
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        aws.rds.delete_db_subnet_group(DBSubnetGroupName=observed.id)

    def _subnet_ids(self, ids: Ids) -> list[str]:
        return [ids[subnet] for subnet in self.subnets]
