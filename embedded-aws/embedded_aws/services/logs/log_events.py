"""Log events: their ids are unique, they are sorted by time, and expire; a prefix of streams' names selects them."""

from __future__ import annotations

import json
import time
from itertools import count
from typing import Any

from moto.logs.models import LogEvent, LogGroup, LogStream
from moto.logs.responses import LogsResponse

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

MAX_EVENTS = 20_000
"""The newest events of a stream that are kept, so that the account does not grow for ever; AWS keeps them all."""
_DAY = 86_400_000

_ids = count(time.time_ns())  # greater than those of an earlier server, whose events are in the account


@patch(LogEvent, "__init__")
def create_event(moto: Method, event: Any, ingestion_time: int, log_event: dict[str, Any]) -> None:
    """Give each event an id of its own; moto's begin at 0 again with each process.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilteredLogEvent.html
    """
    moto(event, ingestion_time, log_event)
    event.event_id = f"{next(_ids):056d}"


@patch(LogStream, "put_log_events")
def drop_old_events(moto: Method, stream: Any, log_events: list[dict[str, Any]]) -> str:
    """Drop the stream's events that are older than the retention of its group.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    """
    token = str(moto(stream, log_events))
    days = int(stream.log_group.retention_in_days or 0)
    oldest = time.time() * 1000 - days * _DAY if days else 0
    if len(stream.events) > MAX_EVENTS or (stream.events and stream.events[0].timestamp < oldest):
        stream.events = [event for event in stream.events[-MAX_EVENTS:] if event.timestamp >= oldest]
    return token


@patch(LogGroup, "filter_log_events")
def sort_events(moto: Method, group: Any, *args: Any, **changes: Any) -> Any:
    """Sort the events of all streams by time: "interleaved" is ignored, as it always is.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    return moto(group, *args[:-1], True, **changes)


@patch(LogsResponse, "filter_log_events")
def select_streams(moto: Method, response: Any) -> str:
    """Answer for the streams whose names begin with logStreamNamePrefix, which moto ignores.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    prefix, names = response._get_param("logStreamNamePrefix"), response._get_param("logStreamNames")
    if not prefix:
        return str(moto(response))
    if names:
        raise ServiceError("InvalidParameterException", "Specify either logStreamNames or logStreamNamePrefix.")
    group = response.logs_backend.groups.get(response._get_param("logGroupName"))
    names = [name for name in group.streams if name.startswith(prefix)] if group else []
    if group and not names:
        return json.dumps({"events": [], "searchedLogStreams": []})
    parameter = response._get_param
    response._get_param = lambda name, *rest: names if name == "logStreamNames" else parameter(name, *rest)
    return str(moto(response))
