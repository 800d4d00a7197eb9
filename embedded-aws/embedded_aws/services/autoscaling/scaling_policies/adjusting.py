"""Calculate the capacity that a scaling policy wants, from an adjustment, or from a metric and its target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil, inf
from typing import Any

# Decimal digits to round to, so that floating point errors do not cost an instance.
DIGITS = 9


def adjust_capacity(adjustment_type: str, capacity: int, adjustment: int, min_magnitude: int = 0) -> int:
    """Return the capacity after a simple or a step adjustment; `min_magnitude` is MinAdjustmentMagnitude.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html#as-scaling-adjustment
    """
    if adjustment_type == "ExactCapacity":
        return adjustment
    if adjustment_type == "ChangeInCapacity":
        return capacity + adjustment
    exact = capacity * adjustment / 100
    change = max(int(abs(exact)), 1, min_magnitude) if exact else 0
    return capacity + (change if exact > 0 else -change)


def find_adjustment(steps: Iterable[Mapping[str, Any]], difference: float) -> int | None:
    """Return the adjustment of the step that contains the difference between metric and threshold; None if none does.

    Above the threshold the lower bound belongs to a step, below it the upper one.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html#as-scaling-steps
    """
    for step in steps:
        low, high = _bound(step, "MetricIntervalLowerBound", -inf), _bound(step, "MetricIntervalUpperBound", inf)
        if (difference >= 0 and low <= difference < high) or (difference <= 0 and low < difference <= high):
            return int(step["ScalingAdjustment"])
    return None


def _bound(step: Mapping[str, Any], name: str, default: float) -> float:
    value = step.get(name)
    return default if value is None else float(value)


def scale_out_capacity(capacity: int, metric: float, target: float) -> int:
    """Return the capacity at which the metric would be at its target, rounded up.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
    """
    return ceil(round(capacity * metric / target, DIGITS))


def scale_in_capacity(capacity: int, metric: float, target: float) -> int:
    """Return the next capacity on the way down to the target: half of the surplus is removed, at least one instance.

    AWS "scales in more gradually", and does not publish how.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
    """
    surplus = max(0, capacity - scale_out_capacity(capacity, metric, target))
    return capacity - ceil(surplus / 2)
