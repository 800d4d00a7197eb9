"""How many there may be of some things, in an account whose quotas nobody has raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.ec2.responses.elastic_ip_addresses import ElasticIPAddresses
from moto.ec2.responses.internet_gateways import InternetGateways
from moto.ec2.responses.nat_gateways import NatGateways
from moto.ec2.responses.vpcs import VPCs
from moto.elbv2.models import ELBv2Backend
from moto.iam.models import IAMBackend

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# Per region; the default VPC counts. https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
VPCS = INTERNET_GATEWAYS = ADDRESSES = 5
NAT_GATEWAYS = 5  # per zone
# Per region, and per load balancer.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
LOAD_BALANCERS = LISTENERS = 50
# Of a role, a user or a group. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MANAGED_POLICIES = 10


def _limits(owner: type, operation: str, reached: Callable[[Any], bool], code: str, why: str) -> None:
    """Refuse an operation of EC2 when a quota is reached.

    The codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    """

    @patch(owner, operation)
    def refuse(moto: Method, response: Any) -> Any:
        if reached(response):
            raise ServiceError(code, why)
        return moto(response)


def _nat_gateways(response: Any) -> int:
    ec2 = response.ec2_backend
    zone = ec2.get_subnet(response._get_param("SubnetId")).availability_zone
    present = [found for found in ec2.nat_gateways.values() if found.state in ("pending", "available")]
    return len([found for found in present if ec2.get_subnet(found.subnet_id).availability_zone == zone])


_limits(
    VPCs, "create_vpc",
    lambda response: len(response.ec2_backend.vpcs) >= VPCS,
    "VpcLimitExceeded", "The maximum number of VPCs has been reached.",
)  # fmt: skip
_limits(
    InternetGateways, "create_internet_gateway",
    lambda response: len(response.ec2_backend.internet_gateways) >= INTERNET_GATEWAYS,
    "InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.",
)  # fmt: skip
_limits(
    ElasticIPAddresses, "allocate_address",
    lambda response: len(response.ec2_backend.addresses) >= ADDRESSES,
    "AddressLimitExceeded", "The maximum number of addresses has been reached.",
)  # fmt: skip
_limits(
    NatGateways, "create_nat_gateway",
    lambda response: _nat_gateways(response) >= NAT_GATEWAYS,
    "NatGatewayLimitExceeded",
    f"Performing this operation would exceed the limit of {NAT_GATEWAYS} NAT gateways",
)  # fmt: skip


@patch(ELBv2Backend, "create_load_balancer")
def create_load_balancer(moto: Method, elb: Any, **sent: Any) -> Any:
    """A name that exists is not another load balancer; the error is TooManyLoadBalancers.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    """
    known = [balancer.name for balancer in elb.load_balancers.values()]
    if len(known) >= LOAD_BALANCERS and sent["name"] not in known:
        raise ServiceError(
            "TooManyLoadBalancers", f"The maximum number of load balancers ({LOAD_BALANCERS}) has been reached"
        )
    return moto(elb, **sent)


@patch(ELBv2Backend, "create_listener")
def create_listener(moto: Method, elb: Any, **sent: Any) -> Any:
    """A port that has its listener is not another one.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html (TooManyListeners)
    """
    balancer = elb.load_balancers.get(sent["load_balancer_arn"])
    ports = [str(listener.port) for listener in balancer.listeners.values()] if balancer else []
    if len(ports) >= LISTENERS and str(sent["port"]) not in ports:
        raise ServiceError("TooManyListeners", f"The maximum number of listeners ({LISTENERS}) has been reached")
    return moto(elb, **sent)


def _limits_policies(kind: str) -> None:
    """A policy that is attached already is not another one.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html (LimitExceeded)
    """

    @patch(IAMBackend, f"attach_{kind}_policy")
    def refuse(moto: Method, iam: Any, policy_arn: str, name: str) -> None:
        attached = getattr(iam, f"get_{kind}")(name).managed_policies
        if len(attached) >= MANAGED_POLICIES and policy_arn not in attached:
            quota = f"PoliciesPer{kind.capitalize()}: {MANAGED_POLICIES}"
            raise ServiceError("LimitExceeded", f"Cannot exceed quota for {quota}")
        moto(iam, policy_arn, name)


for _kind in ("role", "user", "group"):
    _limits_policies(_kind)
