"""Validation of alarms beyond what the service model validates."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

SHORT_PERIODS = (10, 20, 30)  # seconds


@patch(CloudWatchResponse, "put_metric_alarm")
def put_metric_alarm(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html."""
    for problem in _problems(response.params):
        raise ServiceError("ValidationError", problem)
    return moto(response)


def _problems(params: Any) -> list[str]:
    problems, to_alarm, periods = [], params.get("DatapointsToAlarm"), params.get("EvaluationPeriods")
    if to_alarm and periods and to_alarm > periods:
        problems.append(f"DatapointsToAlarm ({to_alarm}) must not be greater than EvaluationPeriods ({periods})")
    if not params.get("MetricName"):  # an alarm on metric math or a metric query
        return problems
    period = params.get("Period")
    if not period or (period not in SHORT_PERIODS and period % 60):
        problems.append("Period must be 10, 20, 30 or a multiple of 60")
    if bool(params.get("Statistic")) == bool(params.get("ExtendedStatistic")):
        problems.append("Exactly one of Statistic and ExtendedStatistic must be specified")
    return problems
