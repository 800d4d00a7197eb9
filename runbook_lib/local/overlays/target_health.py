"""Target health: a target is healthy only as long as its instance runs."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import FakeHealthStatus, FakeTargetGroup

from runbook_lib.local.overlays.around import Method, around


@around(FakeTargetGroup, "health_for")
def health_for(moto: Method, target_group: Any, target: dict[str, Any], ec2: Any) -> Any:
    """A registered instance that does not run, or does not exist, takes no traffic.

    "unused ... the target is in the stopped or terminated state (Target.InvalidState)":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    registered = target_group.targets.get(target["Id"])
    if registered is None or not registered["Id"].startswith("i-"):
        return moto(target_group, target, ec2)
    instance = ec2.get_instance_by_id(registered["Id"])
    if instance is not None and instance.state == "running":
        return moto(target_group, target, ec2)
    state = instance.state if instance else "terminated"
    return FakeHealthStatus(
        registered["Id"],
        registered["Port"],
        target_group.health_check_port,
        "unused",
        "Target.InvalidState",
        f"Target is in the {state} state",
    )
