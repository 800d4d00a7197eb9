"""The state of an alarm as a function of its rule and of the newest data points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
MISSING, IGNORE, BREACHING, NOT_BREACHING = "missing", "ignore", "breaching", "notBreaching"

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": gt,
    "GreaterThanOrEqualToThreshold": ge,
    "LessThanThreshold": lt,
    "LessThanOrEqualToThreshold": le,
}
# CloudWatch retrieves more data points than it evaluates, in case some are missing. How many depends on the
# period and is not published; in AWS's examples it is 5 for 3 evaluation periods.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
EXTRA_PERIODS = 2


@dataclass(frozen=True)
class Point:
    """The statistic of one period that has data."""

    at: float
    value: float
    samples: float


@dataclass(frozen=True)
class Rule:
    """The comparison of an alarm, and how many data points have to breach the threshold."""

    comparison: str
    threshold: float
    periods: int
    to_alarm: int | None = None
    missing: str = MISSING

    @property
    def required(self) -> int:
        """How many data points have to be breaching for ALARM."""
        return self.to_alarm or self.periods

    @property
    def range_size(self) -> int:
        """How many periods are retrieved, including the newest."""
        return self.periods + EXTRA_PERIODS

    def is_breaching(self, point: Point) -> bool:
        """Return whether a data point breaches the threshold."""
        return COMPARISONS[self.comparison](point.value, self.threshold)


@dataclass(frozen=True)
class Evaluation:
    """A state, the evaluated data points (the newest first), and how many were missing.

    With a state of None the alarm keeps its present state.
    """

    state: str | None
    points: tuple[Point, ...]
    missing: int = 0


def evaluate(rule: Rule, window: Sequence[Point | None]) -> Evaluation:
    """Return the state for the data points of the evaluation range.

    Args:
        window: The data points, the newest first; None for a period without data.


    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    present = [(age, point) for age, point in enumerate(window[: rule.range_size], 1) if point is not None]
    points = tuple(point for _, point in present[: rule.periods])
    missing = rule.periods - len(points)
    breaching = sum(rule.is_breaching(point) for point in points)
    if missing and rule.missing in (BREACHING, NOT_BREACHING):
        breaching += missing if rule.missing == BREACHING else 0
    elif missing and breaching < rule.required and breaching == len(points):
        return Evaluation(_evaluate_incomplete(rule, [age for age, _ in present]), points, missing)
    return Evaluation(ALARM if breaching >= rule.required else OK, points, missing)


def _evaluate_incomplete(rule: Rule, ages: list[int]) -> str | None:
    """Return the state when all present data points are breaching, but are too few.

    It is ALARM nevertheless if the oldest is as old as the data points to alarm, unless missing data is ignored.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html#CloudWatch-alarms-avoiding-premature-transition
    """
    if rule.missing == IGNORE:
        return None
    return ALARM if ages and ages[-1] >= rule.required else INSUFFICIENT_DATA
