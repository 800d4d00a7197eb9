"""One writer per environment: AWS decides who, and everybody else is told who it is."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import SimpleNamespace

import pytest

import runbook_lib.runs.lock as lock_module
from runbook_lib.aws.client import Aws
from runbook_lib.errors import Locked, RequestRejected
from runbook_lib.runs.lock import KEY, LEASE, Lock, LockHolder
from tests.conftest import ACCOUNT

BUCKET = "test-runbook-123456789012-us-west-2"
NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
SINCE = "2026-05-04T03:00:00+00:00"


@pytest.fixture
def s3(aws):
    return aws.client("s3")


@pytest.fixture
def bucket(s3):
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return BUCKET


@pytest.fixture
def told():
    """What the journal of the runs is told."""
    return []


@pytest.fixture
def run(door, told):
    """Makes a run that wants the lock."""

    def make(name, *, through=door, **holder):
        me = LockHolder.this_process(name, f"arn:aws:iam::{ACCOUNT}:user/{name}", SINCE, os.getpid())
        return Lock(through, BUCKET, replace(me, **holder), told=lambda event, **data: told.append((event, data)))

    return make


@pytest.fixture
def later(monkeypatch):
    """Lets S3's clock, by which a lease is measured, go ahead."""
    truly = lock_module._now

    def ahead(by):
        monkeypatch.setattr(lock_module, "_now", lambda answer: truly(answer) + by)

    return ahead


def held_by(s3):
    return json.loads(s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())


def is_held(s3):
    return any(found["Key"] == KEY for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []))


def writes(calls):
    return [call for call in calls if call.write]


ANOTHER_MACHINE = {"host": "another-machine", "pid": 4242, "started": 1.0}


def test_the_lock_says_who_holds_it(bucket, run, s3, told):
    run("one").acquire(NOW)
    found = held_by(s3)
    assert (found["run"], found["caller"], found["since"]) == ("one", f"arn:aws:iam::{ACCOUNT}:user/one", SINCE)
    assert told == [("lock", {"held": True, "bucket": BUCKET})]


def test_the_second_is_told_who_holds_it_since_when_and_what_to_do(bucket, run, s3):
    run("one").acquire(NOW)
    with pytest.raises(Locked) as caught:
        run("two").acquire(NOW)
    for part in ("user/one", "run one", f"since {SINCE}", f"process {held_by(s3)['pid']}"):
        assert part in caught.value.what
    assert "10 minutes" in caught.value.fix
    assert f"s3://{BUCKET}/{KEY}" in caught.value.fix
    assert held_by(s3)["run"] == "one"


def test_of_many_that_begin_at_once_one_gets_it(bucket, run, aws, s3):
    """Side by side, each with a connection of its own: nobody asks first and writes later."""
    doors = [Aws(env="test", region="us-west-2", account=ACCOUNT, connection=aws.connection) for _ in range(6)]
    start = Barrier(len(doors))

    def begin(number):
        wanted = run(f"run-{number}", through=doors[number])
        doors[number].client("s3")
        start.wait(timeout=10)
        try:
            wanted.acquire(NOW)
        except Locked as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(len(doors)) as pool:
        outcomes = list(pool.map(begin, range(len(doors))))
    (winner,) = (number for number, refusal in enumerate(outcomes) if refusal is None)
    assert held_by(s3)["run"] == f"run-{winner}"
    assert all(f"run run-{winner}," in refusal.what for refusal in outcomes if refusal)


def test_the_notebooks_of_a_run_share_its_lock(bucket, run, told, s3):
    """They are processes of their own, and work side by side."""
    run("one").acquire(NOW)
    other = run("one", pid=1, started=1.0)
    other.acquire(NOW)
    other.acquire(NOW + LEASE)
    assert [event for event, _ in told if event == "lock taken over"] == []
    run("one").acquire(NOW)
    with pytest.raises(Locked):
        run("two").acquire(NOW)


def test_it_is_asked_for_once_and_renewed_when_half_its_time_is_over(bucket, run, calls):
    """A run holds before every write; that must not cost a call each."""
    mine = run("one")
    mine.acquire(NOW)
    taken = len(writes(calls))
    mine.acquire(NOW + LEASE / 2 - timedelta(seconds=1))
    assert len(writes(calls)) == taken
    mine.acquire(NOW + LEASE / 2)
    assert [call.operation for call in writes(calls)[taken:]] == ["PutObject"]
    mine.acquire(NOW + LEASE / 2 + timedelta(seconds=1))
    assert len(writes(calls)) == taken + 1


def test_it_is_given_back_and_free_for_the_next(bucket, run, s3, told):
    first = run("one")
    first.acquire(NOW)
    first.release()
    assert not is_held(s3)
    assert told[-1] == ("lock", {"held": False})
    run("two").acquire(NOW)
    assert held_by(s3)["run"] == "two"


