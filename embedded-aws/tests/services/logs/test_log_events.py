"""Log events are found as CloudWatch Logs finds them."""

import time

import pytest
from moto.logs.models import LogGroup

import embedded_aws.services.logs.log_events as log_events
from services.errors import raises

NOW = int(time.time() * 1000)


@pytest.fixture
def logs(aws):
    """Two streams of a group; the second has an event between those of the first."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/one")
    for stream, events in {"a_web": {NOW - 3: "first", NOW - 1: "third"}, "b_web": {NOW - 2: "second"}}.items():
        logs.create_log_stream(logGroupName="/one", logStreamName=stream)
        sent = [{"timestamp": at, "message": text} for at, text in events.items()]
        logs.put_log_events(logGroupName="/one", logStreamName=stream, logEvents=sent)
    return logs


def found(logs, **more):
    return [event["message"] for event in logs.filter_log_events(logGroupName="/one", **more)["events"]]


def test_events_of_all_streams_are_sorted_by_time(logs):
    assert found(logs) == ["first", "second", "third"]


def test_a_prefix_selects_streams(logs):
    assert found(logs, logStreamNamePrefix="a_") == ["first", "third"]
    assert found(logs, logStreamNamePrefix="c_") == []
    with raises("InvalidParameterException"):
        found(logs, logStreamNamePrefix="a_", logStreamNames=["b_web"])
    with raises("ResourceNotFoundException"):
        logs.filter_log_events(logGroupName="/none", logStreamNamePrefix="a_")


def test_pages_are_complete_and_ids_unique(logs):
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="/one", logStreamNamePrefix="a_", PaginationConfig={"PageSize": 1}
    )
    events = [event for page in pages for event in page["events"]]
    assert [event["message"] for event in events] == ["first", "third"]
    assert len({event["eventId"] for event in events}) == 2


def test_events_that_are_older_than_the_retention_expire(logs):
    logs.put_retention_policy(logGroupName="/one", retentionInDays=1)
    old = [{"timestamp": NOW - 25 * 3_600_000, "message": "yesterday"}, {"timestamp": NOW, "message": "today"}]
    logs.create_log_stream(logGroupName="/one", logStreamName="c_web")
    logs.put_log_events(logGroupName="/one", logStreamName="c_web", logEvents=old)
    assert found(logs, logStreamNamePrefix="c_") == ["today"]


def test_of_a_stream_the_newest_events_are_kept(monkeypatch):
    """A server that stays up for weeks would grow with each line of its hosts' logs."""
    monkeypatch.setattr(log_events, "MAX_EVENTS", 3)
    group = LogGroup("123456789012", "us-west-2", "/two")
    group.create_log_stream("web")
    for number in range(5):
        group.streams["web"].put_log_events([{"timestamp": NOW, "message": str(number)}])
    assert [event.message for event in group.streams["web"].events] == ["2", "3", "4"]
