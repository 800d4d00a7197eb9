"""A route table; its routes and associations are resources of their own."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, kind
from .tagging import Tagging
from .vpc import Vpc


@kind
class RouteTable(Resource):
    """A route table; AWS adds the VPC's ``local`` route to a new one.

    A route that leads past those of the stack does not stay: ``other_routes`` in its state.  The one to everywhere is
    a resource of its own, or an orphan of earlier parameters.
    """

    vpc: Vpc

    immutable = frozenset({"vpc"})
    eventual_errors = frozenset({"InvalidVpcID.NotFound"})

    needs = (
        to_look("ec2:DescribeRouteTables"),
        to_apply("ec2:CreateRouteTable", "ec2:CreateTags", on=("ec2:route-table/*", "ec2:vpc/*")),
        to_apply("ec2:DeleteRoute", on="ec2:route-table/*"),
        to_destroy("ec2:DeleteRouteTable", on="ec2:route-table/*"),
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect no route but those of the stack."""
        return {**super().desired(ids), "other_routes": frozenset()}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the table by its tags, with the routes that are not ours."""
        table = snapshot.find("describe_route_tables", "RouteTables", self, vpc=ids.get(self.vpc))
        if table is None:
            return None
        tagging = Tagging.of("ec2", table["RouteTableId"], table)
        strangers = [route for route in table["Routes"] if _is_strange(route)]
        state = {"vpc": table["VpcId"], "other_routes": frozenset(map(_describe, strangers))}
        return Observed(table["RouteTableId"], state, detail={"_strangers": strangers}, tagging=tagging)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the table in its VPC; its routes are resources of their own."""
        aws.ec2.create_route_table(
            VpcId=ids[self.vpc],
            ClientToken=aws.token(self, ids[self.vpc]),
            TagSpecifications=aws.tag_spec("route-table", self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Delete the routes that are not ours."""
        for route in observed.detail["_strangers"]:
            where = {field: route[field] for field in _DESTINATIONS if route.get(field)}
            aws.ec2.delete_route(RouteTableId=observed.id, **where)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the table; AWS refuses while a subnet uses it."""
        aws.ec2.delete_route_table(RouteTableId=observed.id)


EVERYWHERE = "0.0.0.0/0"
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
TARGETS = (
    "GatewayId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "NetworkInterfaceId", "InstanceId",
    "EgressOnlyInternetGatewayId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn",
)  # fmt: skip
"""The fields of a route of which one says where it leads.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
"""


def _describe(route: ApiObject) -> str:
    """A route as a plan shows it: ``10.9.0.0/16 by pcx-…``."""
    destination, target = (
        next((route[field] for field in fields if route.get(field)), "?") for fields in (_DESTINATIONS, TARGETS)
    )
    return f"{destination} by {target}"


def _is_strange(route: ApiObject) -> bool:
    """Whether somebody made a route; AWS makes the local one, those of endpoints, and propagated ones."""
    made = route.get("Origin") == "CreateRoute" and route.get("DestinationCidrBlock") != EVERYWHERE
    return made and not route.get("GatewayId", "").startswith("vpce-")
