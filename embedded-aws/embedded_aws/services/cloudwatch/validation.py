"""Alarms that CloudWatch does not take; values that its model knows are refused with those of other services."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

SHORT = (10, 20, 30)  # seconds


@patch(CloudWatchResponse, "put_metric_alarm")
def put_metric_alarm(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html."""
    for found in _wrong(response.params):
        raise ServiceError("ValidationError", found)
    return moto(response)


def _wrong(sent: Any) -> list[str]:
    wrong, some, periods = [], sent.get("DatapointsToAlarm"), sent.get("EvaluationPeriods")
    if some and periods and some > periods:
        wrong.append(f"DatapointsToAlarm ({some}) must not be greater than EvaluationPeriods ({periods})")
    if not sent.get("MetricName"):  # it is about expressions, or about a query
        return wrong
    period = sent.get("Period")
    if not period or (period not in SHORT and period % 60):
        wrong.append("Period must be 10, 20, 30 or a multiple of 60")
    if bool(sent.get("Statistic")) == bool(sent.get("ExtendedStatistic")):
        wrong.append("Exactly one of Statistic and ExtendedStatistic must be specified")
    return wrong
