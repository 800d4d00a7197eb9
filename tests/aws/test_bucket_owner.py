"""Every call about a bucket names its owner: a bucket of our name in another account gets and gives nothing.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

import runbook_lib
from runbook_lib.aws.client import Aws
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.errors import RequestRejected
from runbook_lib.evidence.storage import UploadFailed, store
from runbook_lib.resources.bucket import Bucket
from runbook_lib.runs.lock import KEY, Lock
from runbook_lib.runs.lock_holder import LockHolder
from runbook_lib.stacks.checks.controls.buckets import Store
from runbook_lib.stacks.stack import Stack
from tests.conftest import ACCOUNT
from tests.resources.cases_deploy import bundle

ANOTHER = "210987654321"
NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
BUCKET = Bucket(name="runbook", kept=False, expire=(("alb", 30),))
WITHOUT_OWNER = {"CreateBucket"}  # it takes none: it makes our own


def lock(aws, run):
    me = LockHolder.this_process(run, f"arn:aws:iam::{ACCOUNT}:user/{run}", NOW.isoformat(), os.getpid())
    return Lock(aws, BUCKET.aws_name(aws), me)


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "run.zip"
    path.write_bytes(b"PK")
    return path


@pytest.fixture
def sent(door):
    """The requests to S3: each operation with the owner it names."""
    requests = []

    def note(request, event_name, **_):
        owner = request.headers.get("x-amz-expected-bucket-owner", b"")
        requests.append((event_name.rpartition(".")[2], owner.decode() if isinstance(owner, bytes) else owner))

    door._session.events.register("before-send.s3", note)
    return requests


def operations_in_the_source():
    """Every operation of S3 that the library names, as S3 calls it."""
    sources = Path(runbook_lib.__file__).parent.rglob("*.py")
    names = {name for path in sources for name in re.findall(r'\bs3(?:\.|", ")(\w+)\(?', path.read_text("utf-8"))}
    model = Aws(env="x", region="us-west-2", account=ACCOUNT).client("s3")._reader.meta
    return {model.method_to_api_mapping[name] for name in names if name in model.method_to_api_mapping}


def test_every_call_to_s3_names_our_account(engine, door, aws, sent, archive):
    """The bucket, its bundle, the lock and the evidence, from first to last."""
    stack = Stack("s", all=[BUCKET, replace(bundle(b"PK"), bucket=BUCKET)])
    lock(door, "one").acquire()  # without a bucket
    engine.apply(stack)
    aws.client("s3").delete_public_access_block(Bucket=BUCKET.aws_name(door))
    engine.apply(Stack("s", all=[replace(BUCKET, expire=(), object_lock=True)]))
    holder = lock(door, "one")
    holder.acquire()
    holder.release()
    for _ in range(2):
        store(door, BUCKET.aws_name(door), archive, None)
    seen = Store(SimpleNamespace(snapshot=Snapshot(door)), BUCKET.aws_name(door))  # by the controls
    assert (seen.grants, seen.logs_to) == ([], "")
    engine.destroy(stack)
    assert {operation for operation, owner in sent if owner != ACCOUNT} == WITHOUT_OWNER
    assert {operation for operation, _ in sent} == operations_in_the_source()


@pytest.fixture
def stranger(engine, door, aws):
    """Our client, which expects a bucket of another account; the bucket with our name belongs to somebody else."""
    engine.apply(Stack("s", all=[BUCKET]))
    return Aws(env="test", region="us-west-2", account=ANOTHER, connection=aws.connection)


def test_no_lock_is_written_into_somebody_elses_bucket(stranger, door, aws, monkeypatch):
    monkeypatch.setattr(type(BUCKET), "aws_name", lambda *_: f"test-runbook-{ACCOUNT}-us-west-2")
    with pytest.raises(RequestRejected, match="another account") as raised:
        lock(stranger, "one").acquire()
    assert raised.value.code == "AccessDenied"
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=BUCKET.aws_name(door), Prefix=KEY)


def test_no_evidence_is_uploaded_into_somebody_elses_bucket(stranger, door, aws, archive):
    name = BUCKET.aws_name(door)
    with pytest.raises(UploadFailed, match="AccessDenied"):
        store(stranger, name, archive, None)
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=name, Prefix="evidence/")
