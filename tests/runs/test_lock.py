"""One run at a time changes an environment; others learn who holds the lock."""

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
def events():
    """The events that the locks write into the journal."""
    return []


@pytest.fixture
def run(door, events):
    """Creates the lock of a run."""

    def make(name, *, through=door, **holder):
        me = LockHolder.this_process(name, f"arn:aws:iam::{ACCOUNT}:user/{name}", SINCE, os.getpid())
        return Lock(through, BUCKET, replace(me, **holder), record=lambda event, **data: events.append((event, data)))

    return make


@pytest.fixture
def later(monkeypatch):
    """Advances S3's clock, which measures the lease."""
    now = lock_module._now

    def advance(by):
        monkeypatch.setattr(lock_module, "_now", lambda answer: now(answer) + by)

    return advance


def held_by(s3):
    return json.loads(s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())


def is_held(s3):
    return any(found["Key"] == KEY for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []))


def writes(calls):
    return [call for call in calls if call.write]


ANOTHER_MACHINE = {"host": "another-machine", "pid": 4242, "started": 1.0}


def test_the_lock_says_who_holds_it(bucket, run, s3, events):
    run("one").acquire(NOW)
    found = held_by(s3)
    assert (found["run"], found["caller"], found["since"]) == ("one", f"arn:aws:iam::{ACCOUNT}:user/one", SINCE)
    assert events == [("lock", {"held": True, "bucket": BUCKET})]


def test_the_error_names_holder_time_and_what_to_do(bucket, run, s3):
    run("one").acquire(NOW)
    with pytest.raises(Locked) as caught:
        run("two").acquire(NOW)
    for part in ("user/one", "run one", f"since {SINCE}", f"process {held_by(s3)['pid']}"):
        assert part in caught.value.what
    assert "10 minutes" in caught.value.fix
    assert f"s3://{BUCKET}/{KEY}" in caught.value.fix
    assert held_by(s3)["run"] == "one"


def test_of_many_concurrent_runs_one_acquires_it(bucket, run, aws, s3):
    """Each with its own connection."""
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


def test_the_notebooks_of_a_run_share_its_lock(bucket, run, events, s3):
    """They are separate processes and run in parallel."""
    run("one").acquire(NOW)
    other = run("one", pid=1, started=1.0)
    other.acquire(NOW)
    other.acquire(NOW + LEASE)
    assert [event for event, _ in events if event == "lock taken over"] == []
    run("one").acquire(NOW)
    with pytest.raises(Locked):
        run("two").acquire(NOW)


def test_it_is_written_once_and_renewed_after_half_of_the_lease(bucket, run, calls):
    """A run acquires it before every write; most of that must not cost a call."""
    mine = run("one")
    mine.acquire(NOW)
    taken = len(writes(calls))
    mine.acquire(NOW + LEASE / 2 - timedelta(seconds=1))
    assert len(writes(calls)) == taken
    mine.acquire(NOW + LEASE / 2)
    assert [call.operation for call in writes(calls)[taken:]] == ["PutObject"]
    mine.acquire(NOW + LEASE / 2 + timedelta(seconds=1))
    assert len(writes(calls)) == taken + 1


def test_a_released_lock_is_free_for_the_next(bucket, run, s3, events):
    first = run("one")
    first.acquire(NOW)
    first.release()
    assert not is_held(s3)
    assert events[-1] == ("lock", {"held": False})
    run("two").acquire(NOW)
    assert held_by(s3)["run"] == "two"


def test_a_released_lock_is_acquired_anew(bucket, run):
    first = run("one")
    first.acquire(NOW)
    first.release()
    run("two").acquire(NOW)
    with pytest.raises(Locked, match="run two"):
        first.acquire(NOW)


def test_the_lock_of_another_run_is_not_released(bucket, run, s3, events):
    run("one").acquire(NOW)
    run("two").release()
    assert held_by(s3)["run"] == "one"
    assert ("lock", {"held": False}) not in events


def test_releasing_a_free_lock_does_nothing(bucket, run, events):
    run("one").release()
    assert events == []


# Runs that have ended.


def test_the_lock_of_a_dead_process_is_taken_over_at_once(bucket, run, s3, events):
    """A run that was killed on this machine blocks no other."""
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
    event, data = events[-2]
    assert (event, data["of"]["run"]) == ("lock taken over", "dead")


def test_another_process_with_the_same_number_is_not_mistaken_for_the_holder(bucket, run, s3):
    """Process numbers are reused."""
    run("dead", started=1.0).acquire(NOW)
    run("two").acquire(NOW)
    assert held_by(s3)["run"] == "two"


