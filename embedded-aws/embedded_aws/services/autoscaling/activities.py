"""Scaling activities: the record of what an Auto Scaling group did, and why."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from embedded_aws.patching import Method, patch

PAGE = 100
ENDS = ("Successful", "Failed", "Cancelled")
KEPT = 1000  # AWS keeps six weeks of them; this many are enough for a rehearsal


def record(group: Any, description: str, cause: str, *, subnet: Any = None, failure: str = "") -> dict[str, Any]:
    """Write down that a group launched or terminated an instance; with `failure`, that it could not."""
    now = utcnow()
    place = {"Subnet ID": subnet.id, "Availability Zone": subnet.availability_zone} if subnet else {}
    activity = {
        "ActivityId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "Description": description,
        "Cause": cause,
        "StartTime": now,
        "EndTime": now,
        "StatusCode": "Failed" if failure else "Successful",
        "StatusMessage": failure or None,
        "Progress": 100,
        "Details": json.dumps(place),
    }
    kept = activities_of(group.autoscaling_backend)
    kept.insert(0, activity)
    del kept[KEPT:]
    return activity


def finish(activity: dict[str, Any], status: str) -> None:
    """Let an activity be in a status, which is its last one or one of those before.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Activity.html (StatusCode)
    """
    over = status in ENDS
    activity |= {"StatusCode": status, "Progress": 100 if over else 50, "EndTime": utcnow() if over else None}


def cancel(activity: dict[str, Any], why: str) -> None:
    """End the launch of an instance that will not come into service.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html
    """
    finish(activity, "Cancelled")
    activity |= {"Description": f"{activity['Description']}.  Status Reason: {why}", "StatusMessage": why}


def activities_of(backend: Any) -> list[dict[str, Any]]:
    """All activities of a region, the newest first."""
    kept: list[dict[str, Any]] = vars(backend).setdefault("activities", [])
    return kept


def at(moment: datetime) -> str:
    """A moment as AWS writes it in a cause."""
    return f"At {moment:%Y-%m-%dT%H:%M:%SZ}"


@patch(AutoScalingResponse, "describe_scaling_activities")
def describe_scaling_activities(moto: Method, response: Any) -> ActionResult:
    """The activities of the last weeks, the newest first; those of deleted groups only when asked for.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingActivities.html
    """
    backend = response.autoscaling_backend
    name, ids = response._get_param("AutoScalingGroupName"), response._get_param("ActivityIds", [])
    deleted_too = response._get_bool_param("IncludeDeletedGroups", False)
    found = [
        activity
        for activity in activities_of(backend)
        if name in (None, activity["AutoScalingGroupName"])
        and (not ids or activity["ActivityId"] in ids)
        and (deleted_too or activity["AutoScalingGroupName"] in backend.autoscaling_groups)
    ]
    start, size = int(response._get_param("NextToken") or 0), response._get_int_param("MaxRecords", PAGE)
    token = str(start + size) if len(found) > start + size else None
    return ActionResult({"Activities": found[start : start + size], "NextToken": token})
