"""NAT gateways: filters by tag, creation failures, and deletion with the interface but without the address."""

from __future__ import annotations

from typing import Any

from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.utils import generic_filter

from embedded_aws import pacing
from embedded_aws.patching import Method, patch

#: The state of an address that is free again, and cannot be released yet.
STILL_MAPPED = "mapped"


@patch(NatGatewayBackend, "create_nat_gateway")
def create_nat_gateway(moto: Method, ec2: Any, **params: Any) -> Any:
    """Create a public gateway by default; let a public gateway fail in a VPC without an internet gateway.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html (ConnectivityType)
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html (FailureCode)
    """
    gateway = moto(ec2, **{**params, "connectivity_type": params.get("connectivity_type") or "public"})
    _describe_interface(gateway)
    vpcs_with_gateway = [internet.vpc.id for internet in ec2.internet_gateways.values() if internet.vpc]
    if gateway.connectivity_type == "public" and gateway.vpc_id not in vpcs_with_gateway:
        _release_interface(ec2, gateway)
        gateway.state, gateway.failure_code = "failed", "Gateway.NotAttached"
        gateway.failure_message = f"Network {gateway.vpc_id} has no Internet gateway attached"
    return gateway


@patch(NatGatewayBackend, "describe_nat_gateways")
def describe_nat_gateways(moto: Method, ec2: Any, filters: Any, ids: list[str] | None) -> list[Any]:
    """Filter by tag, too; raise an error for an id that does not exist.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html
    """
    for nat_gateway_id in ids or []:
        _require_nat_gateway(ec2, nat_gateway_id)
    by_tag = {name: values for name, values in (filters or {}).items() if name.startswith("tag")}
    gateways: list[Any] = generic_filter(by_tag, moto(ec2, filters, ids))
    return gateways


@patch(NatGatewayBackend, "delete_nat_gateway")
def delete_nat_gateway(moto: Method, ec2: Any, nat_gateway_id: str) -> Any:
    """Disassociate the Elastic IP address, which stays in the account; keep listing the gateway as deleted.

    "Deleting a NAT gateway disassociates its Elastic IP address, but does not release the address":
    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html (DeleteTime)
    """
    _require_nat_gateway(ec2, nat_gateway_id)
    gateway = moto(ec2, nat_gateway_id)
    gateway.delete_time = utcnow()
    for address in _release_interface(ec2, gateway):
        pacing.start(address, STILL_MAPPED, "nat_gateway_address", "delete")
    return gateway


def _describe_interface(gateway: Any) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html."""
    interface = gateway._eni
    interface.description = f"Interface for NAT Gateway {gateway.id}"
    interface.interface_type, interface.status = "nat_gateway", "in-use"
    interface.requester_managed = True
    interface._group_set = []  # a NAT gateway has no security group


def _release_interface(ec2: Any, gateway: Any) -> list[Any]:
    """Remove the interface; return its addresses."""
    addresses = [address for address in ec2.addresses if address.eni is gateway._eni]
    for address in addresses:
        ec2.disassociate_address(association_id=address.association_id)
    ec2.enis.pop(gateway._eni.id, None)
    return addresses


def _require_nat_gateway(ec2: Any, nat_gateway_id: str) -> None:
    if nat_gateway_id not in ec2.nat_gateways:
        raise EC2ClientError("NatGatewayNotFound", f"NatGateway {nat_gateway_id} was not found")
