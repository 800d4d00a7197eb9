"""Why an alarm is in its state, in CloudWatch's words and as its JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from embedded_aws.services.cloudwatch.evaluation import ALARM, BREACHING, INSUFFICIENT_DATA, OK, Point, Rule, Verdict

COMPARED = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


def reason(rule: Rule, verdict: Verdict, before: str) -> str:
    """The sentence, for instance in StateReason of DescribeAlarms and in the notification.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    """
    if verdict.state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {_counted(verdict.missing)} {_were(verdict.missing)} unknown."
    alarm = verdict.state == ALARM
    deciding = [point for point in verdict.points if rule.breached(point) == alarm]
    if not deciding:
        return f"Threshold Crossed: {_received(rule, verdict)}{_treated(rule, verdict)}."
    listed = ", ".join(f"{point.value} ({_day(point.at)})" for point in deciding)
    crossed = f"{_were(len(deciding))}{'' if alarm else ' not'} {COMPARED[rule.comparison]} the threshold"
    of_many = rule.to_alarm is not None and {before, verdict.state} == {OK, ALARM}
    points = f"{len(deciding)} out of the last {rule.periods} datapoints" if of_many else _counted(len(deciding))
    least = _least(rule, before, str(verdict.state)) if of_many else ""
    return f"Threshold Crossed: {points} [{listed}] {crossed} ({rule.threshold}){_treated(rule, verdict)}{least}."


def reason_data(rule: Rule, verdict: Verdict, watched: dict[str, Any], now: float) -> str:
    """The same for programs; `watched` holds the statistic, the period and, where one is asked for, the unit.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    """
    unit = {"unit": watched["unit"]} if watched["unit"] else {}
    start = {"startDate": stamp(verdict.points[-1].at)} if verdict.points else {}
    return json.dumps(
        {
            "version": "1.0",
            "queryDate": stamp(now),
            **start,
            **unit,
            "statistic": watched["statistic"],
            "period": watched["period"],
            "recentDatapoints": [point.value for point in reversed(verdict.points)],
            "threshold": rule.threshold,
            "evaluatedDatapoints": [_evaluated(point) for point in verdict.points],
        }
    )


def stamp(at: float) -> str:
    """A moment as CloudWatch writes it in JSON."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _evaluated(point: Point) -> dict[str, Any]:
    return {"timestamp": stamp(point.at), "sampleCount": point.samples, "value": point.value}


def _received(rule: Rule, verdict: Verdict) -> str:
    there = len(verdict.points)
    received = f"{_counted(there) if there else 'no datapoints'} {'was' if there == 1 else 'were'} received"
    return f"{received} for {rule.periods} period{'' if rule.periods == 1 else 's'}"


def _treated(rule: Rule, verdict: Verdict) -> str:
    if not verdict.missing or rule.missing not in ("breaching", "notBreaching"):
        return ""
    treated = "Breaching" if rule.missing == BREACHING else "NonBreaching"
    word = "datapoint was" if verdict.missing == 1 else "datapoints were"
    return f" and {verdict.missing} missing {word} treated as [{treated}]"


def _least(rule: Rule, before: str, state: str) -> str:
    count = rule.least if state == ALARM else rule.periods - rule.least + 1
    return f" (minimum {_counted(count)} for {before} -> {state} transition)"


def _counted(count: int) -> str:
    return f"{count} datapoint{'' if count == 1 else 's'}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d/%m/%y %H:%M:%S")
