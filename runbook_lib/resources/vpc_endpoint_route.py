"""A route table that uses a gateway endpoint: it comes and goes without its neighbours."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .route_table import RouteTable
from .vpc_endpoint import VpcEndpoint


@kind
class VpcEndpointRoute(Resource):
    """AWS keeps a route to the endpoint in the table for as long as the endpoint names the table."""

    endpoint: VpcEndpoint
    table: RouteTable

    immutable = frozenset({"endpoint", "table"})
    ready_fields = frozenset({"endpoint"})
    eventual_errors = frozenset({"InvalidVpcEndpointId.NotFound", "InvalidRouteTableId.NotFound"})

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        for endpoint in snapshot.tagged_with_env("describe_vpc_endpoints", "VpcEndpoints"):
            found = endpoint["VpcEndpointId"]
            if found == ids.get(self.endpoint) and ids.get(self.table) in endpoint.get("RouteTableIds", []):
                return Observed(f"{found} {ids[self.table]}", {"endpoint": found, "table": ids[self.table]})
        return None

    def create(self, aws: Aws, ids: Ids) -> None:
        aws.ec2.modify_vpc_endpoint(VpcEndpointId=ids[self.endpoint], AddRouteTableIds=[ids[self.table]])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        endpoint, table = observed.state["endpoint"], observed.state["table"]
        aws.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[table])
