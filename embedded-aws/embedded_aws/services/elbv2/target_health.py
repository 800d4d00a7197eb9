"""Target health: from real health checks where they are installed, else from the state of the instance."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup

from embedded_aws.faults import outages
from embedded_aws.load_balancer import health
from embedded_aws.load_balancer.health_checks import is_checked
from embedded_aws.load_balancer.target import TIMEOUT, Status, invalid_state
from embedded_aws.patching import Method, patch

# Of all targets, where no zonal shift is on:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AdministrativeOverride.html
FakeHealthStatus.administrative_override = {
    "State": "no_override",
    "Reason": "AdministrativeOverride.NoOverride",
    "Description": "No override is currently active on target",
}


@patch(FakeHealthStatus, "__init__")
def initialize(moto: Method, status: Any, instance_id: str, port: Any, health_port: Any, *args: Any) -> None:
    """Name the port that is checked by its number, also where it is the target's own (`traffic-port`).

    https://docs.aws.amazon.com/cli/latest/reference/elbv2/describe-target-health.html (the examples)
    """
    moto(status, instance_id, port, str(port) if health_port == "traffic-port" else health_port, *args)


@patch(FakeTargetGroup, "health_for")
def health_for(moto: Method, target_group: Any, target: dict[str, Any], ec2: Any) -> Any:
    """Report an instance that does not run, or does not exist, as unused.

    "unused ... the target is in the stopped or terminated state (Target.InvalidState)":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    checks = health.installed()
    if checks and is_checked(target_group):
        return _health_status(target_group, target, checks.describe(target_group, target["Id"]))
    registered = target_group.targets.get(target["Id"])
    if registered is None or not registered["Id"].startswith("i-"):
        return moto(target_group, target, ec2)
    instance = ec2.get_instance_by_id(registered["Id"])
    if instance is not None and instance.state == "running":
        if outages.lost_since(instance) is not None:
            return _health_status(target_group, registered, TIMEOUT)
        return moto(target_group, target, ec2)
    return _health_status(target_group, registered, invalid_state(instance.state if instance else "terminated"))


@patch(ELBv2Backend, "describe_target_health")
def describe_target_health(moto: Method, elb: Any, arn: str, targets: list[dict[str, Any]]) -> list[Any]:
    """Describe draining targets, too.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html
    """
    descriptions: list[Any] = moto(elb, arn, targets)
    checks = health.installed()
    if checks is None or targets:
        return descriptions
    group = elb.target_groups[arn]
    return [
        *descriptions,
        *[group.health_for({"Id": name}, elb.ec2_backend) for name in checks.draining_instances(group)],
    ]


@patch(FakeTargetGroup, "register")
def register(moto: Method, target_group: Any, targets: list[dict[str, Any]]) -> None:
    """Let health checks treat a target that is registered again as a new one."""
    moto(target_group, targets)
    if checks := health.installed():
        checks.sync_group(target_group)


@patch(FakeTargetGroup, "deregister")
def deregister(moto: Method, target_group: Any, targets: list[dict[str, Any]]) -> None:
    """Stop new requests to the targets."""
    moto(target_group, targets)
    if checks := health.installed():
        checks.sync_group(target_group)


def _health_status(target_group: Any, target: dict[str, Any], status: Status) -> Any:
    known = target_group.targets.get(target["Id"], {})
    port = target.get("Port") or known.get("Port") or target_group.port
    return FakeHealthStatus(
        target["Id"], port, target_group.health_check_port, status.state, status.reason, status.description
    )
