"""Delayed state changes of network resources: pending before available, deleting before they are gone."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC, VPCBackend, VPCEndPoint

import embedded_aws.services.ec2.vpc_endpoints  # noqa: F401 - its patches have to be the inner ones
from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.patching import Method, patch

AVAILABLE, PENDING, DELETING = "available", "pending", "deleting"

for resource_class in (VPC, Subnet, NatGateway, VPCEndPoint):
    pacing.show_transitions(resource_class, "state", AVAILABLE)


def tick() -> bool:
    """Remove gateways and endpoints whose deletion delay is over; return whether any was removed."""
    return any([_tick(ec2) for ec2 in backends.existing("ec2")])


def _tick(ec2: Any) -> bool:
    gateways = [gateway for gateway in ec2.nat_gateways.values() if gateway.state == DELETING]
    endpoints = [endpoint for endpoint in ec2.vpc_end_points.values() if endpoint.state == DELETING]
    return pacing.finish(gateways, DELETING, lambda gateway: ec2.delete_nat_gateway(gateway.id)) | pacing.finish(
        endpoints, DELETING, lambda endpoint: ec2.delete_vpc_endpoints([endpoint.id])
    )


@patch(VPC, "__init__")
def initialize_vpc(moto: Method, vpc: Any, *args: Any, **params: Any) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Vpc.html (State)."""
    moto(vpc, *args, **params)
    if not vpc.is_default:
        pacing.start(vpc, PENDING, "vpc")


@patch(Subnet, "__init__")
def initialize_subnet(moto: Method, subnet: Any, *args: Any, **params: Any) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Subnet.html (State)."""
    moto(subnet, *args, **params)
    if not subnet.default_for_az:
        pacing.start(subnet, PENDING, "subnet")


@patch(NatGateway, "__init__")
def initialize_nat_gateway(moto: Method, gateway: Any, *args: Any, **params: Any) -> None:
    """https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html."""
    moto(gateway, *args, **params)
    pacing.start(gateway, PENDING, "nat_gateway")


@patch(VPCEndPoint, "__init__")
def initialize_vpc_endpoint(moto: Method, endpoint: Any, *args: Any, **params: Any) -> None:
    """https://docs.aws.amazon.com/vpc/latest/privatelink/concepts.html#concepts-vpc-endpoints."""
    moto(endpoint, *args, **params)
    pacing.start(endpoint, PENDING, "vpc_endpoint")


@patch(NatGatewayBackend, "delete_nat_gateway")
def delete_nat_gateway(moto: Method, ec2: Any, nat_gateway_id: str) -> Any:
    """Keep the interface and the address while the gateway is deleting, and with them its dependencies.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html#nat-gateway-deleting
    """
    gateway = ec2.nat_gateways.get(nat_gateway_id)
    if gateway is None or not pacing.delay_deletion(gateway, DELETING, "nat_gateway"):
        return moto(ec2, nat_gateway_id)
    gateway.state = DELETING
    return gateway


@patch(VPCBackend, "delete_vpc_endpoints")
def delete_vpc_endpoints(moto: Method, ec2: Any, vpce_ids: list[str] | None = None) -> None:
    """Delete each endpoint separately, because some may already be deleting.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html (State)
    """
    for endpoint_id in vpce_ids or []:
        endpoint = ec2.vpc_end_points.get(endpoint_id)
        if endpoint is None or not pacing.delay_deletion(endpoint, DELETING, "vpc_endpoint"):
            moto(ec2, [endpoint_id])
        else:
            endpoint.state = DELETING
