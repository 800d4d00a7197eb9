"""What CloudWatch publishes to an SNS topic when an alarm changes its state."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.session import get_session

from embedded_aws.account import backends
from embedded_aws.services.cloudwatch.datapoints import watched
from embedded_aws.services.cloudwatch.reasons import stamp

LONGEST_SUBJECT = 100  # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html


def publish(backend: Any, alarm: Any, topic: str, before: str) -> None:
    """Tell a topic; its subscriptions get it as from CloudWatch.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """
    sns = backends.backend("sns", topic.split(":")[3])
    sns.publish(message=json.dumps(message(backend, alarm, before)), arn=topic, subject=subject(backend, alarm))


def subject(backend: Any, alarm: Any) -> str:
    """Such as ALARM: "errors" in US West (Oregon); a long name is cut."""
    place = f'" in {region_name(backend.region_name)}'
    start = f'{alarm.state_value}: "'
    room = LONGEST_SUBJECT - len(start) - len(place)
    name = alarm.name if len(alarm.name) <= room else f"{alarm.name[: room - 3]}..."
    return f"{start}{name}{place}"


def message(backend: Any, alarm: Any, before: str) -> dict[str, Any]:
    """The JSON, as subscribers of AWS read it."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": backend.account_id,
        "AlarmConfigurationUpdatedTimestamp": _at(alarm.configuration_updated_timestamp),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": _at(alarm.state_updated_timestamp),
        "Region": region_name(backend.region_name),
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": before,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "Trigger": {**_metric(alarm), **_rule(alarm)},
    }


def _metric(alarm: Any) -> dict[str, Any]:
    found = watched(alarm)
    if found is None:
        return {}
    namespace, name, dimensions = found.key
    kind = "ExtendedStatistic" if found.statistic.startswith("p") else "Statistic"
    return {
        "MetricName": name,
        "Namespace": namespace,
        "StatisticType": kind,
        kind: found.statistic if kind == "ExtendedStatistic" else found.statistic.upper(),
        "Unit": found.unit,
        "Dimensions": [{"value": value, "name": dimension} for dimension, value in sorted(dimensions)],
        "Period": found.period,
    }


def _rule(alarm: Any) -> dict[str, Any]:
    least = {"DatapointsToAlarm": int(alarm.datapoints_to_alarm)} if alarm.datapoints_to_alarm else {}
    return {
        "EvaluationPeriods": int(alarm.evaluation_periods),
        **least,
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": float(alarm.threshold),
        "TreatMissingData": alarm.treat_missing_data or "",
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
    }


@cache
def region_name(region: str) -> str:
    """What people call a region, such as US West (Oregon)."""
    for partition in get_session().get_data("partitions")["partitions"]:
        if region in partition["regions"]:
            return str(partition["regions"][region]["description"])
    return region


def _at(moment: datetime) -> str:
    return stamp(moment.replace(tzinfo=UTC).timestamp())
