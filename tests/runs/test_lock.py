"""One run at a time changes an environment; others learn who holds the lock."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import SimpleNamespace

import pytest

import runbook_lib.runs.lock as lock_module
import runbook_lib.runs.lock_holder as holder_module
from embedded_aws.testing import eventually
from runbook_lib.aws.client import Aws
from runbook_lib.errors import Locked, RequestRejected
from runbook_lib.resources.base import Observed
from runbook_lib.resources.bucket import Bucket
from runbook_lib.runs.lock import KEY, Lock
from runbook_lib.runs.lock_holder import LEASE, LockHolder, Timer
from tests.conftest import ACCOUNT

BUCKET = "test-runbook-123456789012-us-west-2"
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


@dataclass
class Elapsing:
    """The time that this machine measures: passes while somebody sleeps, or a test says so."""

    seconds: float = 0.0

    def sleep(self, seconds):
        self.seconds += seconds

    def advance(self, by):
        self.seconds += by.total_seconds()

    def timer(self):
        began = self.seconds
        return SimpleNamespace(elapsed=lambda: timedelta(seconds=self.seconds - began))


@pytest.fixture
def elapsing():
    return Elapsing()


@pytest.fixture
def run(door, events, elapsing):
    """Creates the lock of a run."""

    def make(name, *, through=door, **holder):
        me = replace(process_of(name), **holder)
        record = lambda event, **data: events.append((event, data))  # noqa: E731
        lock = Lock(through, BUCKET, me, record=record, sleep=elapsing.sleep, timer=elapsing.timer)
        made.append(lock)
        return lock

    made = []
    yield make
    for lock in made:
        lock._released.set()  # ends its thread


def process_of(name):
    return LockHolder.this_process(name, f"arn:aws:iam::{ACCOUNT}:user/{name}", SINCE, os.getpid())


def leave(s3, holder):
    """The lock as a run left it."""
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=json.dumps(asdict(holder)).encode())


@pytest.fixture
def later(monkeypatch):
    """Advances S3's clock, which measures the lease."""
    now = lock_module._time_of

    def advance(by):
        monkeypatch.setattr(lock_module, "_time_of", lambda answer: now(answer) + by)

    return advance


def held_by(s3):
    return json.loads(s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())


def is_held(s3):
    return any(found["Key"] == KEY for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []))


def writes(calls):
    return [call for call in calls if call.write]


ANOTHER_MACHINE = {"host": "another-machine", "pid": 4242, "started": 1.0, "space": "another boot"}


def test_the_lock_says_who_holds_it(bucket, run, s3, events):
    run("one").acquire()
    found = held_by(s3)
    assert (found["run"], found["caller"], found["since"]) == ("one", f"arn:aws:iam::{ACCOUNT}:user/one", SINCE)
    assert events == [("lock", {"held": True, "bucket": BUCKET})]


def test_the_error_names_holder_time_and_what_to_do(bucket, run, s3):
    run("one").acquire()
    with pytest.raises(Locked) as caught:
        run("two").acquire()
    for part in ("user/one", "run one", f"since {SINCE}", f"process {held_by(s3)['pid']}"):
        assert part in caught.value.what
    assert "10 minutes" in caught.value.fix
    assert f"s3://{BUCKET}/{KEY}: runbook unlock --env" in caught.value.fix
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
            wanted.acquire()
        except Locked as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(len(doors)) as pool:
        outcomes = list(pool.map(begin, range(len(doors))))
    (winner,) = (number for number, refusal in enumerate(outcomes) if refusal is None)
    assert held_by(s3)["run"] == f"run-{winner}"
    assert all(f"run run-{winner}," in refusal.what for refusal in outcomes if refusal)


def test_the_notebooks_of_a_run_share_its_lock(bucket, run, events, s3, elapsing):
    """They are separate processes and run in parallel."""
    first, other = run("one"), run("one")
    first.acquire()
    other.acquire()
    for _ in range(3):
        elapsing.advance(LEASE)
        other.acquire()
        first.acquire()
        assert first.renew()
    assert [event for event, _ in events if event == "lock taken over"] == []
    run("one").acquire()
    with pytest.raises(Locked):
        run("two").acquire()


