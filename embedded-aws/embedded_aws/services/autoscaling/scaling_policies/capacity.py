"""How a policy changes a group: within its limits, not too soon after the last time, and told by its activities."""

from __future__ import annotations

import time
from typing import Any

from moto.core.utils import utcnow

from embedded_aws.services.autoscaling.activities import activities_of, at
from embedded_aws.services.autoscaling.capacity import reach


def change(group: Any, wanted: int, trigger: str) -> bool:
    """Give a group the capacity that a policy wants, as far as its limits allow; whether that is another one.

    The text of the cause: https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-verify-scaling-activity.html
    """
    before, wanted = group.desired_capacity, min(max(wanted, group.min_size), group.max_size)
    if wanted == before:
        return False
    last = next(iter(activities_of(group.autoscaling_backend)), None)
    cause = f"{at(utcnow())} {trigger} changing the desired capacity from {before} to {wanted}."
    _resize(group, before, wanted)
    for activity in activities_of(group.autoscaling_backend):
        if activity is last:
            break
        activity["Cause"] = f"{cause}  {activity['Cause']}"
    return True


def _resize(group: Any, before: int, wanted: int) -> None:
    if group.ec2_launch_template is None:  # a launch configuration: as moto has it
        group.autoscaling_backend.set_desired_capacity(group.name, wanted)
        return
    group.desired_capacity, group.retry_at = wanted, 0.0
    growth = f", increasing the capacity from {before} to {wanted}" if wanted > before else ""
    reach(group, f"a difference between desired and actual capacity{growth}")


def cools_down(group: Any) -> bool:
    """Whether the cooldown of a simple scaling policy goes on.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scaling-cooldowns.html
    """
    return time.time() < float(vars(group).get("cooldown_until", 0.0))


def cool_down(group: Any, policy: dict[str, Any]) -> None:
    """Begin the cooldown: the policy's, or else the group's."""
    seconds = policy.get("Cooldown")
    group.cooldown_until = time.time() + (group.default_cooldown if seconds is None else seconds)


def members(group: Any) -> list[str]:
    """The instances of a group, those that are on their way into service included."""
    return [state.instance.id for state in group.instance_states]


def warm_up(group: Any, policy: dict[str, Any], before: list[str]) -> None:
    """Begin the warm-up of what a policy has launched: the policy's, the group's default, or else the cooldown.

    EstimatedInstanceWarmup: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html
    """
    seconds = policy.get("EstimatedInstanceWarmup")
    if seconds is None:
        default = vars(group).get("default_instance_warmup")
        seconds = group.default_cooldown if default in (None, -1) else default
    known: dict[str, float] = vars(group).setdefault("warm_at", {})
    until = time.time() + seconds
    group.warm_at = {
        instance: known.get(instance, until)
        for instance in members(group)
        if instance in known or instance not in before
    }


def warming(group: Any) -> int:
    """How many instances that a policy has launched are not warm yet: on scaling out they do not count as capacity.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-default-instance-warmup.html
    """
    known, now = vars(group).get("warm_at", {}), time.time()
    return sum(now < known.get(instance, 0.0) for instance in members(group))
