"""A route of a route table."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .internet_gateway import InternetGateway
from .nat_gateway import NatGateway
from .route_table import EVERYWHERE, TARGETS, RouteTable


@kind
class Route(Resource):
    """Sends traffic for *destination* to a gateway, which has to be ready.

    A route whose gateway was deleted is a ``blackhole``.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
    """

    table: RouteTable
    via: InternetGateway | NatGateway
    destination: str = EVERYWHERE

    immutable = frozenset({"table", "destination"})
    ready_fields = frozenset({"via"})
    eventual_errors = frozenset(
        {"InvalidRouteTableID.NotFound", "InvalidGatewayID.NotFound", "InvalidNatGatewayID.NotFound"}
    )

    needs = (
        to_look("ec2:DescribeRouteTables"),
        to_apply("ec2:CreateRoute", "ec2:ReplaceRoute", on="ec2:route-table/*"),
        to_destroy("ec2:DeleteRoute", on="ec2:route-table/*"),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the route by its table and destination."""
        vpc = ids.get(self.table.vpc)
        for table in snapshot.candidates("describe_route_tables", "RouteTables", self.table, vpc=vpc):
            for route in table["Routes"] if table["RouteTableId"] == ids.get(self.table) else ():
                if route.get("DestinationCidrBlock") == self.destination:
                    return _observed(table["RouteTableId"], route)
        return None

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the route."""
        aws.ec2.create_route(**self._request(ids))

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Replace the target of the route."""
        aws.ec2.replace_route(**self._request(ids))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the route."""
        aws.ec2.delete_route(RouteTableId=observed.state["table"], DestinationCidrBlock=self.destination)

    def _request(self, ids: Ids) -> dict[str, Any]:
        field = "GatewayId" if isinstance(self.via, InternetGateway) else "NatGatewayId"
        return {"RouteTableId": ids[self.table], "DestinationCidrBlock": self.destination, field: ids[self.via]}


def _observed(table: str, route: dict[str, Any]) -> Observed:
    destination = route["DestinationCidrBlock"]
    via = next((route[field] for field in TARGETS if route.get(field)), None)
    state = {"table": table, "via": via, "destination": destination}
    status = route.get("State", "active")
    return Observed(f"{table} {destination}", state, ready=status == "active", status=status)