def test_it_is_written_once_and_renewed_after_half_of_the_lease(bucket, run, calls, elapsing):
    """A run acquires it before every write; most of that must not cost a call."""
    mine = run("one")
    mine.acquire()
    taken = len(writes(calls))
    elapsing.advance(LEASE / 2 - timedelta(seconds=1))
    mine.acquire()
    assert len(writes(calls)) == taken
    elapsing.advance(timedelta(seconds=1))
    mine.acquire()
    assert [call.operation for call in writes(calls)[taken:]] == ["PutObject"]
    mine.acquire()
    assert len(writes(calls)) == taken + 1


def test_a_released_lock_is_free_for_the_next(bucket, run, s3, events):
    first = run("one")
    first.acquire()
    first.release()
    assert not is_held(s3)
    assert events[-1] == ("lock", {"held": False})
    run("two").acquire()
    assert held_by(s3)["run"] == "two"


def test_a_released_lock_is_acquired_anew(bucket, run):
    first = run("one")
    first.acquire()
    first.release()
    run("two").acquire()
    with pytest.raises(Locked, match="run two"):
        first.acquire()


def test_the_lock_of_another_run_is_not_released(bucket, run, s3, events):
    run("one").acquire()
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
    orphaned = run("dead", pid=dead.pid, started=dead.started)
    try:
        orphaned.acquire()
        assert not dead.is_dead
        with pytest.raises(Locked, match="run dead"):
            run("two").acquire()
    finally:
        process.communicate()
    assert dead.is_dead
    with pytest.raises(Locked, match="has ended"):
        orphaned.acquire()  # a kernel that outlives its command for a moment
    run("two").acquire()
    assert held_by(s3)["run"] == "two"
    (taken,) = (data for event, data in events if event == "lock taken over")
    assert taken["of"]["run"] == "dead"


def test_another_process_with_the_same_number_is_not_mistaken_for_the_holder(bucket, run, s3):
    """Process numbers are reused."""
    leave(s3, replace(process_of("dead"), started=1.0))
    run("two").acquire()
    assert held_by(s3)["run"] == "two"


@pytest.mark.parametrize("space", ["another boot", ""])
def test_a_process_of_another_container_with_the_same_host_name_is_not_taken_for_dead(bucket, run, s3, later, space):
    """Its process is not visible here; locks of earlier versions do not name the container."""
    leave(s3, replace(process_of("contained"), pid=2**22 + 1, started=1.0, space=space))
    with pytest.raises(Locked, match="run contained"):
        run("two").acquire()
    later(LEASE + timedelta(minutes=1))
    run("two").acquire()
    assert held_by(s3)["run"] == "two"


def test_a_run_on_another_machine_is_not_known_to_be_dead(bucket, run):
    run("far", **ANOTHER_MACHINE).acquire()
    with pytest.raises(Locked, match=r"on another-machine \(process 4242\)"):
        run("two").acquire()


@pytest.mark.parametrize(
    ("idle", "free"), [(LEASE - timedelta(minutes=1), False), (LEASE + timedelta(minutes=1), True)]
)
def test_a_lock_that_is_not_renewed_expires(bucket, run, s3, events, later, idle, free):
    run("far", **ANOTHER_MACHINE).acquire()
    later(idle)
    if not free:
        with pytest.raises(Locked, match="run far"):
            run("two").acquire()
        assert held_by(s3)["run"] == "far"
        return
    run("two").acquire()
    assert held_by(s3)["run"] == "two"
    event, data = events[-2]
    assert (event, data["of"]["run"]) == ("lock taken over", "far")
    assert data["idle_seconds"] > LEASE.total_seconds()


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(seconds=1), timedelta(hours=1)])
def test_a_clock_that_is_changed_neither_frees_a_lock_nor_stops_its_renewal(bucket, run, s3, monkeypatch, step):
    """The lease is measured by S3's clock, and the time to renew by one that nobody sets."""
    mine = run("one")
    mine._timer = Timer
    mine.acquire()
    before = s3.head_object(Bucket=BUCKET, Key=KEY)["LastModified"]
    booted, clock = time.clock_gettime, time.time
    monkeypatch.setattr(holder_module.time, "time", lambda: clock() + step.total_seconds())
    with pytest.raises(Locked, match="run one"):
        run("two").acquire()
    monkeypatch.setattr(holder_module.time, "clock_gettime", lambda which: booted(which) + LEASE.total_seconds())
    mine.acquire()
    assert mine._renewed.elapsed() < timedelta(minutes=1)
    assert s3.head_object(Bucket=BUCKET, Key=KEY)["LastModified"] >= before


