"""AWS that does not answer is waited for; an answer that was cut off is none."""

import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from botocore.awsrequest import HeadersDict

from runbook_lib.aws import outages
from runbook_lib.aws.error_translation import NO_RESPONSE, UnreadableAnswer
from runbook_lib.aws.outages import Outage, require_readable
from runbook_lib.errors import RequestRejected


class Time:
    """A clock that goes on only while somebody sleeps."""

    def __init__(self):
        self.now, self.pauses = 1000.0, []

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def time():
    return Time()


def outage(time, **more):
    return Outage(lambda: time.now, time.sleep, **more)


def silent(times=None, code=NO_RESPONSE):
    """A read that is not answered so many times, and then is."""
    left = [times]

    def read():
        if left[0] == 0:
            return "answer"
        left[0] = left[0] and left[0] - 1
        raise RequestRejected("ListVpcs got no answer.", fix="Look at the network.", code=code, retryable=False)

    return read


def test_a_read_is_repeated_until_aws_answers(time):
    """With longer and longer pauses."""
    assert outage(time, answered=True).wait_out(silent(8)) == "answer"
    assert time.pauses == [0.25, 0.5, 1, 2, 4, 8, 10, 10]


def test_after_three_minutes_the_error_says_since_when_nobody_has_answered(time, monkeypatch):
    moments = iter([datetime(2026, 5, 4, 3, 0, tzinfo=UTC), datetime(2026, 5, 4, 3, 7, 5, tzinfo=UTC)])
    monkeypatch.setattr(outages, "datetime", SimpleNamespace(now=lambda zone: next(moments)))
    ours = outage(time)
    ours.note_answer()
    with pytest.raises(RequestRejected) as caught:
        ours.wait_out(silent())
    assert 180 <= sum(time.pauses) < 190
    assert caught.value.what == (
        f"ListVpcs got no answer. AWS has not answered for {round(sum(time.pauses))} s;"
        " its last answer came at 2026-05-04 03:07:05 UTC."
    )
    assert (caught.value.fix, caught.value.code) == ("Look at the network.", NO_RESPONSE)
    assert (caught.value.retryable, caught.value.outcome_known) == (True, False)


def test_what_takes_exactly_three_minutes_is_over(time):
    ours = outage(time, answered=True)
    read = silent()

    def slow():
        time.now += outages.LONGEST_OUTAGE
        return read()

    with pytest.raises(RequestRejected, match="has not answered for 180 s"):
        ours.wait_out(slow)
    assert time.pauses == []


def test_a_process_that_aws_has_never_answered_does_not_wait(time):
    with pytest.raises(RequestRejected, match=r"^ListVpcs got no answer\.") as caught:
        outage(time).wait_out(silent())
    assert time.pauses == []
    assert "has not answered for" not in caught.value.what


def test_what_aws_refuses_is_not_repeated(time):
    with pytest.raises(RequestRejected):
        outage(time, answered=True).wait_out(silent(code="AccessDenied"))
    assert time.pauses == []


def model(
    protocol="json", *, resolved=True, members=("Name",), output=True, streaming=False, events=False, method="POST"
):
    """An operation as botocore describes it."""
    service = SimpleNamespace(metadata={"protocol": protocol if not resolved else "query"})
    if resolved:
        service.resolved_protocol = protocol
    shape = SimpleNamespace(members=dict.fromkeys(members)) if output else None
    return SimpleNamespace(
        name="ListThings", service_model=service, output_shape=shape, has_streaming_output=streaming,
        has_event_stream_output=events, http={"method": method},
    )  # fmt: skip


def answer(content, status=200, **headers):
    headers = HeadersDict({name.replace("_", "-"): value for name, value in headers.items()})
    return SimpleNamespace(content=content, status_code=status, headers=headers)


@pytest.mark.parametrize("protocol", ["rest-xml", "query", "json"])
def test_an_answer_that_is_shorter_than_it_says_was_cut_off(protocol):
    """A bucket's policy is no XML: botocore takes half of it as it comes."""
    policy = b'{"Version": "2012-10-17", "Statement": []}'
    require_readable(model(protocol), answer(policy, Content_Length=str(len(policy))))
    with pytest.raises(UnreadableAnswer, match="was cut off after 21 of 42 bytes"):
        require_readable(model(protocol), answer(policy[:21], Content_Length="42"))


@pytest.mark.parametrize(
    ("of", "headers"),
    [
        (model("rest-xml", method="HEAD"), {"Content_Length": "42"}),
        (model("rest-xml"), {"Content_Length": "42", "Content_Encoding": "gzip"}),
        (model("rest-xml", streaming=True), {"Content_Length": "42"}),
        (model("rest-xml"), {}),
    ],
    ids=["a head", "unpacked", "a stream", "of no length"],
)
def test_a_length_that_is_of_something_else_says_nothing(of, headers):
    require_readable(of, answer(b"<a/>", **headers))


@pytest.mark.parametrize("resolved", [True, False], ids=["newer botocore", "older botocore"])
@pytest.mark.parametrize("protocol", ["json", "rest-json"])
@pytest.mark.parametrize("content", [b'{"Things": [', b'{"Things": "\xff', b"{"])
def test_an_answer_in_json_that_was_cut_off_is_none(protocol, content, resolved):
    """botocore takes it for an answer without fields."""
    with pytest.raises(UnreadableAnswer, match="The answer to ListThings was cut off: "):
        require_readable(model(protocol, resolved=resolved), answer(content))
    require_readable(model(protocol, resolved=resolved), answer(b'{"Things": []}'))


def test_an_empty_answer_is_none_where_fields_belong():
    with pytest.raises(UnreadableAnswer, match=re.escape("The answer to ListThings is empty")):
        require_readable(model(), answer(b""))
    with pytest.raises(UnreadableAnswer):
        require_readable(model(), answer(b"", status=299))


@pytest.mark.parametrize(
    ("of", "status"),
    [
        (model("rest-json"), 200), (model(output=False), 200), (model(members=()), 200), (model(), 300), (model(), 500),
    ],
    ids=["rest-json", "without output", "without fields", "redirected", "failed"],
)  # fmt: skip
def test_an_empty_answer_is_one_where_no_field_has_to_be(of, status):
    require_readable(of, answer(b"", status))


@pytest.mark.parametrize(
    "of",
    [model("query"), model("rest-xml"), model(""), model(streaming=True), model(events=True)],
    ids=["query", "xml", "unknown", "a stream", "events"],
)
def test_other_answers_are_read_elsewhere(of):
    """A stream is read later; botocore raises an error for XML."""
    for content in (b"", b"<Things>", b"{"):
        require_readable(of, answer(content))
