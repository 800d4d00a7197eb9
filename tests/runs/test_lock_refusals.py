"""Each refusal of S3, once and twice in a row: none gives the lock to a run, and none is recorded as released."""

import io
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from runbook_lib.errors import Locked, RequestRejected
from runbook_lib.runs.lock import LEASE, Lock, LockHolder

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
ME = LockHolder("mine", "arn:me", "here", 1, 1.5, "now")
OTHER = LockHolder("theirs", "arn:them", "elsewhere", 2, 2.5, "before")
REFUSED_WRITE = ["PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "404", "NoSuchBucket"]
NO_OBJECT, NO_BUCKET, OTHERS = ["NoSuchKey", "404"], ["NoSuchBucket"], ["AccessDenied", "SlowDown", "4040"]


def refused(code, **more):
    return RequestRejected(f"refused: {code}", fix="-", code=code, **more)


def held(holder, idle=timedelta()):
    headers = {"date": "Tue, 24 Nov 2026 08:00:00 GMT"}
    return lambda: {
        "Body": io.BytesIO(json.dumps(asdict(holder)).encode()), "ETag": "theirs", "LastModified": NOW - idle,
        "ResponseMetadata": {"HTTPHeaders": headers},
    }  # fmt: skip


class S3:
    """Answers each call by what stands next in its list; an exception is raised. The calls are kept."""

    def __init__(self, **answers):
        self.answers = {name: list(values) for name, values in answers.items()}
        self.calls = []

    def __getattr__(self, name):
        def call(**request):
            self.calls.append((name, {key: request[key] for key in ("IfMatch", "IfNoneMatch") if key in request}))
            answer = self.answers[name].pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer() if callable(answer) else answer

        return call


@pytest.fixture
def events():
    return []


@pytest.fixture
def lock(events):
    def create(**answers):
        s3 = S3(**answers)
        made = Lock(SimpleNamespace(s3=s3), "bucket", ME, record=lambda event, **data: events.append((event, data)))
        return made, s3

    return create


WRITTEN = {"ETag": "mine"}
HELD = ("lock", {"held": True, "bucket": "bucket"})


@pytest.mark.parametrize("code", REFUSED_WRITE)
def test_a_refused_write_reads_who_holds_it(lock, events, code):
    mine, s3 = lock(put_object=[refused(code)], get_object=[held(OTHER)])
    with pytest.raises(Locked, match=r"arn:them is changing this environment: run theirs, since before"):
        mine.acquire(NOW)
    assert s3.calls == [("put_object", {"IfNoneMatch": "*"}), ("get_object", {})]
    assert events == []


@pytest.mark.parametrize("code", OTHERS)
def test_another_refusal_stops_the_run_at_every_call(lock, events, code):
    for answers in (
        {"put_object": [refused(code)]},
        {"put_object": [refused("412")], "get_object": [refused(code)]},
        {"put_object": [refused("412")], "get_object": [refused("404")], "get_bucket_versioning": [refused(code)]},
        {"put_object": [refused("412"), refused(code)], "get_object": [held(OTHER, 2 * LEASE)]},
    ):
        with pytest.raises(RequestRejected) as stopped:
            lock(**answers)[0].acquire(NOW)
        assert stopped.value.code == code
    assert not [event for event in events if event == HELD]


@pytest.mark.parametrize("code", [*NO_OBJECT, *NO_BUCKET])
def test_a_lock_that_is_gone_when_it_is_read_is_acquired_if_there_is_a_bucket(lock, events, code):
    mine, s3 = lock(put_object=[refused("412"), WRITTEN], get_object=[refused(code)], get_bucket_versioning=[{}])
    mine.acquire(NOW)
    assert events == [HELD]
    assert s3.calls[-1] == ("put_object", {"IfNoneMatch": "*"})
    mine, s3 = lock(
        put_object=[refused("412")], get_object=[refused(code)], get_bucket_versioning=[refused("NoSuchBucket")]
    )
    mine.acquire(NOW)
    assert events == [HELD], "without a bucket there is no lock"


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_run_that_loses_every_race_gives_up_after_three(lock, events, lost):
    """Another run writes at the same moment, again and again."""
    races = [refused("412")] * (lost + 1)
    mine, s3 = lock(put_object=[*races, WRITTEN], get_object=[held(OTHER, 2 * LEASE)] * 3)
    if lost < 3:
        mine.acquire(NOW)
        assert events[-1] == HELD
    else:
        with pytest.raises(Locked, match="run theirs"):
            mine.acquire(NOW)
    assert [call for call in s3.calls if call[0] == "put_object"][1:] == [("put_object", {"IfMatch": "theirs"})] * min(
        lost + 1, 3
    )


@pytest.mark.parametrize(
    ("holder", "idle", "taken"),
    [
        (OTHER, LEASE, False), (OTHER, LEASE + timedelta(seconds=1), True), (ME, timedelta(), True), (ME, LEASE, True),
    ],
)  # fmt: skip
def test_a_lock_is_taken_from_this_run_or_after_its_lease(lock, events, holder, idle, taken):
    mine, _ = lock(put_object=[refused("412"), WRITTEN], get_object=[held(holder, idle)])
    if not taken:
        with pytest.raises(Locked):
            mine.acquire(NOW)
        return
    mine.acquire(NOW)
    over = [] if holder is ME else [("lock taken over", {"of": asdict(OTHER), "idle_seconds": idle.seconds})]
    assert events == [*over, HELD]


@pytest.mark.parametrize("code", [*OTHERS, "NoSuchKey", "PreconditionFailed"])
def test_a_refused_release_is_not_recorded_as_released(lock, events, code):
    mine, _ = lock(put_object=[WRITTEN], get_object=[held(ME)], delete_object=[refused(code)])
    mine.acquire(NOW)
    with pytest.raises(RequestRejected, match=code):
        mine.release()
    assert events == [HELD]


@pytest.mark.parametrize("gone", [None, refused("NoSuchBucket")])
def test_a_release_is_recorded_also_when_the_bucket_is_gone(lock, events, gone):
    mine, s3 = lock(put_object=[WRITTEN], get_object=[held(ME)], delete_object=[gone])
    mine.acquire(NOW)
    mine.release()
    assert events == [HELD, ("lock", {"held": False})]
    assert s3.calls[-1][0] == "delete_object"


@pytest.mark.parametrize("answer", [held(OTHER), refused("NoSuchKey"), refused("404"), refused("NoSuchBucket")])
def test_a_lock_that_this_run_does_not_hold_is_not_released(lock, events, answer):
    mine, s3 = lock(put_object=[WRITTEN, WRITTEN], get_object=[answer])
    mine.acquire(NOW)
    mine.release()
    assert events == [HELD]
    mine.acquire(NOW)
    assert s3.calls[-1] == ("put_object", {"IfNoneMatch": "*"}), "it begins anew"
    assert events == [HELD, HELD]


def test_a_lock_is_renewed_after_half_of_its_lease_with_its_own_tag(lock, events):
    mine, s3 = lock(put_object=[WRITTEN, {"ETag": "second"}, {"ETag": "third"}])
    for minutes in (0, 4.9, 5, 9.9, 10):
        mine.acquire(NOW + timedelta(minutes=minutes))
    conditions = [{"IfNoneMatch": "*"}, {"IfMatch": "mine"}, {"IfMatch": "second"}]
    assert s3.calls == [("put_object", condition) for condition in conditions]
    assert events == [HELD], "a renewal is no news"


@pytest.mark.parametrize(("minutes", "lost"), [(10, False), (10.1, True)])
def test_a_lease_that_is_over_is_lost_when_the_lock_is_gone(lock, events, minutes, lost):
    """Another run may have taken and released it."""
    mine, _ = lock(
        put_object=[WRITTEN, refused("404"), WRITTEN], get_object=[refused("404")], get_bucket_versioning=[{}]
    )
    mine.acquire(NOW)
    if lost:
        with pytest.raises(Locked, match="did not renew its lock for 10 minutes"):
            mine.acquire(NOW + timedelta(minutes=minutes))
    else:
        mine.acquire(NOW + timedelta(minutes=minutes))


def test_two_refused_renewals_in_a_row_do_not_stop_the_waiting(lock, events):
    mine, s3 = lock(put_object=[WRITTEN, refused("SlowDown"), refused("SlowDown"), WRITTEN])
    mine.keep(NOW)
    assert s3.calls == [], "a run that does not hold it keeps nothing"
    mine.acquire(NOW)
    for minutes in (4, 6, 7, 8, 9):
        mine.keep(NOW + timedelta(minutes=minutes))
    assert len(s3.calls) == 4


def test_a_lost_lock_is_noticed_while_waiting(lock):
    mine, _ = lock(put_object=[WRITTEN, refused("412")], get_object=[held(OTHER)])
    mine.acquire(NOW)
    with pytest.raises(Locked, match="run theirs"):
        mine.keep(NOW + timedelta(minutes=6))


@pytest.mark.parametrize("outcome_known", [True, False])
def test_a_write_without_an_answer_is_read_again(lock, events, outcome_known):
    lost = refused("NoAnswer", outcome_known=outcome_known)
    mine, _ = lock(put_object=[lost, WRITTEN], get_object=[held(ME)])
    if outcome_known:
        with pytest.raises(RequestRejected, match="NoAnswer"):
            mine.acquire(NOW)
        return
    mine.acquire(NOW)
    assert events == [HELD]