def test_since_and_age_are_by_s3s_clock(bucket, run, s3, later):
    later(timedelta(hours=1))
    run("one", since="").acquire()
    assert timedelta(minutes=59) < datetime.fromisoformat(held_by(s3)["since"]) - datetime.now(UTC)
    later(timedelta(hours=3))
    assert timedelta(minutes=119) < run("two").read().age < timedelta(minutes=121)


def taken_over(run, later):
    """A run whose lease has run out, and whose lock another run holds now."""
    sleeper = run("far", **ANOTHER_MACHINE)
    sleeper.acquire()
    later(LEASE + timedelta(minutes=1))
    run("two").acquire()
    later(timedelta())
    return sleeper


def test_a_run_whose_lock_was_taken_over_is_stopped_before_its_next_change(bucket, run, later, elapsing):
    """For example on a laptop that slept longer than the lease."""
    sleeper = taken_over(run, later)
    elapsing.advance(LEASE)
    with pytest.raises(Locked, match="run two"):
        sleeper.acquire()
    run("two").release()
    with pytest.raises(Locked, match="run two"):
        sleeper.acquire()


def test_a_run_that_lost_its_lock_for_a_while_is_stopped_too(bucket, run, later, s3, elapsing):
    """The other run has ended and released it, after it changed what this run had planned for."""
    sleeper = taken_over(run, later)
    run("two").release()
    elapsing.advance(LEASE)
    with pytest.raises(Locked, match=r"(?s)lost its lock.*Run this again"):
        sleeper.acquire()
    assert not is_held(s3)


def test_a_lock_is_renewed_in_the_background_while_its_process_lives(bucket, run, s3, later, monkeypatch):
    """Also while nothing is written or looked at; or another machine takes over in a long wait."""
    monkeypatch.setattr(lock_module, "RENEWAL", timedelta(milliseconds=20))
    mine = run("far", **ANOTHER_MACHINE)
    mine.acquire()
    first = mine._etag
    mine._me = replace(mine._me, caller="renewed")  # another content, so another ETag
    eventually(lambda: mine._etag != first)
    assert held_by(s3)["caller"] == "renewed"
    mine.release()
    assert not is_held(s3)
    assert not mine.renew()
    assert not is_held(s3)


def test_a_lost_lock_is_noticed_in_the_background_and_the_next_write_is_refused(bucket, run, monkeypatch, events):
    monkeypatch.setattr(lock_module, "RENEWAL", timedelta(milliseconds=20))
    sleeper = run("far", **ANOTHER_MACHINE)
    sleeper.acquire()
    run("two").unlock(run("two").read())
    eventually(lambda: sleeper._lost)
    with pytest.raises(Locked, match="lost its lock"):
        sleeper.keep()
    with pytest.raises(Locked, match="lost its lock"):
        sleeper.acquire()
    assert [event for event, _ in events].count("lock lost") == 1


def test_a_renewal_that_cannot_be_recorded_is_tried_again(bucket, run, door, s3, elapsing):
    """A full disk does not end the renewal: another run would take the lock over from one that lives."""
    mine = run("one")
    mine.acquire()
    record = door._on_call

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    door._on_call = full
    elapsing.advance(LEASE / 2)
    assert mine.renew()
    door._on_call = record
    elapsing.advance(LEASE / 2)
    assert mine.renew()
    assert held_by(s3)["run"] == "one"
    mine.release()
    assert not is_held(s3)


def test_a_renewal_that_s3_rejects_is_tried_again(bucket, run, door, s3, elapsing):
    """At the next renewal; the next change is not made without the lock."""
    fails = []

    def put(**request):
        if fails:
            raise RequestRejected("slow down", fix="Wait.", code="SlowDown", retryable=True)
        return door.s3.put_object(**request)

    mine = run("one", through=through(door, put_object=put))
    mine.acquire()
    fails.append(True)
    assert mine.renew()
    elapsing.advance(LEASE / 2)
    with pytest.raises(RequestRejected):
        mine.acquire()
    fails.clear()
    mine.acquire()
    assert held_by(s3)["run"] == "one"


def test_the_release_is_sent_again(bucket, run, door, s3):
    """One SlowDown does not make a run a failed one."""
    slow = [1, 2, 3]

    def delete(**request):
        if slow:
            slow.pop()
            raise RequestRejected("slow down", fix="Wait.", code="SlowDown", retryable=True)
        return door.s3.delete_object(**request)

    mine = run("one", through=through(door, delete_object=delete))
    mine.acquire()
    mine.release()
    assert not is_held(s3)


