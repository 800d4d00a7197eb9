"""NAT gateways: found by their tags, and deleted with their interface and without their address."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.utils import generic_filter

from embedded_aws.patching import Method, patch


@patch(NatGatewayBackend, "create_nat_gateway")
def create_nat_gateway(moto: Method, ec2: Any, **sent: Any) -> Any:
    """A gateway is public unless another connectivity is asked for, and then fails in a VPC without a way out.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html (ConnectivityType)
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html (FailureCode)
    """
    gateway = moto(ec2, **{**sent, "connectivity_type": sent.get("connectivity_type") or "public"})
    gateway._eni.interface_type = "nat_gateway"
    gateway._eni._group_set = []  # a NAT gateway has no security group
    attached = [found.vpc.id for found in ec2.internet_gateways.values() if found.vpc]
    if gateway.connectivity_type == "public" and gateway.vpc_id not in attached:
        _let_go(ec2, gateway)
        gateway.state, gateway.failure_code = "failed", "Gateway.NotAttached"
        gateway.failure_message = f"Network {gateway.vpc_id} has no Internet gateway attached"
    return gateway


@patch(NatGatewayBackend, "describe_nat_gateways")
def describe_nat_gateways(moto: Method, ec2: Any, filters: Any, ids: list[str] | None) -> list[Any]:
    """Filters by tag work, too, and an id that does not exist is an error.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html
    """
    for nat_gateway_id in ids or []:
        _refuse_unknown(ec2, nat_gateway_id)
    by_tag = {name: values for name, values in (filters or {}).items() if name.startswith("tag")}
    found: list[Any] = generic_filter(by_tag, moto(ec2, filters, ids))
    return found


@patch(NatGatewayBackend, "delete_nat_gateway")
def delete_nat_gateway(moto: Method, ec2: Any, nat_gateway_id: str) -> Any:
    """Its Elastic IP stays with the account, no longer associated; the gateway stays listed for a while as deleted.

    "Deleting a NAT gateway disassociates its Elastic IP address, but does not release the address":
    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
    """
    _refuse_unknown(ec2, nat_gateway_id)
    gateway = moto(ec2, nat_gateway_id)
    _let_go(ec2, gateway)
    return gateway


def _let_go(ec2: Any, gateway: Any) -> None:
    for address in [address for address in ec2.addresses if address.eni is gateway._eni]:
        ec2.disassociate_address(association_id=address.association_id)
    ec2.enis.pop(gateway._eni.id, None)


def _refuse_unknown(ec2: Any, nat_gateway_id: str) -> None:
    if nat_gateway_id not in ec2.nat_gateways:
        raise EC2ClientError("NatGatewayNotFound", f"NatGateway {nat_gateway_id} was not found")
