"""Load balancers at a pace: provisioning before they are active, their interfaces stay longer, targets are checked."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer, FakeTargetGroup

from embedded_aws import pacing
from embedded_aws.account import backends as world
from embedded_aws.load_balancer import health
from embedded_aws.load_balancer.target import REGISTERING
from embedded_aws.patching import Method, attach_dict, patch
from embedded_aws.services.elbv2 import load_balancers as _beneath  # noqa: F401 - what refuses a deletion
from embedded_aws.services.elbv2 import target_health as _beneath_too  # noqa: F401 - what asks real targets

LEAVING = "deleting"

pacing.show_transitions(FakeLoadBalancer, "state", "active")


def tick() -> bool:
    """Let the interfaces of deleted load balancers go."""
    return any([_tick(attach_dict(elb, "leaving")) for elb in world.existing("elbv2")])


def _tick(leaving: dict[str, Any]) -> bool:
    return pacing.finish(list(leaving.values()), LEAVING, lambda balancer: leaving.pop(balancer.arn, None))


def with_interfaces(elb: Any) -> list[Any]:
    """The load balancers that have interfaces in their subnets: all there are, and those deleted a moment ago."""
    return [*elb.load_balancers.values(), *attach_dict(elb, "leaving").values()]


@patch(FakeLoadBalancer, "__init__")
def made(moto: Method, balancer: Any, *args: Any, **sent: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerState.html."""
    moto(balancer, *args, **sent)
    pacing.start(balancer, "provisioning", "load_balancer")


@patch(ELBv2Backend, "delete_load_balancer")
def delete_load_balancer(moto: Method, elb: Any, arn: str) -> None:
    """It is gone at once; what it had in its subnets is not, and keeps them and its security groups.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-delete.html
    """
    balancer = elb.load_balancers.get(arn)
    moto(elb, arn)
    if balancer and pacing.delay_deletion(balancer, LEAVING, "load_balancer"):
        attach_dict(elb, "leaving")[arn] = balancer


@patch(FakeTargetGroup, "register")
def register(moto: Method, target_group: Any, targets: list[dict[str, Any]]) -> None:
    """A target is checked before it is healthy."""
    moto(target_group, targets)
    for target in targets:
        attach_dict(target_group, "registrations")[target["Id"]] = pacing.new_transition("initial", "target_health")


@patch(FakeTargetGroup, "health_for")
def health_for(moto: Method, target_group: Any, target: dict[str, Any], ec2: Any) -> Any:
    """Where nobody asks the targets themselves, a new one is healthy after some time.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    told = moto(target_group, target, ec2)
    fresh = pacing.is_in_progress(attach_dict(target_group, "registrations").get(target["Id"]))
    if fresh and told.status == "healthy" and not health.installed():
        told.status, told.reason, told.description = REGISTERING.state, REGISTERING.reason, REGISTERING.description
    return told