def test_an_operator_releases_the_lock_of_another_run(bucket, run, s3, events, elapsing):
    """What its holder renews at that moment stays; the holder is told at its next write."""
    mine = run("one")
    mine.acquire()
    stale = replace(run("two").read(), etag='"0123"')
    with pytest.raises(Locked, match="run one was renewed at this moment") as refused:
        run("two").unlock(stale)
    assert "Stop that process" in refused.value.fix
    assert events[-1] != ("lock", {"held": False})
    assert held_by(s3)["run"] == "one"
    run("two").unlock(run("two").read())
    assert not is_held(s3)
    assert events[-1] == ("lock", {"held": False})
    elapsing.advance(LEASE / 2)
    with pytest.raises(Locked, match="runbook unlock"):
        mine.acquire()
    mine.release()
    mine.acquire()  # the operator runs the cell again


def test_many_runs_create_the_bucket_and_one_gets_the_lock(run, aws, s3):
    """On an empty account nobody holds a lock: AWS lets each create the bucket, or says that it is there."""
    resource = Bucket(name="runbook", kept=False)
    doors = [Aws(env="test", region="us-west-2", account=ACCOUNT, connection=aws.connection) for _ in range(10)]
    locks = [run(f"run-{number}", through=door) for number, door in enumerate(doors)]
    for lock in locks:
        lock.acquire()  # there is no bucket: the only write that needs no lock is to create it
    for door in doors:
        resource.create(door, {})
    start = Barrier(len(locks))

    def begin(lock):
        start.wait(timeout=10)
        try:
            lock.acquire()
        except Locked as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(len(locks)) as pool:
        outcomes = list(pool.map(begin, locks))
    assert outcomes.count(None) == 1
    assert held_by(s3)["run"] == f"run-{outcomes.index(None)}"


def test_the_lock_is_kept_until_the_bucket_is_deleted(bucket, run, door, s3):
    """An apply that begins in between is told; the bucket is not deleted under a lock that is not this run's."""
    resource = Bucket(name="runbook", kept=False)
    observed = Observed(BUCKET, {})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    mine, other = run("destroy"), run("apply")
    mine.acquire()
    s3.put_object(Bucket=BUCKET, Key="alb/log", Body=b"x")
    mine.acquire(deletes_bucket=True)
    with pytest.raises(Locked, match="run destroy"):
        other.acquire()
    delete_bucket = door.s3._writer.delete_bucket

    def after_the_other_run_began(**request):
        other.acquire()
        return delete_bucket(**request)

    door.s3._writer.delete_bucket = after_the_other_run_began
    with pytest.raises(RequestRejected, match="BucketNotEmpty"):
        resource.delete(door, {}, observed)
    with pytest.raises(Locked, match="run apply"):
        mine.acquire(deletes_bucket=True)
    other.release()
    door.s3._writer.delete_bucket = delete_bucket
    mine.acquire(deletes_bucket=True)
    resource.delete(door, {}, observed)
    mine.release()


def test_a_run_whose_lock_was_taken_over_does_not_release_it(bucket, run, later, s3):
    sleeper = run("far", **ANOTHER_MACHINE)
    sleeper.acquire()
    later(LEASE + timedelta(minutes=1))
    run("two").acquire()
    sleeper.release()
    assert held_by(s3)["run"] == "two"


def test_of_two_runs_that_take_over_one_acquires_it(bucket, run, door, s3):
    """The other run writes between the read and the write of this one."""
    leave(s3, replace(process_of("dead"), started=1.0))

    def read_then_lose(**request):
        answer = door.s3.get_object(**request)
        run("fast").acquire()
        return answer

    with pytest.raises(Locked, match="run fast"):
        run("slow", through=through(door, get_object=read_then_lose)).acquire()
    assert held_by(s3)["run"] == "fast"


def test_a_lock_that_was_released_and_acquired_meanwhile_is_not_taken(bucket, run, door, s3):
    """It is free when it is read and held when it is written."""
    first = run("one")
    first.acquire()

    def free_for_a_moment(**request):
        first.release()
        try:
            return door.s3.get_object(**request)
        finally:
            run("fast").acquire()

    with pytest.raises(Locked, match="run fast"):
        run("slow", through=through(door, get_object=free_for_a_moment)).acquire()
    assert held_by(s3)["run"] == "fast"


