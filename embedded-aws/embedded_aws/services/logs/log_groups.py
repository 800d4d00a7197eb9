"""Log groups: tags are deleted with them, and the retention is one of the values that AWS allows."""

from __future__ import annotations

from typing import Any

from moto.logs.models import LogsBackend

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html (retentionInDays)
DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


@patch(LogsBackend, "put_retention_policy")
def put_retention_policy(moto: Method, logs: Any, name: str, days: int) -> None:
    """Require an allowed number of days.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    """
    if days not in DAYS:
        choice = f"Member must satisfy enum value set: [{', '.join(map(str, DAYS))}]"
        reason = f"Value '{days}' at 'retentionInDays' failed to satisfy constraint: {choice}"
        raise ServiceError("InvalidParameterException", f"1 validation error detected: {reason}")
    moto(logs, name, days)


@patch(LogsBackend, "delete_log_group")
def delete_log_group(moto: Method, logs: Any, name: str) -> None:
    """Delete the tags with the group, so that a new group of the same name has none."""
    group = logs.groups.get(name)
    moto(logs, name)
    if group:
        logs.tagger.delete_all_tags_for_resource(group.arn)


@patch(LogsBackend, "list_tags_for_resource")
def list_tags_for_resource(moto: Method, logs: Any, arn: str) -> Any:
    """Require an existing log group.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsForResource.html
    """
    if ":log-group:" in arn and arn.removesuffix(":*") not in {group.arn for group in logs.groups.values()}:
        raise ServiceError("ResourceNotFoundException", "The specified log group does not exist.")
    return moto(logs, arn)
