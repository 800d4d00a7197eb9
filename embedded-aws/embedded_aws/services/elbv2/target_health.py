"""Target health: found by asking the targets where somebody does; else a target is healthy while its instance runs."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup

from embedded_aws.faults import outages
from embedded_aws.load_balancer import health
from embedded_aws.load_balancer.health_checks import is_checked
from embedded_aws.load_balancer.target import TIMEOUT, Status, invalid_state
from embedded_aws.patching import Method, patch


@patch(FakeTargetGroup, "health_for")
def health_for(moto: Method, target_group: Any, target: dict[str, Any], ec2: Any) -> Any:
    """A registered instance that does not run, or does not exist, takes no traffic.

    "unused ... the target is in the stopped or terminated state (Target.InvalidState)":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    asked = health.installed()
    if asked and is_checked(target_group):
        return _told(target_group, target, asked.describe(target_group, target["Id"]))
    registered = target_group.targets.get(target["Id"])
    if registered is None or not registered["Id"].startswith("i-"):
        return moto(target_group, target, ec2)
    instance = ec2.get_instance_by_id(registered["Id"])
    if instance is not None and instance.state == "running":
        if outages.lost_since(instance) is not None:
            return _told(target_group, registered, TIMEOUT)
        return moto(target_group, target, ec2)
    return _told(target_group, registered, invalid_state(instance.state if instance else "terminated"))


@patch(ELBv2Backend, "describe_target_health")
def describe_target_health(moto: Method, elb: Any, arn: str, targets: list[dict[str, Any]]) -> list[Any]:
    """Targets that are draining are described with the others.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html
    """
    found: list[Any] = moto(elb, arn, targets)
    asked = health.installed()
    if asked is None or targets:
        return found
    group = elb.target_groups[arn]
    return [*found, *[group.health_for({"Id": name}, elb.ec2_backend) for name in asked.draining_instances(group)]]


@patch(FakeTargetGroup, "register")
def register(moto: Method, target_group: Any, targets: list[dict[str, Any]]) -> None:
    """A target that was away is a new one, however short the time."""
    moto(target_group, targets)
    if asked := health.installed():
        asked.sync_group(target_group)


@patch(FakeTargetGroup, "deregister")
def deregister(moto: Method, target_group: Any, targets: list[dict[str, Any]]) -> None:
    """From this moment a target has no new request."""
    moto(target_group, targets)
    if asked := health.installed():
        asked.sync_group(target_group)


def _told(target_group: Any, target: dict[str, Any], status: Status) -> Any:
    known = target_group.targets.get(target["Id"], {})
    port = target.get("Port") or known.get("Port") or target_group.port
    about = (status.state, status.reason, status.description)
    return FakeHealthStatus(target["Id"], port, target_group.health_check_port, *about)