# Without a bucket, without a response, and with a foreign object.


def test_without_a_bucket_there_is_no_lock(door, run, events):
    """A run creates the bucket first, and AWS lets only one of two runs create it."""
    run("one").acquire()
    run("one").release()
    assert events == []


def test_the_lock_is_acquired_as_soon_as_the_bucket_exists(door, run, s3):
    mine = run("one")
    mine.acquire()
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    mine.acquire()
    assert held_by(s3)["run"] == "one"


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b"{}", b'{"run": "x"}', b"\xff", b'{"unknown": 1}', b"null"])
def test_a_foreign_object_counts_as_a_lock_until_the_lease_ends(bucket, run, s3, later, body):
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)
    with pytest.raises(Locked, match="somebody is changing this environment") as caught:
        run("one").acquire()
    assert f"release s3://{BUCKET}/{KEY}" in caught.value.fix
    run("one").release()
    assert s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == body
    later(LEASE + timedelta(minutes=1))
    run("one").acquire()
    assert held_by(s3)["run"] == "one"


def test_a_lock_of_a_newer_version_of_this_library_is_respected(bucket, run, s3):
    body = {**asdict(LockHolder("new", "arn:x", "far", 1, 1.0, SINCE)), "more": 1}
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=json.dumps(body).encode())
    with pytest.raises(Locked):
        run("one").acquire()


def through(door, **operations):
    """The client with some operations of S3 replaced."""
    s3 = SimpleNamespace(
        **{
            name: getattr(door.s3, name)
            for name in ("put_object", "get_object", "delete_object", "get_bucket_versioning")
        }
        | operations
    )

    def read_object(bucket, key):
        answer = s3.get_object(Bucket=bucket, Key=key)
        return answer["Body"].read(), answer

    return SimpleNamespace(s3=s3, read_object=read_object)


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
    run("one", through=losing(door, arrives=arrives)).acquire()
    assert held_by(s3)["run"] == "one"
    with pytest.raises(Locked):
        run("two").acquire()


def test_a_lost_response_does_not_give_a_run_the_lock_of_another(bucket, run, door, s3):
    run("two").acquire()
    with pytest.raises(Locked, match="run two"):
        run("one", through=losing(door, arrives=False)).acquire()
    assert held_by(s3)["run"] == "two"


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_response_to_a_renewal_keeps_the_lock(bucket, run, door, s3, arrives, elapsing):
    mine = run("one")
    mine.acquire()
    for through_which in (losing(door, arrives=arrives), door):
        mine._aws = through_which
        elapsing.advance(LEASE)
        mine.acquire()
    assert held_by(s3)["run"] == "one"


def test_without_any_response_no_run_continues(bucket, run, door, s3):
    """A run that does not know whether it holds the lock does not hold it."""

    def put_object(**request):
        raise RequestRejected("no answer", fix="", code="NoAnswer", retryable=True, outcome_known=False)

    with pytest.raises(RequestRejected, match="no answer"):
        run("one", through=through(door, put_object=put_object)).acquire()
    assert not is_held(s3)


def test_another_error_of_aws_is_raised_unchanged(bucket, run, door):
    """Without the permission to write, the lock is not free."""

    def put_object(**request):
        raise RequestRejected("PutObject was refused: AccessDenied.", fix="Ask.", code="AccessDenied")

    with pytest.raises(RequestRejected, match="AccessDenied"):
        run("one", through=through(door, put_object=put_object)).acquire()


def test_a_lock_that_cannot_be_read_is_not_acquired(bucket, run, door):
    run("two").acquire()

    def get_object(**request):
        raise RequestRejected("GetObject was refused: AccessDenied.", fix="Ask.", code="AccessDenied")

    with pytest.raises(RequestRejected, match="AccessDenied"):
        run("one", through=through(door, get_object=get_object)).acquire()


# What S3 answers, each code once.


def rejecting(door, operation, code, *, when=lambda: True, **fields):
    """The client, whose operation is rejected with a code while a condition holds."""

    def reject(**request):
        if when():
            raise RequestRejected(f"{operation} was rejected: {code}.", fix="Ask.", code=code, **fields)
        return getattr(door.s3, operation)(**request)

    return through(door, **{operation: reject})