def test_a_run_on_another_machine_is_not_known_to_be_dead(bucket, run):
    run("far", **ANOTHER_MACHINE).acquire(NOW)
    with pytest.raises(Locked, match=r"on another-machine \(process 4242\)"):
        run("two").acquire(NOW)


@pytest.mark.parametrize(
    ("idle", "free"), [(LEASE - timedelta(minutes=1), False), (LEASE + timedelta(minutes=1), True)]
)
def test_a_lock_that_is_not_renewed_expires(bucket, run, s3, events, later, idle, free):
    run("far", **ANOTHER_MACHINE).acquire(NOW)
    later(idle)
    if not free:
        with pytest.raises(Locked, match="run far"):
            run("two").acquire(NOW)
        assert held_by(s3)["run"] == "far"
        return
    run("two").acquire(NOW)
    assert held_by(s3)["run"] == "two"
    event, data = events[-2]
    assert (event, data["of"]["run"]) == ("lock taken over", "far")
    assert data["idle_seconds"] > LEASE.total_seconds()


def test_a_lease_is_measured_by_s3s_clock_alone(bucket, run):
    """A run whose clock is ahead does not take over a lock."""
    run("far", **ANOTHER_MACHINE).acquire(NOW)
    with pytest.raises(Locked):
        run("two").acquire(NOW + timedelta(days=365))


def taken_over(run, later):
    """A run whose lease has run out, and whose lock another run holds now."""
    sleeper = run("far", **ANOTHER_MACHINE)
    sleeper.acquire(NOW)
    later(LEASE + timedelta(minutes=1))
    run("two").acquire(NOW)
    later(timedelta())
    return sleeper


def test_a_run_whose_lock_was_taken_over_is_stopped_before_its_next_change(bucket, run, later):
    """For example on a laptop that slept longer than the lease."""
    sleeper = taken_over(run, later)
    with pytest.raises(Locked, match="run two"):
        sleeper.acquire(NOW + LEASE)


def test_a_run_that_lost_its_lock_for_a_while_is_stopped_too(bucket, run, later, s3):
    """The other run has ended and released it, after it changed what this run had planned for."""
    sleeper = run("far", **ANOTHER_MACHINE)
    sleeper.acquire(NOW)
    later(LEASE + timedelta(minutes=1))
    two = run("two")
    two.acquire(NOW)
    two.release()
    with pytest.raises(Locked, match=r"(?s)did not renew its lock for 10 minutes.*Run this again"):
        sleeper.acquire(NOW + LEASE + timedelta(minutes=1))
    assert not is_held(s3)


def test_a_lock_is_renewed_while_something_is_waited_for(bucket, run, calls, later, s3):
    """Or another machine takes over, in the middle of the creation of a database."""
    mine = run("far", **ANOTHER_MACHINE)
    mine.keep(NOW)
    assert writes(calls) == []  # it is not held yet
    mine.acquire(NOW)
    for minute in range(21):
        mine.keep(NOW + timedelta(minutes=minute))
    assert len(writes(calls)) == 1 + 20 // 5
    with pytest.raises(Locked, match="run far"):
        run("two").acquire(NOW)
    mine.release()
    mine.keep(NOW + timedelta(minutes=30))
    assert not is_held(s3)


def test_a_lost_lock_is_noticed_while_waiting(bucket, run, later):
    sleeper = taken_over(run, later)
    with pytest.raises(Locked, match="run two"):
        sleeper.keep(NOW + LEASE)


def test_a_renewal_that_s3_rejects_does_not_stop_the_waiting(bucket, run, door, s3):
    """It is tried again in the next pause; the next change is not made without the lock."""
    fails = []

    def put(**request):
        if fails:
            raise RequestRejected("slow down", fix="Wait.", code="SlowDown", retryable=True)
        return door.s3.put_object(**request)

    mine = run("one", through=through(door, put_object=put))
    mine.acquire(NOW)
    fails.append(True)
    mine.keep(NOW + LEASE / 2)
    with pytest.raises(RequestRejected):
        mine.acquire(NOW + LEASE / 2)
    fails.clear()
    mine.keep(NOW + LEASE / 2)
    assert held_by(s3)["run"] == "one"


def test_a_run_whose_lock_was_taken_over_does_not_release_it(bucket, run, later, s3):
    sleeper = run("far", **ANOTHER_MACHINE)
    sleeper.acquire(NOW)
    later(LEASE + timedelta(minutes=1))
    run("two").acquire(NOW)
    sleeper.release()
    assert held_by(s3)["run"] == "two"


