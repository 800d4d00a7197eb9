"""The arithmetic of scaling policies: from a capacity and an adjustment, or a metric and its target, to a capacity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil, inf
from typing import Any

# A metric in the middle of floating point noise must not cost an instance.
DIGITS = 9


def adjusted(kind: str, capacity: int, adjustment: int, least: int = 0) -> int:
    """The capacity after a simple or a step adjustment; `least` is MinAdjustmentMagnitude.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html#as-scaling-adjustment
    """
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return capacity + adjustment
    exact = capacity * adjustment / 100
    change = max(int(abs(exact)), 1, least) if exact else 0
    return capacity + (change if exact > 0 else -change)


def step(steps: Iterable[Mapping[str, Any]], beyond: float) -> int | None:
    """The adjustment of the step that holds the difference between metric and threshold; None where none does.

    Above the threshold the lower bound belongs to a step, below it the upper one.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html#as-scaling-steps
    """
    for one in steps:
        low, high = _bound(one, "MetricIntervalLowerBound", -inf), _bound(one, "MetricIntervalUpperBound", inf)
        if (beyond >= 0 and low <= beyond < high) or (beyond <= 0 and low < beyond <= high):
            return int(one["ScalingAdjustment"])
    return None


def _bound(one: Mapping[str, Any], name: str, otherwise: float) -> float:
    found = one.get(name)
    return otherwise if found is None else float(found)


def tracked_out(capacity: int, metric: float, target: float) -> int:
    """The capacity with which the metric would be at its target: rounded up.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
    """
    return ceil(round(capacity * metric / target, DIGITS))


def tracked_in(capacity: int, metric: float, target: float) -> int:
    """A part of the way down to that capacity: AWS "scales in more gradually", and does not publish how.

    Here half of what is too much goes at a time, and at least one.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
    """
    surplus = max(0, capacity - tracked_out(capacity, metric, target))
    return capacity - ceil(surplus / 2)