@pytest.mark.parametrize(
    "code", ["PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchBucket", "NoSuchKey", "404"]
)
def test_a_condition_that_does_not_hold_gives_nobody_the_lock(bucket, run, door, s3, code):
    """Whichever name S3 gives it: then it is read who holds the lock."""
    run("two").acquire()
    with pytest.raises(Locked, match="run two"):
        run("one", through=rejecting(door, "put_object", code)).acquire()


@pytest.mark.parametrize("code", ["NoSuchBucket", "NoSuchKey", "404"])
def test_what_does_not_exist_is_a_free_lock(bucket, run, door, code):
    assert run("one", through=rejecting(door, "get_object", code)).read() is None


def test_whether_there_is_a_bucket_must_be_known(bucket, run, door, s3):
    """A run that may not ask for it does not go on without a lock."""
    refusing = rejecting(door, "get_bucket_versioning", "AccessDenied")
    with pytest.raises(RequestRejected, match="AccessDenied"):
        run("one", through=refusing, since="").acquire()
    assert not is_held(s3)


def test_a_rejected_release_is_not_recorded_as_one(bucket, run, door, s3, events):
    mine = run("one", through=rejecting(door, "delete_object", "AccessDenied"))
    mine.acquire()
    with pytest.raises(RequestRejected, match="AccessDenied"):
        mine.release()
    assert is_held(s3)
    assert events[-1] == ("lock", {"held": True, "bucket": BUCKET})


def test_a_lock_whose_bucket_is_gone_is_released(bucket, run, door):
    mine = run("one", through=rejecting(door, "delete_object", "NoSuchBucket"))
    mine.acquire()
    mine.release()


def test_a_request_is_sent_again_for_three_minutes_with_longer_and_longer_pauses(bucket, run, door, elapsing):
    pauses = []
    sleep = elapsing.sleep
    elapsing.sleep = lambda seconds: (pauses.append(seconds), sleep(seconds))
    throttled = run("one", through=rejecting(door, "put_object", "SlowDown", retryable=True))
    with pytest.raises(RequestRejected, match="SlowDown"):
        throttled.acquire()
    assert pauses[:8] == [0.25, 0.5, 1, 2, 4, 8, 10, 10]
    assert timedelta(minutes=3) <= timedelta(seconds=elapsing.seconds) <= timedelta(minutes=3, seconds=10)


def test_what_aws_refuses_for_good_is_sent_once(bucket, run, door, elapsing):
    with pytest.raises(RequestRejected, match="AccessDenied"):
        run("one", through=rejecting(door, "put_object", "AccessDenied")).acquire()
    assert elapsing.seconds == 0


def test_after_three_minutes_no_request_is_sent_again(bucket, run, door, elapsing):
    """Not even one that was sent at the very end of them."""
    sent = []

    def slow(**request):
        sent.append(request)
        elapsing.advance(lock_module.RETRIES)
        raise RequestRejected("slow down", fix="Wait.", code="SlowDown", retryable=True)

    with pytest.raises(RequestRejected, match="slow down"):
        run("one", through=through(door, put_object=slow)).acquire()
    assert len(sent) == 1


# What is sent, and how often.


def recording(door):
    """The client, and the operations that it is asked for."""
    asked = []

    def record(name):
        def send(**request):
            asked.append(name)
            return getattr(door.s3, name)(**request)

        return send

    names = ("put_object", "get_object", "delete_object", "get_bucket_versioning")
    return through(door, **{name: record(name) for name in names}), asked


def test_the_first_write_asks_twice_and_a_renewal_once(bucket, run, door, elapsing):
    client, asked = recording(door)
    mine = run("one", through=client, since="")
    mine.acquire()
    assert asked == ["get_bucket_versioning", "put_object"]
    elapsing.advance(LEASE / 2)
    mine.acquire()
    assert asked[2:] == ["put_object"]
    assert mine.renew() is True
    mine.acquire()
    assert asked[2:] == ["put_object", "put_object"]


@pytest.mark.parametrize("before", ["nobody", "dead", "own"])
def test_a_lock_that_was_acquired_on_the_second_attempt_is_held(bucket, run, door, s3, before):
    """Nothing more is sent before the next write, and it is renewed in the background."""
    client, asked = recording(door)
    holder = {"nobody": None, "dead": replace(process_of("dead"), started=1.0), "own": process_of("one")}[before]
    if holder:
        leave(s3, holder)
    else:
        client.s3.put_object = losing(door, arrives=False).s3.put_object
    mine = run("one", through=client)
    mine.acquire()
    sent = len(asked)
    mine.acquire()
    assert len(asked) == sent
    assert mine.renew()