def test_of_two_runs_that_take_over_one_acquires_it(bucket, run, door, s3):
    """The other run writes between the read and the write of this one."""
    run("dead", started=1.0).acquire(NOW)

    def read_then_lose(**request):
        answer = door.s3.get_object(**request)
        run("fast").acquire(NOW)
        return answer

    with pytest.raises(Locked, match="run fast"):
        run("slow", through=through(door, get_object=read_then_lose)).acquire(NOW)
    assert held_by(s3)["run"] == "fast"


def test_a_lock_that_was_released_and_acquired_meanwhile_is_not_taken(bucket, run, door, s3):
    """It is free when it is read and held when it is written."""
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


# Without a bucket, without a response, and with a foreign object.


def test_without_a_bucket_there_is_no_lock(door, run, events):
    """A run creates the bucket first, and AWS lets only one of two runs create it."""
    run("one").acquire(NOW)
    run("one").release()
    assert events == []


def test_the_lock_is_acquired_as_soon_as_the_bucket_exists(door, run, s3):
    mine = run("one")
    mine.acquire(NOW)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    mine.acquire(NOW + timedelta(seconds=1))
    assert held_by(s3)["run"] == "one"


def test_a_lock_that_was_deleted_with_its_bucket_stops_no_run(bucket, run, s3):
    """A destroy deletes the bucket last, with the lock in it."""
    mine = run("one")
    mine.acquire(NOW)
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    s3.delete_bucket(Bucket=BUCKET)
    mine.acquire(NOW + LEASE)
    mine.release()


def test_a_lock_that_was_removed_manually_is_acquired_again(bucket, run, s3):
    mine = run("one")
    mine.acquire(NOW)
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    mine.acquire(NOW + LEASE)
    assert held_by(s3)["run"] == "one"


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b"{}", b'{"run": "x"}', b"\xff", b'{"unknown": 1}', b"null"])
def test_a_foreign_object_counts_as_a_lock_until_the_lease_ends(bucket, run, s3, later, body):
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
    """The client with some operations of S3 replaced."""
    s3 = SimpleNamespace(
        **{
            name: getattr(door.s3, name)
            for name in ("put_object", "get_object", "delete_object", "get_bucket_versioning")
        }
        | operations
    )
    return SimpleNamespace(s3=s3)


def losing(door, *, arrives):
    """The client, which loses the response to the first attempt to write the lock."""
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
def test_after_a_lost_response_a_run_still_acquires_its_lock(bucket, run, door, s3, arrives):
    """Whether AWS wrote it or not."""
    run("one", through=losing(door, arrives=arrives)).acquire(NOW)
    assert held_by(s3)["run"] == "one"
    with pytest.raises(Locked):
        run("two").acquire(NOW)


def test_a_lost_response_does_not_give_a_run_the_lock_of_another(bucket, run, door, s3):
    run("two").acquire(NOW)
    with pytest.raises(Locked, match="run two"):
        run("one", through=losing(door, arrives=False)).acquire(NOW)
    assert held_by(s3)["run"] == "two"


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_response_to_a_renewal_keeps_the_lock(bucket, run, door, s3, arrives):
    mine = run("one")
    mine.acquire(NOW)
    mine._aws = losing(door, arrives=arrives)
    mine.acquire(NOW + LEASE)
    mine._aws = door
    mine.acquire(NOW + 2 * LEASE)
    assert held_by(s3)["run"] == "one"


def test_without_any_response_no_run_continues(bucket, run, door, s3):
    """A run that does not know whether it holds the lock does not hold it."""

    def put_object(**request):
        raise RequestRejected("no answer", fix="", code="NoAnswer", retryable=True, outcome_known=False)

    with pytest.raises(Locked):
        run("one", through=through(door, put_object=put_object)).acquire(NOW)
    assert not is_held(s3)


def test_another_error_of_aws_is_raised_unchanged(bucket, run, door):
    """Without the permission to write, the lock is not free."""

    def put_object(**request):
        raise RequestRejected("PutObject was refused: AccessDenied.", fix="Ask.", code="AccessDenied")

    with pytest.raises(RequestRejected, match="AccessDenied"):
        run("one", through=through(door, put_object=put_object)).acquire(NOW)


def test_a_lock_that_cannot_be_read_is_not_acquired(bucket, run, door):
    run("two").acquire(NOW)

    def get_object(**request):
        raise RequestRejected("GetObject was refused: AccessDenied.", fix="Ask.", code="AccessDenied")

    with pytest.raises(RequestRejected, match="AccessDenied"):
        run("one", through=through(door, get_object=get_object)).acquire(NOW)
