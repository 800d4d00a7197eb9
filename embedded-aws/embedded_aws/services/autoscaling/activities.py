"""Scaling activities: a log of what an Auto Scaling group did, and why."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from embedded_aws.patching import Method, patch
from embedded_aws.services.autoscaling.requests import paginate

PAGE_SIZE = 100
FINAL_STATUSES = ("Successful", "Failed", "Cancelled")
MAX_ACTIVITIES = 1000  # AWS keeps activities for six weeks


def record(group: Any, description: str, cause: str, *, subnet: Any = None, failure: str = "") -> dict[str, Any]:
    """Record and return an activity of a group; with `failure`, a failed one."""
    now = utcnow()
    details = {"Subnet ID": subnet.id, "Availability Zone": subnet.availability_zone} if subnet else {}
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
        "Details": json.dumps(details),
    }
    activities = activities_of(group.autoscaling_backend)
    activities.insert(0, activity)
    del activities[MAX_ACTIVITIES:]
    return activity


def set_status(activity: dict[str, Any], status: str) -> None:
    """Set the status of an activity, and its progress and end time accordingly.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Activity.html (StatusCode)
    """
    is_final = status in FINAL_STATUSES
    activity |= {"StatusCode": status, "Progress": 100 if is_final else 50, "EndTime": utcnow() if is_final else None}


def cancel(activity: dict[str, Any], reason: str) -> None:
    """Cancel the launch of an instance that will not come into service.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html
    """
    set_status(activity, "Cancelled")
    activity |= {"Description": f"{activity['Description']}.  Status Reason: {reason}", "StatusMessage": reason}


def activities_of(backend: Any) -> list[dict[str, Any]]:
    """Return all activities of a region, the newest first."""
    activities: list[dict[str, Any]] = vars(backend).setdefault("activities", [])
    return activities


def format_time(time: datetime) -> str:
    """Return the time as AWS writes it at the start of a cause."""
    return f"At {time:%Y-%m-%dT%H:%M:%SZ}"


@patch(AutoScalingResponse, "describe_scaling_activities")
def describe_scaling_activities(moto: Method, response: Any) -> ActionResult:
    """Return the activities, the newest first; those of deleted groups only with IncludeDeletedGroups.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingActivities.html
    """
    backend = response.autoscaling_backend
    name, ids = response._get_param("AutoScalingGroupName"), response._get_param("ActivityIds", [])
    include_deleted = response._get_bool_param("IncludeDeletedGroups", False)
    activities = [
        activity
        for activity in activities_of(backend)
        if name in (None, activity["AutoScalingGroupName"])
        and (not ids or activity["ActivityId"] in ids)
        and (include_deleted or activity["AutoScalingGroupName"] in backend.autoscaling_groups)
    ]
    page, token = paginate(response, activities, PAGE_SIZE)
    return ActionResult({"Activities": page, "NextToken": token})
