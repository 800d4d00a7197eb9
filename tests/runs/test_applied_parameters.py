"""The parameters by which something may exist are kept in the environment's bucket."""

import json
from types import SimpleNamespace

import pytest

from runbook_lib.aws.shared_reads import Reads
from runbook_lib.errors import RequestRejected
from runbook_lib.runs.orphans import KEY, AppliedParameters, KnownOrphans
from runbook_lib.stacks.data import data
from runbook_lib.stacks.network import network
from tests.support.stack_runs import PARAMS, THIRD, with_network, with_sessions
from tests.support.wrong_shapes import WRONG

OLD, OLDER = with_sessions(), with_network(zones=THIRD)


class Bucket:
    """A bucket with one object; AWS refuses what is named here with a code."""

    def __init__(self, body=None, **refused):
        self.body, self.refused, self.calls = body, refused, []
        self.s3, self.reads = SimpleNamespace(put_object=self.put), Reads()

    def read_object(self, bucket, key):
        self.call("read", bucket, key)
        if self.body is None:
            raise rejected("NoSuchKey")
        return self.body, {}

    def put(self, **request):
        self.call("write", request["Bucket"], request["Key"])
        assert request["ContentType"] == "application/json"
        self.body = request["Body"]

    def call(self, what, bucket, key):
        assert (bucket, key) == ("ours", KEY)
        self.calls.append(what)
        if code := self.refused.get(what):
            raise rejected(code)


def rejected(code):
    return RequestRejected(f"refused: {code}", fix="Ask.", code=code)


def holding(*versions, **refused):
    return Bucket(json.dumps([one.model_dump(mode="json") for one in versions]).encode(), **refused)


def applied(bucket):
    return AppliedParameters(bucket, "ours")


@pytest.mark.parametrize("code", ["NoSuchBucket", "NoSuchKey", "404"])
def test_without_the_object_or_the_bucket_there_are_none(code):
    assert applied(holding(OLD, read=code)).read() == ()


def test_what_cannot_be_read_or_written_is_an_error():
    """With what AWS refuses, a plan would silently lack what has left the parameters."""
    with pytest.raises(RequestRejected, match="AccessDenied"):
        applied(holding(OLD, read="AccessDenied")).read()
    with pytest.raises(RequestRejected, match="AccessDenied"):
        applied(holding(OLD, write="AccessDenied")).add(PARAMS)


def test_the_newest_comes_last_and_each_once():
    bucket = Bucket()
    ours = applied(bucket)
    for params in (OLDER, OLD, PARAMS, OLD):
        assert ours.add(params) is True
    assert ours.read() == (OLDER, PARAMS, OLD)
    written = bucket.calls.count("write")
    assert ours.add(OLD) is True
    assert bucket.calls.count("write") == written


@pytest.mark.parametrize("code", ["NoSuchBucket", "NoSuchKey", "404"])
def test_without_the_bucket_nothing_is_added(code):
    assert applied(Bucket(write=code)).add(PARAMS) is False


def test_the_others_are_forgotten():
    bucket = holding(OLDER, OLD, PARAMS)
    applied(bucket).forget_others(PARAMS)
    assert applied(bucket).read() == (PARAMS,)
    writes = bucket.calls.count("write")
    applied(bucket).forget_others(PARAMS)
    assert bucket.calls.count("write") == writes == 1


@pytest.mark.parametrize("body", [*(json.dumps(one).encode() for one in WRONG), b"", b"{", b"\xff", b"[" * 100_000])
def test_an_object_of_the_wrong_shape_holds_none(body):
    """Then what has left the parameters is reported and not removed."""
    assert applied(Bucket(body)).read() == ()


@pytest.mark.parametrize("wrong", WRONG)
def test_a_version_that_today_s_code_does_not_accept_is_passed_over(wrong):
    entries = [OLD.model_dump(mode="json"), wrong, {**PARAMS.model_dump(mode="json"), "network": wrong}]
    assert applied(Bucket(json.dumps([*entries, PARAMS.model_dump(mode="json")]).encode())).read() == (OLD, PARAMS)


def test_todays_parameters_are_kept_once_and_as_soon_as_there_is_a_bucket():
    bucket = Bucket(write="NoSuchBucket")
    known = KnownOrphans(PARAMS, bucket, "ours")
    known.add_parameters()
    bucket.refused.clear()
    known.add_parameters()
    assert applied(bucket).read() == (PARAMS,)
    calls = len(bucket.calls)
    known.add_parameters()
    assert len(bucket.calls) == calls


def test_each_stack_has_its_own():
    known = KnownOrphans(PARAMS, holding(OLD, OLDER, PARAMS), "ours")
    in_network, in_data = known.of(network(PARAMS)), known.of(data(PARAMS))
    assert "security_group.cache" in {one.key for one in in_network}
    assert "cache_replication_group.sessions" in {one.key for one in in_data}
    assert known.of(network(PARAMS).vpc) == in_network
    assert {one.key for one in known.all} == {one.key for one in (*in_network, *in_data)}
    assert {known.stack_of(one) for one in in_data} == {"data"}
    assert {known.stack_of(one) for one in in_network} == {"network"}
    assert KnownOrphans(PARAMS, holding(PARAMS), "ours").of(network(PARAMS)) == ()
    known.forget()
    assert KnownOrphans(PARAMS, known._applied._aws, "ours").by_stack == {}