def test_the_lock_is_a_json_object(bucket, run, s3):
    """A person can read it in the console."""
    run("one").acquire()
    assert s3.head_object(Bucket=BUCKET, Key=KEY)["ContentType"] == "application/json"


def test_all_processes_of_a_run_have_held_its_lock_since_the_first_acquired_it(bucket, run, s3, later):
    run("one", since="").acquire()
    first = held_by(s3)["since"]
    assert datetime.fromisoformat(first).microsecond == 0
    later(timedelta(minutes=5))
    run("one", since="").acquire()
    assert held_by(s3)["since"] == first


def test_a_run_that_acquires_it_again_has_held_it_since_then(bucket, run, s3, later, events):
    mine = run("one", since="")
    mine.acquire()
    first = held_by(s3)["since"]
    mine.release()
    later(timedelta(minutes=5))
    mine.acquire()
    assert datetime.fromisoformat(held_by(s3)["since"]) - datetime.fromisoformat(first) >= timedelta(minutes=5)
    assert [data["held"] for _, data in events] == [True, False, True]


def test_the_lease_has_to_be_over(bucket, run, door, s3):
    """Ten minutes after the last renewal, to the second, it is still held."""
    run("far", **ANOTHER_MACHINE).acquire()

    def renewed(ago):
        def get_object(**request):
            answer = door.s3.get_object(**request)
            return answer | {"LastModified": lock_module._time_of(answer) - ago}

        return through(door, get_object=get_object)

    with pytest.raises(Locked, match="renewed 600 s ago"):
        run("two", through=renewed(LEASE)).acquire()
    run("two", through=renewed(LEASE + timedelta(seconds=1))).acquire()
    assert held_by(s3)["run"] == "two"


def test_a_lock_that_changes_all_the_time_is_read_three_times(bucket, run, door, s3):
    """Then it is given up; the run has not lost a lock by that, and acquires it later."""
    client, asked = recording(door)
    leave(s3, process_of("one"))
    busy, changed = [True], []

    def written_meanwhile(**request):
        changed.append(1)
        if busy:
            leave(s3, replace(process_of("one"), caller=str(len(changed))))
        return door.s3.put_object(**request)

    client.s3.put_object = written_meanwhile
    mine = run("one", through=client)
    with pytest.raises(Locked, match=r"changes while it is read; last held by run one\.") as refused:
        mine.acquire()
    assert "Wait a minute" in refused.value.fix
    assert asked.count("get_object") == 3
    busy.clear()
    mine.acquire()
    busy.append(True)
    assert mine.renew()  # other processes of this run write at the same moment: nothing is lost
    mine.keep()
    busy.clear()
    assert mine.renew()


# The bucket comes and goes.


def test_a_run_whose_bucket_was_deleted_has_lost_its_lock(bucket, run, s3, elapsing, events):
    mine = run("one")
    mine.acquire()
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    s3.delete_bucket(Bucket=BUCKET)
    mine.acquire()  # sends nothing
    elapsing.advance(LEASE / 2)
    with pytest.raises(Locked, match="lost its lock") as refused:
        mine.acquire()
    assert "plans anew" in refused.value.fix
    assert events[-1] == ("lock lost", {"why": refused.value.what})
    assert not mine.renew()


def test_a_destroy_that_has_deleted_the_bucket_needs_no_lock(bucket, run, s3):
    mine = run("one")
    mine.acquire()
    mine.acquire(deletes_bucket=True)
    assert is_held(s3)
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    s3.delete_bucket(Bucket=BUCKET)
    mine.acquire(deletes_bucket=True)
    mine.release()


def test_a_destroy_does_not_write_the_lock_while_it_deletes_the_bucket(bucket, run, s3):
    """The lock would be created anew in a bucket that is being emptied."""
    mine = run("one")
    mine.acquire()
    mine.acquire(deletes_bucket=True)
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    assert mine.renew() is False
    assert not is_held(s3)
    mine.acquire(deletes_bucket=True)  # an attempt that failed has deleted the lock already
    assert held_by(s3)["run"] == "one"


