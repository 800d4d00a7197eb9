"""One run at a time changes an environment; others learn who holds the lock."""

import json
import os
import subprocess
import sys
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


def test_an_operator_releases_the_lock_of_another_run(bucket, run, s3, later, elapsing):
    """What its holder renews at that moment stays; the holder is told at its next write."""
    mine = run("one")
    mine.acquire()
    stale = replace(run("two").read(), etag='"0123"')
    with pytest.raises(Locked, match="was renewed at this moment"):
        run("two").unlock(stale)
    assert held_by(s3)["run"] == "one"
    run("two").unlock(run("two").read())
    assert not is_held(s3)
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
