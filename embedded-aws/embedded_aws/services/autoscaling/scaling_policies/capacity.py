"""Change the capacity of a group for a scaling policy: limits, cooldown, warm-up and activities."""

from __future__ import annotations

import time
from typing import Any

from moto.core.utils import utcnow

from embedded_aws import minutes
from embedded_aws.services.autoscaling.activities import activities_of, format_time
from embedded_aws.services.autoscaling.capacity import scale_to_desired


def change_capacity(group: Any, desired: int, trigger: str) -> bool:
    """Set the desired capacity that a policy wants, within the group's limits; return whether it has changed.

    The text of the cause: https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-verify-scaling-activity.html
    """
    before, desired = group.desired_capacity, min(max(desired, group.min_size), group.max_size)
    if desired == before:
        return False
    last = next(iter(activities_of(group.autoscaling_backend)), None)
    cause = f"{format_time(utcnow())} {trigger} changing the desired capacity from {before} to {desired}."
    _resize(group, before, desired)
    for activity in activities_of(group.autoscaling_backend):
        if activity is last:
            break
        activity["Cause"] = f"{cause}  {activity['Cause']}"
    return True


def _resize(group: Any, before: int, desired: int) -> None:
    if group.ec2_launch_template is None:  # a launch configuration: left to moto
        group.autoscaling_backend.set_desired_capacity(group.name, desired)
        return
    group.desired_capacity, group.retry_at = desired, 0.0
    growth = f", increasing the capacity from {before} to {desired}" if desired > before else ""
    scale_to_desired(group, f"a difference between desired and actual capacity{growth}")


def is_cooling_down(group: Any) -> bool:
    """Return whether the cooldown of a simple scaling policy is active.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scaling-cooldowns.html
    """
    return time.time() < float(vars(group).get("cooldown_until", 0.0))


def start_cooldown(group: Any, policy: dict[str, Any]) -> None:
    """Start the cooldown: the policy's, or else the group's."""
    seconds = policy.get("Cooldown")
    group.cooldown_until = time.time() + minutes.factor() * (group.default_cooldown if seconds is None else seconds)


def instance_ids(group: Any) -> list[str]:
    """Return the ids of a group's instances, those that are not yet in service included."""
    return [state.instance.id for state in group.instance_states]


def start_warm_up(group: Any, policy: dict[str, Any], before: list[str]) -> None:
    """Start the warm-up of the instances that a policy has launched: the policy's, the group's, or the cooldown.

    EstimatedInstanceWarmup: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html
    """
    seconds = policy.get("EstimatedInstanceWarmup")
    if seconds is None:
        default = vars(group).get("default_instance_warmup")
        seconds = group.default_cooldown if default in (None, -1) else default
    known: dict[str, float] = vars(group).setdefault("warm_at", {})
    until = time.time() + seconds * minutes.factor()
    group.warm_at = {
        instance: known.get(instance, until)
        for instance in instance_ids(group)
        if instance in known or instance not in before
    }


def count_warming_up(group: Any) -> int:
    """Return how many instances are warming up; they do not count as capacity when a policy scales out.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-default-instance-warmup.html
    """
    known, now = vars(group).get("warm_at", {}), time.time()
    return sum(now < known.get(instance, 0.0) for instance in instance_ids(group))
