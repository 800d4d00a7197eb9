"""A gateway endpoint's route in one route table, created and deleted independently of the others."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_change, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .route_table import RouteTable
from .vpc_endpoint import VpcEndpoint


@kind
class VpcEndpointRoute(Resource):
    """AWS keeps the route while the endpoint lists the table."""

    endpoint: VpcEndpoint
    table: RouteTable

    immutable = frozenset({"endpoint", "table"})
    ready_fields = frozenset({"endpoint"})
    eventual_errors = frozenset({"InvalidVpcEndpointId.NotFound", "InvalidRouteTableId.NotFound"})

    needs = (
        to_look("ec2:DescribeVpcEndpoints"),
        to_change("ec2:ModifyVpcEndpoint", on=("ec2:route-table/*", "ec2:vpc-endpoint/*")),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Return the route when the endpoint lists the table."""
        vpc = ids.get(self.endpoint.vpc)
        for endpoint in snapshot.candidates("describe_vpc_endpoints", "VpcEndpoints", self.endpoint, vpc=vpc):
            endpoint_id = endpoint["VpcEndpointId"]
            if endpoint_id == ids.get(self.endpoint) and ids.get(self.table) in endpoint.get("RouteTableIds", []):
                return Observed(f"{endpoint_id} {ids[self.table]}", {"endpoint": endpoint_id, "table": ids[self.table]})
        return None

    def create(self, aws: Aws, ids: Ids) -> None:
        """Add the table to the endpoint."""
        aws.ec2.modify_vpc_endpoint(VpcEndpointId=ids[self.endpoint], AddRouteTableIds=[ids[self.table]])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Remove the table from the endpoint."""
        endpoint, table = observed.state["endpoint"], observed.state["table"]
        aws.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[table])