def test_who_has_given_it_back_asks_anew(bucket, run):
    first = run("one")
    first.acquire(NOW)
    first.release()
    run("two").acquire(NOW)
    with pytest.raises(Locked, match="run two"):
        first.acquire(NOW)


def test_nobody_gives_back_what_another_holds(bucket, run, s3, told):
    run("one").acquire(NOW)
    run("two").release()
    assert held_by(s3)["run"] == "one"
    assert ("lock", {"held": False}) not in told


def test_to_give_back_what_nobody_holds_is_nothing(bucket, run, told):
    run("one").release()
    assert told == []


# Runs that are over.


def test_the_lock_of_a_dead_process_is_taken_over_at_once(bucket, run, s3, told):
    """A run that was killed on this machine keeps nobody waiting."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    dead = LockHolder.this_process("dead", "arn:aws:iam::123456789012:user/dead", SINCE, process.pid)
    try:
        run("dead", pid=dead.pid, started=dead.started).acquire(NOW)
        assert not dead.is_dead
        with pytest.raises(Locked, match="run dead"):
            run("two").acquire(NOW)
    finally:
        process.communicate()
    assert dead.is_dead
    run("two").acquire(NOW)
    assert held_by(s3)["run"] == "two"
    event, data = told[-2]
    assert (event, data["of"]["run"]) == ("lock taken over", "dead")


def test_another_process_with_the_same_number_is_not_mistaken_for_the_holder(bucket, run, s3):
    """Numbers come round again."""
    run("dead", started=1.0).acquire(NOW)
    run("two").acquire(NOW)
    assert held_by(s3)["run"] == "two"


def test_of_another_machine_nobody_says_that_its_run_is_dead(bucket, run):
    run("far", **ANOTHER_MACHINE).acquire(NOW)
    with pytest.raises(Locked, match=r"on another-machine \(process 4242\)"):
        run("two").acquire(NOW)


@pytest.mark.parametrize(
    ("idle", "free"), [(LEASE - timedelta(minutes=1), False), (LEASE + timedelta(minutes=1), True)]
)
def test_a_run_that_is_silent_for_the_lease_gives_way(bucket, run, s3, told, later, idle, free):
    run("far", **ANOTHER_MACHINE).acquire(NOW)
    later(idle)
    if not free:
        with pytest.raises(Locked, match="run far"):
            run("two").acquire(NOW)
        assert held_by(s3)["run"] == "far"
        return
    run("two").acquire(NOW)
    assert held_by(s3)["run"] == "two"
    event, data = told[-2]
    assert (event, data["of"]["run"]) == ("lock taken over", "far")
    assert data["idle_seconds"] > LEASE.total_seconds()


def test_a_lease_is_measured_by_s3s_clock_alone(bucket, run):
    """A laptop whose clock goes ahead takes nobody's lock."""
    run("far", **ANOTHER_MACHINE).acquire(NOW)
    with pytest.raises(Locked):
        run("two").acquire(NOW + timedelta(days=365))


def test_who_was_taken_over_is_told_before_its_next_change(bucket, run, later):
    """A laptop that slept through its lease must not go on as if nothing had happened."""
    sleeper = run("far", **ANOTHER_MACHINE)
    sleeper.acquire(NOW)
    later(LEASE + timedelta(minutes=1))
    run("two").acquire(NOW)
    later(timedelta())
    with pytest.raises(Locked, match="run two"):
        sleeper.acquire(NOW + LEASE)


def test_who_was_taken_over_takes_nothing_away(bucket, run, later, s3):
    sleeper = run("far", **ANOTHER_MACHINE)
    sleeper.acquire(NOW)
    later(LEASE + timedelta(minutes=1))
    run("two").acquire(NOW)
    sleeper.release()
    assert held_by(s3)["run"] == "two"


def test_one_of_two_that_take_over_gets_it(bucket, run, door, s3):
    """Between the look and the write of one, the other was faster: the look counts for nothing."""
    run("dead", started=1.0).acquire(NOW)

    def look_then_lose(**request):
        answer = door.s3.get_object(**request)
        run("fast").acquire(NOW)
        return answer

    with pytest.raises(Locked, match="run fast"):
        run("slow", through=through(door, get_object=look_then_lose)).acquire(NOW)
    assert held_by(s3)["run"] == "fast"


def test_a_lock_that_was_given_back_and_taken_meanwhile_is_anothers(bucket, run, door, s3):
    """Free when it was looked at, taken when it was written: nobody goes on without the lock."""
    first = run("one")
    first.acquire(NOW)

    def free_for_a_moment(**request):
        first.release()
        try:
            return door.s3.get_object(**request)
        finally:
            run("fast").acquire(NOW)

    with pytest.raises(Locked, match="run fast"):
        run("slow", through=through(door, get_object=free_for_a_moment)).acquire(NOW)
    assert held_by(s3)["run"] == "fast"


# Without a bucket, without an answer, and with somebody else's object.


