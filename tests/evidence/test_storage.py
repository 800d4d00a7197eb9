"""The archive of a run is uploaded once, unchanged, with its Object Lock; a failure leaves the local file."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from runbook_lib.errors import EvidenceError
from runbook_lib.evidence.storage import MAX_ATTEMPTS, UploadFailed, store
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


def read_object(s3):
    return s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()


def upload(door, archive, lock=None, waits=None):
    return store(door, BUCKET, archive, lock, sleep=(waits if waits is not None else []).append)


def test_it_is_stored_as_it_is(s3, door, archive):
    assert upload(door, archive) == f"s3://{BUCKET}/{KEY}"
    assert read_object(s3) == archive.read_bytes()


def test_the_request_has_the_checksum_and_must_not_overwrite(s3, door, archive, wire):
    """S3 rejects other content, and an existing object is kept."""
    requests = []
    door._session.events.register(
        "before-sign.s3.PutObject", lambda request, **_: requests.append(dict(request.headers))
    )
    upload(door, archive)
    ((headers),) = requests
    assert headers["x-amz-checksum-sha256"]
    assert headers["If-None-Match"] == "*"


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_it_is_locked_for_the_requested_days(s3, door, archive, mode):
    upload(door, archive, ObjectLock(mode=mode, days=30))
    head = s3.head_object(Bucket=BUCKET, Key=KEY)
    assert head["ObjectLockMode"] == mode
    assert abs(head["ObjectLockRetainUntilDate"] - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=head["VersionId"])


def test_without_object_lock_it_is_not_locked(s3, door, archive):
    upload(door, archive)
    assert "ObjectLockMode" not in s3.head_object(Bucket=BUCKET, Key=KEY)


def test_a_lost_request_is_sent_again_after_a_delay(s3, door, archive, wire):
    failures = [3]

    def fault(write, carry):
        failures[0] -= 1
        if failures[0] >= 0:
            raise lost(write)
        return carry()

    wire.fault, waits = fault, []
    upload(door, archive, waits=waits)
    assert read_object(s3) == archive.read_bytes()
    assert waits == [1.0, 2.0, 4.0]


def test_a_lost_response_makes_no_second_copy(s3, door, archive, wire):
    """The next attempt finds the object and compares its checksum."""
    lost_responses = []

    def fault(write, carry):
        answer = carry()
        if not lost_responses:
            lost_responses.append(write)
            raise lost(write)
        return answer

    wire.fault = fault
    assert upload(door, archive) == f"s3://{BUCKET}/{KEY}"
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 1


def test_another_archive_under_that_name_is_not_overwritten(s3, door, archive):
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"another", ChecksumAlgorithm="SHA256")
    with pytest.raises(EvidenceError, match="exists already, with other content"):
        upload(door, archive)
    assert read_object(s3) == b"another"


def test_after_the_last_attempt_the_local_file_is_kept(s3, door, archive, wire):
    def fault(write, carry):
        raise lost(write)

    wire.fault, waits = fault, []
    before = archive.read_bytes()
    with pytest.raises(UploadFailed, match=f"could not be uploaded to s3://{BUCKET}/{KEY}") as caught:
        upload(door, archive, waits=waits)
    assert len(waits) == MAX_ATTEMPTS - 1
    assert archive.read_bytes() == before
    assert f"It is still in {archive.with_suffix('')}." in caught.value.fix
    assert "runbook evidence store run-1" in caught.value.fix


def test_a_permanent_error_is_not_retried(door, archive):
    """Such as a missing bucket."""
    waits = []
    with pytest.raises(UploadFailed) as caught:
        upload(door, archive, waits=waits)
    assert ("NoSuchBucket" in str(caught.value), waits) == (True, [])
