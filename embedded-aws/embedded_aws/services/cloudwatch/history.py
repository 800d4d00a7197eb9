"""The history of alarms, which is kept when they are deleted."""

from __future__ import annotations

import json
from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from embedded_aws.patching import add_method

PAGE = 100
MAX_ITEMS = 2000  # AWS keeps 30 days


def record(backend: Any, name: str, kind: str, summary: str, data: dict[str, Any]) -> None:
    """Record an item in the history of an alarm."""
    item = {
        "AlarmName": name,
        "AlarmType": "MetricAlarm",
        "Timestamp": utcnow(),
        "HistoryItemType": kind,
        "HistorySummary": summary,
        "HistoryData": json.dumps(data),
    }
    items = history_of(backend)
    items.insert(0, item)
    del items[MAX_ITEMS:]


def history_of(backend: Any) -> list[dict[str, Any]]:
    """Return the history of all alarms of a region, the newest item first."""
    items: list[dict[str, Any]] = vars(backend).setdefault("alarm_history", [])
    return items


@add_method(CloudWatchResponse)
def describe_alarm_history(response: Any) -> ActionResult:
    """Return the history, filtered and paginated; moto lacks this operation.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
    """
    name, kind = response._get_param("AlarmName"), response._get_param("HistoryItemType")
    start, end = response._get_param("StartDate"), response._get_param("EndDate")
    matching = [
        item
        for item in history_of(response.cloudwatch_backend)
        if name in (None, item["AlarmName"])
        and kind in (None, item["HistoryItemType"])
        and (start is None or item["Timestamp"] >= start)
        and (end is None or item["Timestamp"] <= end)
    ]
    if response._get_param("ScanBy") == "TimestampAscending":
        matching.reverse()
    first, size = int(response._get_param("NextToken") or 0), int(response._get_param("MaxRecords") or PAGE)
    token = str(first + size) if len(matching) > first + size else None
    return ActionResult({"AlarmHistoryItems": matching[first : first + size], "NextToken": token})
