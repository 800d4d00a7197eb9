"""Validate network requests: CIDR blocks, zones, gateways, routes and associations."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

from moto.ec2.responses.internet_gateways import InternetGateways
from moto.ec2.responses.nat_gateways import NatGateways
from moto.ec2.responses.route_tables import RouteTables
from moto.ec2.responses.subnets import Subnets
from moto.ec2.responses.vpcs import VPCs

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# "a subnet ... The allowed block size is between a /28 netmask and /16 netmask":
# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
LONGEST_PREFIX = 28
GATEWAY_SERVICES = ("s3", "dynamodb")
VPC_ATTRIBUTES = ("enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics")
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html
ROUTE_TARGETS = (
    *("GatewayId", "NatGatewayId", "InstanceId", "NetworkInterfaceId", "VpcPeeringConnectionId", "TransitGatewayId"),
    *("EgressOnlyInternetGatewayId", "LocalGatewayId", "CarrierGatewayId", "VpcEndpointId", "CoreNetworkArn"),
    *("OdbNetworkArn",),
)
INVALID = "InvalidParameterValue"


def _parse_network(cidr: Any) -> IPv4Network | None:
    try:
        return IPv4Network(str(cidr), strict=False)
    except ValueError:
        return None


def _normalize_cidr(response: Any, field: str) -> IPv4Network | None:
    """Normalize a CIDR block of the request; reject an address without a prefix, and leave other errors to moto.

    "if you specify 100.68.0.18/18, we modify it to 100.68.0.0/18":
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html (CidrBlock)
    """
    value = response._get_param(field)
    if value and "/" not in value:
        problem = f"Value ({value}) for parameter {field[0].lower()}{field[1:]} is invalid."
        raise ServiceError(INVALID, f"{problem} This is not a valid CIDR block.")
    network = _parse_network(value)
    if network:
        response.params[field] = str(network)
    return network


@patch(VPCs, "create_vpc")
def create_vpc(moto: Method, response: Any) -> Any:
    """Require a CIDR block and store it in canonical form.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
    """
    if not response._get_param("CidrBlock") and not response._get_param("Ipv4IpamPoolId"):
        raise ServiceError("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    _normalize_cidr(response, "CidrBlock")
    return moto(response)


@patch(VPCs, "modify_vpc_attribute")
def modify_vpc_attribute(moto: Method, response: Any) -> Any:
    """ "You cannot modify the DNS resolution and DNS hostnames attributes in the same request".

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcAttribute.html
    The message: https://github.com/aws/aws-sdk-go/issues/415
    """
    names = [name for name in VPC_ATTRIBUTES if response._get_param(name[0].upper() + name[1:]) is not None]
    if len(names) > 1:
        message = f"Fields for multiple attribute types specified: {', '.join(names)}"
        raise ServiceError("InvalidParameterCombination", message)
    return moto(response)


@patch(Subnets, "create_subnet")
def create_subnet(moto: Method, response: Any) -> Any:
    """Require at least 16 addresses and a zone of the region.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html
    """
    ec2 = response.ec2_backend
    ec2.get_vpc(response._get_param("VpcId"))
    zones = ec2.describe_availability_zones()
    for field, known in (
        ("AvailabilityZone", [zone.name for zone in zones]),
        ("AvailabilityZoneId", [zone.zone_id for zone in zones]),
    ):
        value = response._get_param(field)
        if value and value not in known:
            advice = f"Subnets can currently only be created in the following availability zones: {', '.join(known)}."
            name = field[0].lower() + field[1:]
            raise ServiceError(INVALID, f"Value ({value}) for parameter {name} is invalid. {advice}")
    network = _normalize_cidr(response, "CidrBlock")
    if network and network.prefixlen > LONGEST_PREFIX:
        raise ServiceError("InvalidSubnet.Range", f"The CIDR '{network}' is invalid.")
    return moto(response)


@patch(InternetGateways, "attach_internet_gateway")
def attach_internet_gateway(moto: Method, response: Any) -> Any:
    """Allow one internet gateway per VPC and one VPC per gateway.

    https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
    """
    ec2, vpc_id = response.ec2_backend, response._get_param("VpcId")
    gateway = ec2.get_internet_gateway(response._get_param("InternetGatewayId"))
    if gateway.vpc:
        message = f"resource {gateway.id} is already attached to network {gateway.vpc.id}"
        raise ServiceError("Resource.AlreadyAssociated", message)
    if any(other.vpc and other.vpc.id == vpc_id for other in ec2.internet_gateways.values()):
        raise ServiceError(INVALID, f"Network {vpc_id} already has an internet gateway attached")
    return moto(response)


@patch(InternetGateways, "detach_internet_gateway")
def detach_internet_gateway(moto: Method, response: Any) -> Any:
    """Reject the detachment from a VPC to which the gateway is not attached.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (Gateway.NotAttached)
    """
    gateway = response.ec2_backend.get_internet_gateway(response._get_param("InternetGatewayId"))
    vpc_id = response._get_param("VpcId")
    if not gateway.vpc or gateway.vpc.id != vpc_id:
        raise ServiceError("Gateway.NotAttached", f"resource {gateway.id} is not attached to network {vpc_id}")
    return moto(response)


@patch(NatGateways, "create_nat_gateway")
def create_nat_gateway(moto: Method, response: Any) -> Any:
    """Require an unassociated Elastic IP address for a public gateway, and none for a private one.

    This is checked first, because moto leaves an interface behind when it fails later.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html (AllocationId)
    """
    ec2, allocation_id = response.ec2_backend, response._get_param("AllocationId")
    ec2.get_subnet(response._get_param("SubnetId"))
    private = response._get_param("ConnectivityType") == "private"
    if private and allocation_id:
        message = "AllocationId cannot be specified for a NAT gateway whose connectivity type is private."
        raise ServiceError("InvalidParameterCombination", message)
    if not private and not allocation_id:
        raise ServiceError("MissingParameter", "The request must contain the parameter AllocationId")
    if allocation_id:
        (address,) = ec2.address_by_allocation([allocation_id])
        if address.association_id:
            raise ServiceError(
                "Resource.AlreadyAssociated", f"Elastic IP address {allocation_id} is already associated"
            )
    return moto(response)


@patch(RouteTables, "associate_route_table")
def associate_route_table(moto: Method, response: Any) -> Any:
    """Allow one route table per subnet; accept a repeated request for the same association.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (Resource.AlreadyAssociated)
    """
    ec2, subnet_id = response.ec2_backend, response._get_param("SubnetId")
    table = ec2.get_route_table(response._get_param("RouteTableId"))
    if subnet_id:
        if ec2.get_subnet(subnet_id).vpc_id != table.vpc_id:
            raise ServiceError(INVALID, f"Route table {table.id} and subnet {subnet_id} belong to different networks")
        if any(subnet_id in other._associations.values() for other in ec2.route_tables.values() if other is not table):
            message = f"the specified association for route table {table.id} conflicts with an existing association"
            raise ServiceError("Resource.AlreadyAssociated", message)
    return moto(response)


@patch(RouteTables, "create_route")
def create_route(moto: Method, response: Any) -> Any:
    """Require a target that exists in the same VPC, and for gateways a destination outside of the VPC.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html
    """
    table = response.ec2_backend.get_route_table(response._get_param("RouteTableId"))
    network = _normalize_cidr(response, "DestinationCidrBlock")
    if not any(response._get_param(target) for target in ROUTE_TARGETS):
        raise ServiceError("MissingParameter", "The request must contain the target of the route")
    _validate_target(response, table)
    if network and (response._get_param("GatewayId") or response._get_param("NatGatewayId")):
        _validate_destination(response, table, network)
    return moto(response)


@patch(RouteTables, "replace_route")
def replace_route(moto: Method, response: Any) -> Any:
    """Validate the new target as create_route does.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRoute.html
    """
    table = response.ec2_backend.get_route_table(response._get_param("RouteTableId"))
    _normalize_cidr(response, "DestinationCidrBlock")
    _validate_target(response, table)
    return moto(response)


def _validate_target(response: Any, table: Any) -> None:
    """Error codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html."""
    ec2, nat_id = response.ec2_backend, response._get_param("NatGatewayId")
    gateway_id = response._get_param("GatewayId") or ""
    if gateway_id.startswith("igw-"):
        gateway = ec2.internet_gateways.get(gateway_id)
        if not gateway:
            raise ServiceError("InvalidGatewayID.NotFound", f"The gateway ID '{gateway_id}' does not exist")
        if not gateway.vpc or gateway.vpc.id != table.vpc_id:
            message = f"route table {table.id} and network gateway {gateway_id} belong to different networks"
            raise ServiceError(INVALID, message)
    if nat_id:
        nat = ec2.nat_gateways.get(nat_id)
        if not nat or nat.state == "deleted":
            raise ServiceError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat_id}' does not exist")
        if nat.vpc_id != table.vpc_id:
            raise ServiceError(
                INVALID, f"route table {table.id} and network gateway {nat_id} belong to different networks"
            )


def _validate_destination(response: Any, table: Any, network: IPv4Network) -> None:
    """https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html."""
    if any(network.subnet_of(vpc_network) for vpc_network in _vpc_networks(response.ec2_backend.get_vpc(table.vpc_id))):
        message = (
            f"The destination CIDR block {network} is equal to or more specific than one of this VPC's CIDR blocks."
        )
        raise ServiceError(INVALID, f"{message} This route can target only an interface or an instance.")


def _vpc_networks(vpc: Any) -> Iterator[IPv4Network]:
    for association in vpc.get_cidr_block_association_set():
        yield IPv4Network(association["cidr_block"], strict=False)


@patch(RouteTables, "delete_route")
def delete_route(moto: Method, response: Any) -> Any:
    """Reject the deletion of the local route and of routes that do not exist.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidRoute.NotFound)
    """
    network = _normalize_cidr(response, "DestinationCidrBlock")
    table = response.ec2_backend.get_route_table(response._get_param("RouteTableId"))
    routes = [route for route in table.routes if network and str(network) == route.destination_cidr_block]
    if any(route.local for route in routes):
        raise ServiceError(INVALID, f"cannot remove local route {network} in route table {table.id}")
    if network and not routes:
        raise ServiceError(
            "InvalidRoute.NotFound", f"no route with destination-cidr-block {network} in route table {table.id}"
        )
    return moto(response)


@patch(VPCs, "create_vpc_endpoint")
def create_vpc_endpoint(moto: Method, response: Any) -> Any:
    """Require a service of the region and an existing VPC; allow gateway endpoints for S3 and DynamoDB only.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidServiceName)
    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
    """
    ec2, service = response.ec2_backend, response._get_param("ServiceName") or ""
    vpc_id = response._get_param("VpcId")
    if vpc_id not in ec2.vpcs:
        raise ServiceError("InvalidVpcId.NotFound", f"The Vpc Id {vpc_id} does not exist")
    endpoint_type = response._get_param("VpcEndpointType") or "Gateway"
    gateway_services = [f"com.amazonaws.{ec2.region_name}.{name}" for name in GATEWAY_SERVICES]
    other_region = service.startswith("com.amazonaws.") and not service.startswith(f"com.amazonaws.{ec2.region_name}.")
    if other_region or (endpoint_type == "Gateway" and service not in gateway_services):
        raise ServiceError("InvalidServiceName", f"The Vpc Endpoint Service '{service}' does not exist")
    if service not in gateway_services:  # moto raises an error for an unknown service
        ec2.describe_vpc_endpoint_services([service], [], None, None, ec2.region_name)
    for table_id in response._get_param("RouteTableIds", []):
        ec2.get_route_table(table_id)
    return moto(response)
