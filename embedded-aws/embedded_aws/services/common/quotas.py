"""Default quotas of an account, for networks, load balancers and IAM."""

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
# Per role. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MANAGED_POLICIES = 10


def _enforce_quota(owner: type, operation: str, is_reached: Callable[[Any], bool], code: str, message: str) -> None:
    """Reject an operation of EC2 when its quota is reached.

    Error codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    """

    @patch(owner, operation)
    def enforce(moto: Method, response: Any) -> Any:
        if is_reached(response):
            raise ServiceError(code, message)
        return moto(response)


def _count_nat_gateways(response: Any) -> int:
    ec2 = response.ec2_backend
    zone = ec2.get_subnet(response._get_param("SubnetId")).availability_zone
    live = [gateway for gateway in ec2.nat_gateways.values() if gateway.state in ("pending", "available")]
    return len([gateway for gateway in live if ec2.get_subnet(gateway.subnet_id).availability_zone == zone])


_enforce_quota(
    VPCs, "create_vpc",
    lambda response: len(response.ec2_backend.vpcs) >= VPCS,
    "VpcLimitExceeded", "The maximum number of VPCs has been reached.",
)  # fmt: skip
_enforce_quota(
    InternetGateways, "create_internet_gateway",
    lambda response: len(response.ec2_backend.internet_gateways) >= INTERNET_GATEWAYS,
    "InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.",
)  # fmt: skip
_enforce_quota(
    ElasticIPAddresses, "allocate_address",
    lambda response: len(response.ec2_backend.addresses) >= ADDRESSES,
    "AddressLimitExceeded", "The maximum number of addresses has been reached.",
)  # fmt: skip
_enforce_quota(
    NatGateways, "create_nat_gateway",
    lambda response: _count_nat_gateways(response) >= NAT_GATEWAYS,
    "NatGatewayLimitExceeded",
    f"Performing this operation would exceed the limit of {NAT_GATEWAYS} NAT gateways",
)  # fmt: skip


@patch(ELBv2Backend, "create_load_balancer")
def create_load_balancer(moto: Method, elb: Any, **params: Any) -> Any:
    """Raise TooManyLoadBalancers, except for a name that already exists.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    """
    known = [balancer.name for balancer in elb.load_balancers.values()]
    if len(known) >= LOAD_BALANCERS and params["name"] not in known:
        raise ServiceError(
            "TooManyLoadBalancers", f"The maximum number of load balancers ({LOAD_BALANCERS}) has been reached"
        )
    return moto(elb, **params)


@patch(ELBv2Backend, "create_listener")
def create_listener(moto: Method, elb: Any, **params: Any) -> Any:
    """Raise TooManyListeners, except for a port that already has a listener.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html (TooManyListeners)
    """
    balancer = elb.load_balancers.get(params["load_balancer_arn"])
    ports = [str(listener.port) for listener in balancer.listeners.values()] if balancer else []
    if len(ports) >= LISTENERS and str(params["port"]) not in ports:
        raise ServiceError("TooManyListeners", f"The maximum number of listeners ({LISTENERS}) has been reached")
    return moto(elb, **params)


@patch(IAMBackend, "attach_role_policy")
def attach_role_policy(moto: Method, iam: Any, policy_arn: str, name: str) -> None:
    """Raise LimitExceeded, except for a policy that is already attached.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html (LimitExceeded)
    """
    attached = iam.get_role(name).managed_policies
    if len(attached) >= MANAGED_POLICIES and policy_arn not in attached:
        raise ServiceError("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {MANAGED_POLICIES}")
    moto(iam, policy_arn, name)
