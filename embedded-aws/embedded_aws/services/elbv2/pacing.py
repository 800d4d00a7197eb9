"""Delays of load balancers: provisioning before active, first health checks."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import FakeLoadBalancer, FakeTargetGroup

# Imported first, because their patches have to be the inner ones.
import embedded_aws.services.elbv2.load_balancers
import embedded_aws.services.elbv2.target_health  # noqa: F401
from embedded_aws import pacing
from embedded_aws.load_balancer import health
from embedded_aws.load_balancer.target import REGISTERING
from embedded_aws.patching import Method, attach_dict, patch

pacing.show_transitions(FakeLoadBalancer, "state", "active")


@patch(FakeLoadBalancer, "__init__")
def initialize(moto: Method, balancer: Any, *args: Any, **params: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerState.html."""
    moto(balancer, *args, **params)
    pacing.start(balancer, "provisioning", "load_balancer")


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
