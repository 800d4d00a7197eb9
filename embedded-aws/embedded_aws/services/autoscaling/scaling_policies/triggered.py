"""Execute a scaling policy, for an alarm or for a user."""

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
class MetricData:
    """Data points of an alarm's metric, the oldest first, and the alarm's threshold."""

    values: list[float]
    threshold: float


def execute_for_alarm(alarm: Any, arn: str, reason_data: str) -> None:
    """Execute a policy for an alarm, unless the policy is disabled or the process is suspended.

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
        scale_out = alarm.comparison_operator.startswith("Greater")
        _execute_tracking(backend, group, policy, parse_reason_data(reason_data), scale_out, trigger)
    elif policy["PolicyType"] == "StepScaling":
        _execute_step(group, policy, parse_reason_data(reason_data), trigger)
    else:
        _execute_simple(group, policy, trigger)


def execute_for_user(group: Any, policy: dict[str, Any], data: MetricData | None, honor_cooldown: bool) -> None:
    """Execute a policy for a user.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ExecutePolicy.html
    """
    trigger = f"a user request executed policy {policy['PolicyName']}"
    if policy["PolicyType"] == "StepScaling":
        if data is None:
            raise ValidationError("MetricValue and BreachThreshold are required to execute a step scaling policy.")
        _execute_step(group, policy, data, trigger)
    elif policy["PolicyType"] == "SimpleScaling":
        if honor_cooldown and capacity.is_cooling_down(group):
            message = "The operation can't be performed because there are scaling activities in progress."
            raise AutoscalingClientError("ScalingActivityInProgress", message)
        _execute_simple(group, policy, trigger, ignore_cooldown=True)
    else:
        raise ValidationError(f"A policy of type {policy['PolicyType']} can't be executed manually.")


def parse_reason_data(reason_data: str) -> MetricData:
    """Return the metric data in the reason of an alarm's state; SetAlarmState has to send it for step policies.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
    """
    reason = json.loads(reason_data or "{}")
    values = reason.get("recentDatapoints")
    if not values or reason.get("threshold") is None:
        raise ValidationError("Metric data points must be provided")
    return MetricData([float(value) for value in values], float(reason["threshold"]))


def _execute_simple(group: Any, policy: dict[str, Any], trigger: str, ignore_cooldown: bool = False) -> None:
    if capacity.is_cooling_down(group) and not ignore_cooldown:
        return
    adjustment, min_magnitude = policy["ScalingAdjustment"], policy.get("MinAdjustmentMagnitude") or 0
    desired = adjusting.adjust_capacity(policy["AdjustmentType"], group.desired_capacity, adjustment, min_magnitude)
    if capacity.change_capacity(group, desired, trigger):
        capacity.start_cooldown(group, policy)


def _execute_step(group: Any, policy: dict[str, Any], data: MetricData, trigger: str) -> None:
    value = AGGREGATIONS[policy["MetricAggregationType"]](data.values)
    adjustment = adjusting.find_adjustment(policy["StepAdjustments"], value - data.threshold)
    if adjustment is None:
        raise ValidationError(
            f"No step adjustment found for metric value {value} and breach threshold {data.threshold}"
        )
    min_magnitude = policy.get("MinAdjustmentMagnitude") or 0
    warm = group.desired_capacity - capacity.count_warming_up(group)
    desired = adjusting.adjust_capacity(policy["AdjustmentType"], warm, adjustment, min_magnitude)
    _scale(group, policy, desired, adjustment > 0, trigger)


def _execute_tracking(
    backend: Any, group: Any, policy: dict[str, Any], data: MetricData, scale_out: bool, trigger: str
) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html."""
    metric, target = data.values[-1], policy["TargetTrackingConfiguration"]["TargetValue"]
    if scale_out:
        warm = group.desired_capacity - capacity.count_warming_up(group)
        _scale(group, policy, adjusting.scale_out_capacity(warm, metric, target), True, trigger)
    elif all(_allows_scale_in(backend, other) for other in _tracking_policies(backend, group)):
        _scale(group, policy, adjusting.scale_in_capacity(group.desired_capacity, metric, target), False, trigger)


def _scale(group: Any, policy: dict[str, Any], desired: int, scale_out: bool, trigger: str) -> None:
    """Scale to the wanted capacity, but do not scale in while instances warm up.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-default-instance-warmup.html
    """
    exact = policy.get("AdjustmentType") == "ExactCapacity"
    shrinks = desired < group.desired_capacity
    if shrinks and ((scale_out and not exact) or capacity.count_warming_up(group)):
        return
    before = capacity.instance_ids(group)
    if capacity.change_capacity(group, desired, trigger):
        capacity.start_warm_up(group, policy, before)


def _tracking_policies(backend: Any, group: Any) -> Iterator[dict[str, Any]]:
    for policy in policies_of(backend).values():
        if policy["AutoScalingGroupName"] == group.name and policy["PolicyType"] == "TargetTrackingScaling":
            yield policy


def _allows_scale_in(backend: Any, policy: dict[str, Any]) -> bool:
    """Return whether a target tracking policy allows to scale in; True for one that never scales in itself."""
    if policy["TargetTrackingConfiguration"]["DisableScaleIn"] or not policy["Enabled"]:
        return True
    alarms = alarms_of(backend, policy["PolicyARN"])
    return all(alarm.state_value == "ALARM" for alarm in alarms if alarm.comparison_operator.startswith("Less"))
