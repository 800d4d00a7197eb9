"""The notification that CloudWatch publishes to an SNS topic when an alarm changes its state."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.session import get_session

from embedded_aws.account import backends
from embedded_aws.services.cloudwatch.datapoints import metric_of
from embedded_aws.services.cloudwatch.reasons import format_time

MAX_SUBJECT_LENGTH = 100  # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html


def publish(backend: Any, alarm: Any, topic: str, before: str) -> None:
    """Publish the notification of an alarm to a topic.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """
    sns = backends.backend("sns", topic.split(":")[3])
    sns.publish(message=json.dumps(message(backend, alarm, before)), arn=topic, subject=subject(backend, alarm))


def subject(backend: Any, alarm: Any) -> str:
    """Return the subject, such as ALARM: "errors" in US West (Oregon); a long name is shortened."""
    suffix = f'" in {region_name(backend.region_name)}'
    prefix = f'{alarm.state_value}: "'
    max_name_length = MAX_SUBJECT_LENGTH - len(prefix) - len(suffix)
    name = alarm.name if len(alarm.name) <= max_name_length else f"{alarm.name[: max_name_length - 3]}..."
    return f"{prefix}{name}{suffix}"


def message(backend: Any, alarm: Any, before: str) -> dict[str, Any]:
    """Return the message, which is published as JSON."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": backend.account_id,
        "AlarmConfigurationUpdatedTimestamp": _format_time(alarm.configuration_updated_timestamp),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": _format_time(alarm.state_updated_timestamp),
        "Region": region_name(backend.region_name),
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": before,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "Trigger": {**_metric(alarm), **_rule(alarm)},
    }


def _metric(alarm: Any) -> dict[str, Any]:
    metric = metric_of(alarm)
    if metric is None:
        return {}
    namespace, name, dimensions = metric.key
    kind = "ExtendedStatistic" if metric.statistic.startswith("p") else "Statistic"
    return {
        "MetricName": name,
        "Namespace": namespace,
        "StatisticType": kind,
        kind: metric.statistic if kind == "ExtendedStatistic" else metric.statistic.upper(),
        "Unit": metric.unit,
        "Dimensions": [{"value": value, "name": dimension} for dimension, value in sorted(dimensions)],
        "Period": metric.period,
    }


def _rule(alarm: Any) -> dict[str, Any]:
    to_alarm = {"DatapointsToAlarm": int(alarm.datapoints_to_alarm)} if alarm.datapoints_to_alarm else {}
    return {
        "EvaluationPeriods": int(alarm.evaluation_periods),
        **to_alarm,
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": float(alarm.threshold),
        "TreatMissingData": alarm.treat_missing_data or "",
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
    }


@cache
def region_name(region: str) -> str:
    """Return the descriptive name of a region, such as US West (Oregon)."""
    for partition in get_session().get_data("partitions")["partitions"]:
        if region in partition["regions"]:
            return str(partition["regions"][region]["description"])
    return region


def _format_time(moment: datetime) -> str:
    return format_time(moment.replace(tzinfo=UTC).timestamp())
