"""`runbook unlock` releases the lock of a run that cannot do so itself, and records who held it and why."""

from __future__ import annotations

import json
from dataclasses import asdict
from email.utils import parsedate_to_datetime

import pytest
from click.testing import CliRunner

from runbook_lib.cli import unlock as unlock_module
from runbook_lib.cli.main import main
from runbook_lib.journal.reader import of_kind, read_events
from runbook_lib.runs.lock import KEY
from runbook_lib.runs.lock_holder import LockHolder
from tests.support.stack_runs import PARAMS

HOLDER = LockHolder("20261123T201500Z-apply-1a2b", "arn:aws:iam::1:user/ann", "build-7", 4242, 1.0, "", "a boot")


@pytest.fixture
def bucket(aws, tmp_path, monkeypatch):
    """The bucket of the local environment, on an account of this test."""
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    monkeypatch.setattr("runbook_lib.aws.endpoints.connection", lambda *a: aws.connection)
    monkeypatch.setattr(unlock_module, "check_endpoint", lambda *a: None)
    (tmp_path / "params").mkdir()
    text = (unlock_module.paths.checkout() / "params" / "local.yaml").read_text(encoding="utf-8")
    (tmp_path / "params" / "local.yaml").write_text(text, encoding="utf-8")
    name = f"local-runbook-{PARAMS.account}-{PARAMS.region}"
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": PARAMS.region})
    return name


def run_unlock(reason="the build machine is gone"):
    return CliRunner().invoke(main, ["unlock", "--env", "local", "--reason", reason])


def test_it_names_the_holder_and_records_why(aws, bucket, tmp_path):
    s3 = aws.client("s3")
    now = parsedate_to_datetime(s3.get_bucket_versioning(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]["date"])
    body = {**asdict(HOLDER), "since": now.isoformat()}
    s3.put_object(Bucket=bucket, Key=KEY, Body=json.dumps(body).encode())
    done = run_unlock()
    assert done.exit_code == 0, done.output
    for text in (HOLDER.run, HOLDER.caller, "build-7 (process 4242)", "renewed", "held for"):
        assert text in done.output
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    (folder,) = (tmp_path / "artifacts" / "local").glob("*-unlock-????")
    (event,) = of_kind(read_events(folder), "unlock")
    assert (event["reason"], event["holder"]) == ("the build machine is gone", body)
    assert event["age_seconds"] < 60
    checked = CliRunner().invoke(main, ["evidence", "verify", str(folder)])
    assert checked.exit_code == 0, checked.output


def test_a_free_lock_and_an_empty_reason(bucket, tmp_path):
    assert "Nobody holds the lock of local" in run_unlock().output
    assert run_unlock(" ").exit_code == 2
    assert not (tmp_path / "artifacts").exists()
