"""Gateway endpoints: add and remove their routes when route tables are added to and removed from them."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.vpcs import VPCBackend

from embedded_aws.patching import Method, patch
from embedded_aws.services.ec2.requester_interfaces import synchronize


@patch(VPCBackend, "create_vpc_endpoint")
def create_vpc_endpoint(moto: Method, ec2: Any, **params: Any) -> Any:
    """Allow one gateway endpoint per service and route table; create a gateway endpoint by default.

    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html#gateway-endpoint-considerations-s3
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html (VpcEndpointType)
    """
    for table_id in params.get("route_table_ids") or []:
        _require_no_endpoint(ec2, params["service_name"], table_id)
    endpoint = moto(ec2, **{**params, "endpoint_type": params.get("endpoint_type") or "Gateway"})
    for interface_id in endpoint.network_interface_ids:  # with addresses outside the subnets
        ec2.enis.pop(interface_id, None)
    synchronize(ec2)
    return endpoint


@patch(VPCBackend, "modify_vpc_endpoint")
def modify_vpc_endpoint(moto: Method, ec2: Any, vpc_id: str, **changes: Any) -> None:
    """Add and remove the endpoint's routes; moto changes only the list of route tables.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html (AddRouteTableId.N)
    """
    (endpoint,) = ec2.describe_vpc_endpoints(vpc_end_point_ids=[vpc_id])
    added = [table_id for table_id in changes.get("add_route_tables") or [] if table_id not in endpoint.route_table_ids]
    for table_id in added:
        _require_no_endpoint(ec2, endpoint.service_name, table_id)
    moto(ec2, vpc_id=vpc_id, **changes)
    prefix_list = endpoint.destination_prefix_list_id
    for table_id in added:
        ec2.create_route(table_id, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix_list)
    for table_id in changes.get("remove_route_tables") or []:
        _remove_route(ec2, endpoint, table_id)


@patch(VPCBackend, "delete_vpc_endpoints")
def delete_vpc_endpoints(moto: Method, ec2: Any, vpce_ids: list[str] | None = None) -> None:
    """Delete an endpoint with its routes, even if a route table no longer exists.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcEndpoints.html
    """
    for endpoint in [ec2.vpc_end_points[name] for name in vpce_ids or [] if name in ec2.vpc_end_points]:
        for table_id in endpoint.route_table_ids:
            _remove_route(ec2, endpoint, table_id)
        endpoint.route_table_ids = []
        moto(ec2, [endpoint.id])
        del ec2.vpc_end_points[endpoint.id]


def _remove_route(ec2: Any, endpoint: Any, table_id: str) -> None:
    table = ec2.route_tables.get(table_id)
    for route in [route for route in table.routes if route.gateway_id == endpoint.id] if table else []:
        del table._routes[route.id]


def _require_no_endpoint(ec2: Any, service: str, table_id: str) -> None:
    for endpoint in ec2.vpc_end_points.values():
        if endpoint.service_name == service and table_id in endpoint.route_table_ids:
            prefix_list = endpoint.destination_prefix_list_id
            message = f"route table {table_id} already has a route with destination-prefix-list-id {prefix_list}"
            raise EC2ClientError("RouteAlreadyExists", message)