def test_without_a_bucket_there_is_nothing_to_hold(door, run, told):
    """The bucket is the first thing a run makes; AWS lets one of two runs make it."""
    run("one").acquire(NOW)
    run("one").release()
    assert told == []


def test_as_soon_as_there_is_a_bucket_its_lock_is_taken(door, run, s3):
    mine = run("one")
    mine.acquire(NOW)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    mine.acquire(NOW + timedelta(seconds=1))
    assert held_by(s3)["run"] == "one"


def test_a_lock_that_went_with_its_bucket_stops_nobody(bucket, run, s3):
    """A destroy ends with the bucket, the lock inside it."""
    mine = run("one")
    mine.acquire(NOW)
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    s3.delete_bucket(Bucket=BUCKET)
    mine.acquire(NOW + LEASE)
    mine.release()


def test_a_lock_that_somebody_has_removed_is_taken_again(bucket, run, s3):
    mine = run("one")
    mine.acquire(NOW)
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    mine.acquire(NOW + LEASE)
    assert held_by(s3)["run"] == "one"


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b"{}", b'{"run": "x"}', b"\xff", b'{"unknown": 1}', b"null"])
def test_somebody_elses_object_is_respected_and_told(bucket, run, s3, later, body):
    """Nobody knows what it means; after the lease it is as good as forgotten."""
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)
    with pytest.raises(Locked, match="somebody is changing this environment") as caught:
        run("one").acquire(NOW)
    assert f"remove s3://{BUCKET}/{KEY}" in caught.value.fix
    run("one").release()
    assert s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == body
    later(LEASE + timedelta(minutes=1))
    run("one").acquire(NOW)
    assert held_by(s3)["run"] == "one"


def test_a_lock_of_a_newer_version_of_this_library_is_respected(bucket, run, s3):
    body = {**asdict(LockHolder("new", "arn:x", "far", 1, 1.0, SINCE)), "more": 1}
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=json.dumps(body).encode())
    with pytest.raises(Locked):
        run("one").acquire(NOW)


def through(door, **operations):
    """The door, but for some of S3's operations."""
    s3 = SimpleNamespace(
        **{name: getattr(door.s3, name) for name in ("put_object", "get_object", "delete_object", "list_buckets")}
        | operations
    )
    return SimpleNamespace(s3=s3)


def losing(door, *, arrives):
    """The door, but the answer to the first attempt to take the lock is lost on the way."""
    lost = []

    def put_object(**request):
        if lost:
            return door.s3.put_object(**request)
        lost.append(request)
        if arrives:
            door.s3.put_object(**request)
        raise RequestRejected("no answer", fix="", code="NoAnswer", retryable=True, outcome_known=False)

    return through(door, put_object=put_object)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_answer_locks_nobody_out_of_its_own_lock(bucket, run, door, s3, arrives):
    """Whether AWS wrote it or not: the run has it afterwards, and nobody else has."""
    run("one", through=losing(door, arrives=arrives)).acquire(NOW)
    assert held_by(s3)["run"] == "one"
    with pytest.raises(Locked):
        run("two").acquire(NOW)


def test_a_lost_answer_gives_nobody_anothers_lock(bucket, run, door, s3):
    run("two").acquire(NOW)
    with pytest.raises(Locked, match="run two"):
        run("one", through=losing(door, arrives=False)).acquire(NOW)
    assert held_by(s3)["run"] == "two"


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_answer_to_a_renewal_is_no_loss(bucket, run, door, s3, arrives):
    mine = run("one")
    mine.acquire(NOW)
    mine._aws = losing(door, arrives=arrives)
    mine.acquire(NOW + LEASE)
    mine._aws = door
    mine.acquire(NOW + 2 * LEASE)
    assert held_by(s3)["run"] == "one"


def test_without_any_answer_nobody_goes_on(bucket, run, door, s3):
    """Not to know whether one has the lock is not to have it."""

    def put_object(**request):
        raise RequestRejected("no answer", fix="", code="NoAnswer", retryable=True, outcome_known=False)

    with pytest.raises(Locked):
        run("one", through=through(door, put_object=put_object)).acquire(NOW)
    assert not is_held(s3)


def test_what_aws_refuses_for_another_reason_is_told_as_it_is(bucket, run, door):
    """Without the permission to write a lock, nobody may think that it is free."""

    def put_object(**request):
        raise RequestRejected("PutObject was refused: AccessDenied.", fix="Ask.", code="AccessDenied")

    with pytest.raises(RequestRejected, match="AccessDenied"):
        run("one", through=through(door, put_object=put_object)).acquire(NOW)


def test_a_lock_that_cannot_be_read_is_not_taken(bucket, run, door):
    run("two").acquire(NOW)

    def get_object(**request):
        raise RequestRejected("GetObject was refused: AccessDenied.", fix="Ask.", code="AccessDenied")

    with pytest.raises(RequestRejected, match="AccessDenied"):
        run("one", through=through(door, get_object=get_object)).acquire(NOW)