def test_a_lock_that_was_never_held_is_not_renewed_in_the_background_by_a_destroy(bucket, run):
    before = renewing()
    run("one").acquire(deletes_bucket=True)
    assert renewing() == before


# In the background.


def renewing():
    """The threads that renew a lock."""
    return {thread for thread in threading.enumerate() if "_renew_in_background" in thread.name}


def replace_event(monkeypatch, event):
    """Only for the lock: Python's own threads wait for events, too."""
    others = SimpleNamespace(Event=event, Thread=threading.Thread, RLock=threading.RLock)
    monkeypatch.setattr(lock_module, "threading", others)


@pytest.fixture
def waits(monkeypatch):
    """How long the threads wait between two renewals; here they wait for a moment."""
    asked = []

    class Moment(threading.Event):
        def wait(self, timeout=None):
            asked.append(timeout)
            return super().wait(0.01)

    replace_event(monkeypatch, Moment)
    return asked


def test_one_thread_renews_a_lock_once_a_minute_until_it_is_released(bucket, run, door, elapsing, monkeypatch):
    client, asked = recording(door)
    before, waits = renewing(), []

    class Paused(threading.Event):
        """An event whose waiters are let go by the test."""

        def wait(self, timeout=None):
            waits.append(timeout)
            go.wait(10)
            go.clear()
            return self.is_set()

    go = threading.Event()
    replace_event(monkeypatch, Paused)
    mine = run("one", through=client)
    mine.acquire()
    elapsing.advance(LEASE)
    mine.acquire()
    (thread,) = renewing() - before
    assert thread.daemon  # or a command that failed would not end
    assert waits == [60.0]
    assert asked.count("put_object") == 2
    go.set()
    eventually(lambda: waits == [60.0, 60.0])
    assert asked.count("put_object") == 3
    mine.release()
    go.set()
    eventually(lambda: not thread.is_alive())
    assert asked[-1] == "delete_object"


def test_a_thread_ends_when_the_lock_was_lost(bucket, run, waits, s3, events):
    before = renewing()
    mine = run("one")
    mine.acquire()
    leave(s3, replace(process_of("two")))
    eventually(lambda: renewing() <= before)
    with pytest.raises(Locked, match="run two") as refused:
        mine.keep()
    assert events[-1] == ("lock lost", {"why": refused.value.what})
    assert held_by(s3)["run"] == "two"


def test_a_released_lock_that_is_acquired_again_is_renewed_again(bucket, run):
    mine = run("one")
    mine.acquire()
    mine.release()
    assert mine.renew() is False
    mine.acquire()
    assert mine.renew() is True


def test_a_kernel_whose_run_has_ended_does_not_renew_its_lock(bucket, run, s3, events):
    """Or the lock of a run that was killed would never be free."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    me = LockHolder.this_process("one", "arn:x", SINCE, process.pid)
    orphaned = run("one", pid=me.pid, started=me.started)
    orphaned.acquire()
    before = s3.head_object(Bucket=BUCKET, Key=KEY)["ETag"]
    process.communicate()
    orphaned._me = replace(orphaned._me, caller="renewed")
    assert orphaned.renew() is False
    assert s3.head_object(Bucket=BUCKET, Key=KEY)["ETag"] == before
    with pytest.raises(Locked, match=f"process {me.pid} on {me.host}") as refused:
        orphaned.acquire()
    assert "plans anew" in refused.value.fix
    assert events[-1] == ("lock lost", {"why": refused.value.what})


def test_a_run_that_held_nothing_has_lost_nothing(bucket, run, events):
    """It may try again, when the other run has ended."""
    other, mine = run("two"), run("one")
    other.acquire()
    with pytest.raises(Locked, match="run two"):
        mine.acquire()
    mine.keep()
    assert "lock lost" not in [event for event, _ in events]
    other.release()
    mine.acquire()


def test_a_foreign_object_that_is_taken_over_is_recorded_as_nobodys(bucket, run, s3, later, events):
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"hello")
    with pytest.raises(Locked, match=r"somebody is changing this environment: run \?, since \?, on \? \(process 0\)"):
        run("one").acquire()
    later(LEASE + timedelta(minutes=1))
    run("one").acquire()
    (taken,) = (data["of"] for event, data in events if event == "lock taken over")
    assert taken == {
        "run": "?", "caller": "somebody", "host": "?", "pid": 0, "started": 0.0, "since": "?", "space": ""
    }  # fmt: skip
