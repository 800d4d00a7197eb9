"""The history of alarms, which outlives them."""

from __future__ import annotations

import json
from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from embedded_aws.patching import add_method

PAGE = 100
KEPT = 2000  # AWS keeps it for 30 days; this much is enough for a rehearsal


def record(backend: Any, name: str, kind: str, summary: str, data: dict[str, Any]) -> None:
    """Write down what happened to an alarm."""
    item = {
        "AlarmName": name,
        "AlarmType": "MetricAlarm",
        "Timestamp": utcnow(),
        "HistoryItemType": kind,
        "HistorySummary": summary,
        "HistoryData": json.dumps(data),
    }
    kept = history_of(backend)
    kept.insert(0, item)
    del kept[KEPT:]


def history_of(backend: Any) -> list[dict[str, Any]]:
    """What happened to all alarms of a region, the newest first."""
    kept: list[dict[str, Any]] = vars(backend).setdefault("alarm_history", [])
    return kept


@add_method(CloudWatchResponse)
def describe_alarm_history(response: Any) -> ActionResult:
    """moto has no such operation.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
    """
    name, kind = response._get_param("AlarmName"), response._get_param("HistoryItemType")
    start, end = response._get_param("StartDate"), response._get_param("EndDate")
    found = [
        item
        for item in history_of(response.cloudwatch_backend)
        if name in (None, item["AlarmName"])
        and kind in (None, item["HistoryItemType"])
        and (start is None or item["Timestamp"] >= start)
        and (end is None or item["Timestamp"] <= end)
    ]
    if response._get_param("ScanBy") == "TimestampAscending":
        found.reverse()
    first, size = int(response._get_param("NextToken") or 0), int(response._get_param("MaxRecords") or PAGE)
    token = str(first + size) if len(found) > first + size else None
    return ActionResult({"AlarmHistoryItems": found[first : first + size], "NextToken": token})
