"""Gateway endpoints: their routes follow the route tables that they are given and lose."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.vpcs import VPCBackend

from embedded_aws.patching import Method, patch


@patch(VPCBackend, "create_vpc_endpoint")
def create_vpc_endpoint(moto: Method, ec2: Any, **sent: Any) -> Any:
    """One gateway endpoint of a service per route table; and an endpoint is a gateway unless it is asked to be another.

    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html#gateway-endpoint-considerations-s3
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html (VpcEndpointType)
    """
    for table_id in sent.get("route_table_ids") or []:
        _refuse_second(ec2, sent["service_name"], table_id)
    return moto(ec2, **{**sent, "endpoint_type": sent.get("endpoint_type") or "Gateway"})


@patch(VPCBackend, "modify_vpc_endpoint")
def modify_vpc_endpoint(moto: Method, ec2: Any, vpc_id: str, **changes: Any) -> None:
    """moto changes the list of route tables, but no route.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html (AddRouteTableId.N)
    """
    (endpoint,) = ec2.describe_vpc_endpoints(vpc_end_point_ids=[vpc_id])
    added = [table_id for table_id in changes.get("add_route_tables") or [] if table_id not in endpoint.route_table_ids]
    for table_id in added:
        _refuse_second(ec2, endpoint.service_name, table_id)
    moto(ec2, vpc_id=vpc_id, **changes)
    prefix_list = endpoint.destination_prefix_list_id
    for table_id in added:
        ec2.create_route(table_id, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix_list)
    for table_id in changes.get("remove_route_tables") or []:
        _remove_route(ec2, endpoint, table_id)


@patch(VPCBackend, "delete_vpc_endpoints")
def delete_vpc_endpoints(moto: Method, ec2: Any, vpce_ids: list[str] | None = None) -> None:
    """A route table that is gone does not stop the deletion, and a deleted endpoint is gone.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcEndpoints.html
    """
    for endpoint in [ec2.vpc_end_points[found] for found in vpce_ids or [] if found in ec2.vpc_end_points]:
        for table_id in endpoint.route_table_ids:
            _remove_route(ec2, endpoint, table_id)
        endpoint.route_table_ids = []
        moto(ec2, [endpoint.id])
        del ec2.vpc_end_points[endpoint.id]


def _remove_route(ec2: Any, endpoint: Any, table_id: str) -> None:
    table = ec2.route_tables.get(table_id)
    for route in [route for route in table.routes if route.gateway_id == endpoint.id] if table else []:
        del table._routes[route.id]


def _refuse_second(ec2: Any, service: str, table_id: str) -> None:
    for endpoint in ec2.vpc_end_points.values():
        if endpoint.service_name == service and table_id in endpoint.route_table_ids:
            prefix_list = endpoint.destination_prefix_list_id
            why = f"route table {table_id} already has a route with destination-prefix-list-id {prefix_list}"
            raise EC2ClientError("RouteAlreadyExists", why)
