"""Log groups: their tags go with them."""

from __future__ import annotations

from typing import Any

from moto.logs.models import LogsBackend

from runbook_lib.local.overlays.around import Method, around
from runbook_lib.local.overlays.refused import Refused


@around(LogsBackend, "delete_log_group")
def delete_log_group(moto: Method, logs: Any, name: str) -> None:
    """A group of the same name that is made later starts without the tags of this one."""
    group = logs.groups.get(name)
    moto(logs, name)
    if group:
        logs.tagger.delete_all_tags_for_resource(group.arn)


@around(LogsBackend, "list_tags_for_resource")
def list_tags_for_resource(moto: Method, logs: Any, arn: str) -> Any:
    """Of what there is.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsForResource.html
    """
    if ":log-group:" in arn and arn.removesuffix(":*") not in {group.arn for group in logs.groups.values()}:
        raise Refused("ResourceNotFoundException", "The specified log group does not exist.")
    return moto(logs, arn)
