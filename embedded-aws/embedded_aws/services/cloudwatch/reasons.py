"""The reason of an alarm's state, as CloudWatch's text and as its JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from embedded_aws.services.cloudwatch.evaluation import ALARM, BREACHING, INSUFFICIENT_DATA, OK, Evaluation, Point, Rule

COMPARISON_TEXTS = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


def reason(rule: Rule, evaluation: Evaluation, before: str) -> str:
    """Return the text, as in StateReason of DescribeAlarms and in the notification.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    """
    if evaluation.state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {_count_text(evaluation.missing)} {_was_or_were(evaluation.missing)} unknown."
    alarm = evaluation.state == ALARM
    deciding = [point for point in evaluation.points if rule.is_breaching(point) == alarm]
    if not deciding:
        return f"Threshold Crossed: {_received_text(rule, evaluation)}{_missing_text(rule, evaluation)}."
    listed = ", ".join(f"{point.value} ({_format_day(point.at)})" for point in deciding)
    negation, comparison = "" if alarm else " not", COMPARISON_TEXTS[rule.comparison]
    crossed = f"{_was_or_were(len(deciding))}{negation} {comparison} the threshold"
    of_many = rule.to_alarm is not None and {before, evaluation.state} == {OK, ALARM}
    points = f"{len(deciding)} out of the last {rule.periods} datapoints" if of_many else _count_text(len(deciding))
    missing = _missing_text(rule, evaluation)
    minimum = _minimum_text(rule, before, str(evaluation.state)) if of_many else ""
    return f"Threshold Crossed: {points} [{listed}] {crossed} ({rule.threshold}){missing}{minimum}."


def reason_data(rule: Rule, evaluation: Evaluation, metric: dict[str, Any], now: float) -> str:
    """Return the JSON; `metric` has the statistic, the period and the unit, or None.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    """
    unit = {"unit": metric["unit"]} if metric["unit"] else {}
    start = {"startDate": format_time(evaluation.points[-1].at)} if evaluation.points else {}
    return json.dumps(
        {
            "version": "1.0",
            "queryDate": format_time(now),
            **start,
            **unit,
            "statistic": metric["statistic"],
            "period": metric["period"],
            "recentDatapoints": [point.value for point in reversed(evaluation.points)],
            "threshold": rule.threshold,
            "evaluatedDatapoints": [_describe_point(point) for point in evaluation.points],
        }
    )


def format_time(at: float) -> str:
    """Return a time (seconds since the epoch) as CloudWatch writes it in JSON."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _describe_point(point: Point) -> dict[str, Any]:
    return {"timestamp": format_time(point.at), "sampleCount": point.samples, "value": point.value}


def _received_text(rule: Rule, evaluation: Evaluation) -> str:
    count = len(evaluation.points)
    received = f"{_count_text(count) if count else 'no datapoints'} {'was' if count == 1 else 'were'} received"
    return f"{received} for {rule.periods} period{'' if rule.periods == 1 else 's'}"


def _missing_text(rule: Rule, evaluation: Evaluation) -> str:
    if not evaluation.missing or rule.missing not in ("breaching", "notBreaching"):
        return ""
    treated = "Breaching" if rule.missing == BREACHING else "NonBreaching"
    word = "datapoint was" if evaluation.missing == 1 else "datapoints were"
    return f" and {evaluation.missing} missing {word} treated as [{treated}]"


def _minimum_text(rule: Rule, before: str, state: str) -> str:
    count = rule.required if state == ALARM else rule.periods - rule.required + 1
    return f" (minimum {_count_text(count)} for {before} -> {state} transition)"


def _count_text(count: int) -> str:
    return f"{count} datapoint{'' if count == 1 else 's'}"


def _was_or_were(count: int) -> str:
    return "was" if count == 1 else "were"


def _format_day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d/%m/%y %H:%M:%S")
