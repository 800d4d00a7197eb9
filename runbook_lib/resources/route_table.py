"""A route table; its routes and associations are resources of their own."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .tagging import Tagging
from .vpc import Vpc


@kind
class RouteTable(Resource):
    """A route table; AWS adds the VPC's ``local`` route to a new one."""

    vpc: Vpc

    immutable = frozenset({"vpc"})
    eventual_errors = frozenset({"InvalidVpcID.NotFound"})

    needs = (
        to_look("ec2:DescribeRouteTables"),
        to_apply("ec2:CreateRouteTable", "ec2:CreateTags", on=("ec2:route-table/*", "ec2:vpc/*")),
        to_destroy("ec2:DeleteRouteTable", on="ec2:route-table/*"),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the table by its tags."""
        table = snapshot.find("describe_route_tables", "RouteTables", self)
        if table is None:
            return None
        tagging = Tagging.of("ec2", table["RouteTableId"], table)
        return Observed(table["RouteTableId"], {"vpc": table["VpcId"]}, tagging=tagging)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the table in its VPC; its routes are resources of their own."""
        aws.ec2.create_route_table(
            VpcId=ids[self.vpc],
            ClientToken=aws.token(self, ids[self.vpc]),
            TagSpecifications=aws.tag_spec("route-table", self),
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the table; AWS refuses while a subnet uses it."""
        aws.ec2.delete_route_table(RouteTableId=observed.id)
