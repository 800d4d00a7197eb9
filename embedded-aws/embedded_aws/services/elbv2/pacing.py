"""Delays of load balancers: provisioning before active, interfaces that outlive the deletion, first health checks."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer, FakeTargetGroup

# Imported first, because their patches have to be the inner ones.
import embedded_aws.services.elbv2.load_balancers
import embedded_aws.services.elbv2.target_health  # noqa: F401
from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.load_balancer import health
from embedded_aws.load_balancer.target import REGISTERING
from embedded_aws.patching import Method, attach_dict, patch

DELETING = "deleting"

pacing.show_transitions(FakeLoadBalancer, "state", "active")


def tick() -> bool:
    """Remove the interfaces of deleted load balancers whose delay is over; return whether any was removed."""
    return any([_tick(_deleting(elb)) for elb in backends.existing("elbv2")])


def _tick(deleting: dict[str, Any]) -> bool:
    return pacing.finish(list(deleting.values()), DELETING, lambda balancer: deleting.pop(balancer.arn, None))


def _deleting(elb: Any) -> dict[str, Any]:
    """Return the deleted load balancers that still have interfaces, by ARN."""
    return attach_dict(elb, "deleting_load_balancers")


def load_balancers_with_interfaces(elb: Any) -> list[Any]:
    """Return the load balancers with interfaces in their subnets: the existing and the recently deleted ones."""
    return [*elb.load_balancers.values(), *_deleting(elb).values()]


@patch(FakeLoadBalancer, "__init__")
def initialize(moto: Method, balancer: Any, *args: Any, **params: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerState.html."""
    moto(balancer, *args, **params)
    pacing.start(balancer, "provisioning", "load_balancer")


@patch(ELBv2Backend, "delete_load_balancer")
def delete_load_balancer(moto: Method, elb: Any, arn: str) -> None:
    """Delete a load balancer at once, but keep its interfaces for a while: they use its subnets and security groups.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-delete.html
    """
    balancer = elb.load_balancers.get(arn)
    moto(elb, arn)
    if balancer and pacing.delay_deletion(balancer, DELETING, "load_balancer"):
        _deleting(elb)[arn] = balancer


@patch(FakeTargetGroup, "register")
def register(moto: Method, target_group: Any, targets: list[dict[str, Any]]) -> None:
    """Start the first health check of each new target."""
    moto(target_group, targets)
    for target in targets:
        attach_dict(target_group, "registrations")[target["Id"]] = pacing.new_transition("initial", "target_health")


@patch(FakeTargetGroup, "health_for")
def health_for(moto: Method, target_group: Any, target: dict[str, Any], ec2: Any) -> Any:
    """Report a new target as initial for a while, unless real health checks are installed.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    status = moto(target_group, target, ec2)
    fresh = pacing.is_in_progress(attach_dict(target_group, "registrations").get(target["Id"]))
    if fresh and status.status == "healthy" and not health.installed():
        status.status, status.reason, status.description = (
            REGISTERING.state,
            REGISTERING.reason,
            REGISTERING.description,
        )
    return status
