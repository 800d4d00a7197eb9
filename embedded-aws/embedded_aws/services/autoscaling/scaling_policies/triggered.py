"""A scaling policy, executed by an alarm or by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError

from embedded_aws.account import backends
from embedded_aws.services.autoscaling.scaling_policies import adjusting, capacity
from embedded_aws.services.autoscaling.scaling_policies.policies import alarms_of, policies_of

AGGREGATIONS: dict[str, Callable[[list[float]], float]] = {"Minimum": min, "Maximum": max, "Average": fmean}


@dataclass(frozen=True)
class Measured:
    """What an alarm has measured, the oldest first, and against what."""

    values: list[float]
    threshold: float


def by_alarm(alarm: Any, arn: str, reason_data: str) -> None:
    """Execute a policy for an alarm, unless that is suspended.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html (AlarmNotification)
    """
    backend = backends.backend("autoscaling", arn.split(":")[3])
    policy = policies_of(backend).get(arn)
    if policy is None:
        raise ValidationError(f"Scaling policy not found: {arn}")
    group = backend.autoscaling_groups[policy["AutoScalingGroupName"]]
    if not policy["Enabled"] or "AlarmNotification" in group._suspended_processes:
        return
    trigger = f"a monitor alarm {alarm.name} in state {alarm.state_value} triggered policy {policy['PolicyName']}"
    if policy["PolicyType"] == "TargetTrackingScaling":
        outwards = alarm.comparison_operator.startswith("Greater")
        _track(backend, group, policy, measured(reason_data), outwards, trigger)
    elif policy["PolicyType"] == "StepScaling":
        _step(group, policy, measured(reason_data), trigger)
    else:
        _simple(group, policy, trigger)


def by_user(group: Any, policy: dict[str, Any], given: Measured | None, honor_cooldown: bool) -> None:
    """Execute a policy by hand.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ExecutePolicy.html
    """
    trigger = f"a user request executed policy {policy['PolicyName']}"
    if policy["PolicyType"] == "StepScaling":
        if given is None:
            raise ValidationError("MetricValue and BreachThreshold are required to execute a step scaling policy.")
        _step(group, policy, given, trigger)
    elif policy["PolicyType"] == "SimpleScaling":
        if honor_cooldown and capacity.cools_down(group):
            why = "The operation can't be performed because there are scaling activities in progress."
            raise AutoscalingClientError("ScalingActivityInProgress", why)
        _simple(group, policy, trigger, at_once=True)
    else:
        raise ValidationError(f"A policy of type {policy['PolicyType']} can't be executed by hand.")


def measured(reason_data: str) -> Measured:
    """What the reason of an alarm's state tells; SetAlarmState has to give it for such policies.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
    """
    told = json.loads(reason_data or "{}")
    values = told.get("recentDatapoints")
    if not values or told.get("threshold") is None:
        raise ValidationError("Metric data points must be provided")
    return Measured([float(value) for value in values], float(told["threshold"]))


def _simple(group: Any, policy: dict[str, Any], trigger: str, at_once: bool = False) -> None:
    if capacity.cools_down(group) and not at_once:
        return
    least = policy.get("MinAdjustmentMagnitude") or 0
    wanted = adjusting.adjusted(policy["AdjustmentType"], group.desired_capacity, policy["ScalingAdjustment"], least)
    if capacity.change(group, wanted, trigger):
        capacity.cool_down(group, policy)


def _step(group: Any, policy: dict[str, Any], given: Measured, trigger: str) -> None:
    value = AGGREGATIONS[policy["MetricAggregationType"]](given.values)
    adjustment = adjusting.step(policy["StepAdjustments"], value - given.threshold)
    if adjustment is None:
        raise ValidationError(
            f"No step adjustment found for metric value {value} and breach threshold {given.threshold}"
        )
    kind, least = policy["AdjustmentType"], policy.get("MinAdjustmentMagnitude") or 0
    steady = group.desired_capacity - capacity.warming(group)
    _settle(group, policy, adjusting.adjusted(kind, steady, adjustment, least), adjustment > 0, trigger)


def _track(backend: Any, group: Any, policy: dict[str, Any], given: Measured, outwards: bool, trigger: str) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html."""
    metric, target = given.values[-1], policy["TargetTrackingConfiguration"]["TargetValue"]
    if outwards:
        steady = group.desired_capacity - capacity.warming(group)
        _settle(group, policy, adjusting.tracked_out(steady, metric, target), True, trigger)
    elif all(_agrees_to_shrink(backend, other) for other in _tracking(backend, group)):
        _settle(group, policy, adjusting.tracked_in(group.desired_capacity, metric, target), False, trigger)


def _settle(group: Any, policy: dict[str, Any], wanted: int, outwards: bool, trigger: str) -> None:
    """Scaling out adds to what is warming up already; scaling in waits until all is warm.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-default-instance-warmup.html
    """
    exact = policy.get("AdjustmentType") == "ExactCapacity"
    shrinks = wanted < group.desired_capacity
    if shrinks and ((outwards and not exact) or capacity.warming(group)):
        return
    before = capacity.members(group)
    if capacity.change(group, wanted, trigger):
        capacity.warm_up(group, policy, before)


def _tracking(backend: Any, group: Any) -> Iterator[dict[str, Any]]:
    for policy in policies_of(backend).values():
        if policy["AutoScalingGroupName"] == group.name and policy["PolicyType"] == "TargetTrackingScaling":
            yield policy


def _agrees_to_shrink(backend: Any, policy: dict[str, Any]) -> bool:
    """Whether target tracking is ready to scale in; where that is disabled, it has no say."""
    if policy["TargetTrackingConfiguration"]["DisableScaleIn"] or not policy["Enabled"]:
        return True
    alarms = alarms_of(backend, policy["PolicyARN"])
    return all(alarm.state_value == "ALARM" for alarm in alarms if alarm.comparison_operator.startswith("Less"))
