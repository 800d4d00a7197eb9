"""How CloudWatch finds the state of an alarm: a function of its rule and of the newest data points."""

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
# CloudWatch retrieves more data points than it evaluates, for the case that some are missing. How many depends on the
# period and is not published; in AWS's examples it is 5 for 3 evaluation periods.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
SPARE = 2


@dataclass(frozen=True)
class Point:
    """The statistic of one period that has data."""

    at: float
    value: float
    samples: float


@dataclass(frozen=True)
class Rule:
    """What an alarm compares, and how often it has to be so."""

    comparison: str
    threshold: float
    periods: int
    to_alarm: int | None = None
    missing: str = MISSING

    @property
    def least(self) -> int:
        """How many data points have to be breaching."""
        return self.to_alarm or self.periods

    @property
    def reach(self) -> int:
        """How many periods are looked at, the newest included."""
        return self.periods + SPARE

    def breached(self, point: Point) -> bool:
        """Whether a data point is on the wrong side."""
        return COMPARISONS[self.comparison](point.value, self.threshold)


@dataclass(frozen=True)
class Verdict:
    """A state, the data points that it was found from (the newest first), and how many were missing.

    A state of None: the alarm stays in the one that it has.
    """

    state: str | None
    points: tuple[Point, ...]
    missing: int = 0


def judge(rule: Rule, window: Sequence[Point | None]) -> Verdict:
    """The state by the data points of the evaluation range, the newest first; None where a period has no data.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    there = [(age, point) for age, point in enumerate(window[: rule.reach], 1) if point is not None]
    points = tuple(point for _, point in there[: rule.periods])
    missing = rule.periods - len(points)
    breaching = sum(rule.breached(point) for point in points)
    if missing and rule.missing in (BREACHING, NOT_BREACHING):
        breaching += missing if rule.missing == BREACHING else 0
    elif missing and breaching < rule.least and breaching == len(points):
        return Verdict(_without_enough(rule, [age for age, _ in there]), points, missing)
    return Verdict(ALARM if breaching >= rule.least else OK, points, missing)


def _without_enough(rule: Rule, ages: list[int]) -> str | None:
    """All that there is is breaching, but it is too little.

    If the oldest is as old as the data points to alarm, it is an alarm nevertheless, unless missing data is ignored.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html#CloudWatch-alarms-avoiding-premature-transition
    """
    if rule.missing == IGNORE:
        return None
    return ALARM if ages and ages[-1] >= rule.least else INSUFFICIENT_DATA
