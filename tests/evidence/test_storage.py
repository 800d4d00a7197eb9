"""The archive of a run is stored once, as it is, locked for as long as was asked; a failure leaves it here."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from runbook_lib.errors import EvidenceError
from runbook_lib.evidence.storage import TRIES, UploadFailed, store
from runbook_lib.params.signing import ObjectLock
from tests.support.call_recorder import Wire, lost

BUCKET = "test-runbook-123456789012-us-west-2"
KEY = "evidence/run-1.zip"


@pytest.fixture
def s3(aws):
    s3 = aws.client("s3")
    place = {"LocationConstraint": "us-west-2"}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True)
    return s3


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "run-1.zip"
    path.write_bytes(b"PK" + bytes(range(256)) * 40)
    return path


@pytest.fixture
def wire(door):
    wire = Wire()
    wire.tap(door)
    return wire


def stored(s3):
    return s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()


def keep(door, archive, lock=None, waits=None):
    return store(door, BUCKET, archive, lock, sleep=(waits if waits is not None else []).append)


def test_it_is_stored_as_it_is(s3, door, archive):
    assert keep(door, archive) == f"s3://{BUCKET}/{KEY}"
    assert stored(s3) == archive.read_bytes()


def test_s3_is_told_the_digest_and_that_nothing_may_be_there(s3, door, archive, wire):
    """What arrives as something else is refused; what another run has stored is not touched."""
    seen = []
    door._session.events.register("before-sign.s3.PutObject", lambda request, **_: seen.append(dict(request.headers)))
    keep(door, archive)
    ((headers),) = seen
    assert headers["x-amz-checksum-sha256"]
    assert headers["If-None-Match"] == "*"


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_it_is_locked_for_as_long_as_was_asked(s3, door, archive, mode):
    keep(door, archive, ObjectLock(mode=mode, days=30))
    head = s3.head_object(Bucket=BUCKET, Key=KEY)
    assert head["ObjectLockMode"] == mode
    assert abs(head["ObjectLockRetainUntilDate"] - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=head["VersionId"])


def test_without_a_wish_it_is_not_locked(s3, door, archive):
    keep(door, archive)
    assert "ObjectLockMode" not in s3.head_object(Bucket=BUCKET, Key=KEY)


def test_a_request_that_was_lost_is_sent_again_a_little_later(s3, door, archive, wire):
    left = [3]

    def fault(write, carry):
        left[0] -= 1
        if left[0] >= 0:
            raise lost(write)
        return carry()

    wire.fault, waits = fault, []
    keep(door, archive, waits=waits)
    assert stored(s3) == archive.read_bytes()
    assert waits == [1.0, 2.0, 4.0]


def test_an_answer_that_was_lost_makes_no_second_copy(s3, door, archive, wire):
    """The next try finds what the first has written, and knows it by its digest."""
    done = []

    def fault(write, carry):
        answer = carry()
        if not done:
            done.append(write)
            raise lost(write)
        return answer

    wire.fault = fault
    assert keep(door, archive) == f"s3://{BUCKET}/{KEY}"
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 1


def test_another_archive_under_that_name_is_not_overwritten(s3, door, archive):
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"another", ChecksumAlgorithm="SHA256")
    with pytest.raises(EvidenceError, match="is there already, and is another one"):
        keep(door, archive)
    assert stored(s3) == b"another"


def test_after_some_tries_it_is_given_up_and_stays_here(s3, door, archive, wire):
    def fault(write, carry):
        raise lost(write)

    wire.fault, waits = fault, []
    before = archive.read_bytes()
    with pytest.raises(UploadFailed, match=f"could not be stored as s3://{BUCKET}/{KEY}") as caught:
        keep(door, archive, waits=waits)
    assert len(waits) == TRIES - 1
    assert archive.read_bytes() == before
    assert f"It is kept in {archive.with_suffix('')}." in caught.value.fix
    assert "runbook evidence store run-1" in caught.value.fix


def test_a_refusal_is_not_asked_again(door, archive):
    """There is no bucket: it would not be there in a second either."""
    waits = []
    with pytest.raises(UploadFailed) as caught:
        keep(door, archive, waits=waits)
    assert (caught.value.code, waits) == ("NoSuchBucket", [])
