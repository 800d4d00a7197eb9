"""A wave plan on a real Airflow, with three environments, each in its own account of one embedded AWS."""

import os
import re
import subprocess
import sys
import time
from threading import Thread

import pytest

from embedded_aws.client import process
from embedded_aws.testing import LocalAws, eventually
from runbook_lib.aws.endpoints import connection
from runbook_lib.evidence.attestation import keys
from tests.fleet.airflow import Airflow
from tests.fleet.projects import ACCOUNTS, make_project, write_params

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(3600)]
NO_CAPACITY = {
    "service": "rds", "operation": "CreateDBInstance", "kind": "refuse", "code": "InsufficientDBInstanceCapacity",
    "message": "There are not enough database instances.", "skip": 1, "times": 1,
}  # fmt: skip
NOTEBOOKS = ("01_network", "02_data", "03_compute", "04_deploy")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = make_project(tmp_path_factory.mktemp("fleet"))
    yield folder
    process.stop(folder)


@pytest.fixture(scope="module")
def airflow(project, tmp_path_factory):
    return Airflow(tmp_path_factory.mktemp("airflow") / "home", project)


@pytest.fixture(scope="module")
def clouds(airflow, project):
    """The embedded AWS, as each environment's account sees it; started without processes behind it."""
    os.environ["RUNBOOK_LOCAL_MACHINES"] = "none"
    try:
        found = {env: LocalAws(project, connection(env, "embedded", project, ACCOUNTS[env])) for env in ACCOUNTS}
    finally:
        del os.environ["RUNBOOK_LOCAL_MACHINES"]
    return found


@pytest.fixture(scope="module")
def stopped(airflow, clouds):
    """A run in three waves, in which the database of the second environment is refused."""
    clouds["fleet-a"].control("faults", NO_CAPACITY)
    airflow.add_plan("release", "waves: [[fleet-a], [fleet-b], [fleet-c]]\n")
    return airflow.run("release")


def bucket(env):
    return f"{env}-runbook-{ACCOUNTS[env]}-us-west-2"


def runbook(project, *arguments):
    environment = os.environ | {"RUNBOOK_ROOT": str(project)}
    command = [sys.executable, "-m", "runbook_lib", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def revision(cloud):
    """What was deployed last to all servers with success."""
    group = cloud.client("codedeploy").get_deployment_group(
        applicationName="fleet-a-web", deploymentGroupName="fleet-a-web"
    )
    return group["deploymentGroupInfo"]["targetRevision"]["s3Location"]["key"]


def test_the_first_wave_is_planned_applied_and_verified(stopped):
    done = {f"{mode}_{name}": "success" for mode in ("plan", "apply", "verify") for name in NOTEBOOKS}
    assert stopped.of("fleet-a") == done | {"rollback": "skipped"}
    assert stopped.states["wave_1.end"] == "success"


def test_an_environment_that_fails_stops_its_wave(stopped):
    states = stopped.of("fleet-b")
    assert (states["apply_01_network"], states["apply_02_data"]) == ("success", "failed")
    assert {states[f"apply_{name}"] for name in NOTEBOOKS[2:]} == {"upstream_failed"}
    assert {states[f"verify_{name}"] for name in NOTEBOOKS} == {"upstream_failed"}
    assert stopped.states["wave_2.end"] == "failed"
    assert stopped.states["report"] == "failed"


def test_the_rest_is_not_touched(stopped, clouds, project):
    """No run, no call: AWS has heard nothing from the third environment."""
    assert set(stopped.of("fleet-c").values()) <= {"upstream_failed", "skipped"}
    assert not (project / "artifacts" / "fleet-c").exists()
    cloud = clouds["fleet-c"]
    assert [vpc["IsDefault"] for vpc in cloud.client("ec2").describe_vpcs()["Vpcs"]] == [True]
    assert cloud.client("s3").list_buckets()["Buckets"] == []
    assert cloud.client("cloudtrail").lookup_events()["Events"] == []


def test_the_report_says_why(stopped):
    text = stopped.log[stopped.log.rindex("1 done, 1 failed, 1 not touched") :]
    assert "✓ wave 1, fleet-a: done" in text
    assert "✗ wave 2, fleet-b: failed, with nothing to roll back" in text
    assert "wave_2.fleet-b.apply_02_data:" in text
    assert "There are not enough database instances." in text
    assert re.search(r"Evidence: artifacts/fleet-b/\S+-apply-\w+", text)
    assert "○ wave 3, fleet-c: not touched" in text
    assert "The waves stop here: 1 of 1 environment failed (fleet-b); the plan tolerates 0." in text


def test_the_accounts_are_apart(stopped, clouds):
    for env, vpcs in (("fleet-a", 2), ("fleet-b", 2), ("fleet-c", 1)):
        assert clouds[env].client("sts").get_caller_identity()["Account"] == ACCOUNTS[env]
        assert len(clouds[env].client("ec2").describe_vpcs()["Vpcs"]) == vpcs
    assert clouds["fleet-b"].client("rds").describe_db_instances()["DBInstances"] == []


def test_the_evidence_of_each_apply_is_in_the_bucket_and_valid(stopped, clouds, project):
    listed = clouds["fleet-a"].client("s3").list_objects_v2(Bucket=bucket("fleet-a"), Prefix="evidence/")["Contents"]
    runs = sorted(path.stem for path in (project / "artifacts" / "fleet-a").glob("*-apply-*.zip"))
    assert sorted(one["Key"] for one in listed) == [f"evidence/{run}.zip" for run in runs]
    assert len(runs) == len(NOTEBOOKS)
    for run in runs:
        checked = runbook(project, "evidence", "verify", run)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_release_that_fails_is_rolled_back(stopped, airflow, clouds, project):
    before = revision(clouds["fleet-a"])
    page = project / "webapp" / "shiftlog" / "__init__.py"
    text = page.read_text(encoding="utf-8")
    page.write_text(f"{text}\n# Another release.\n", encoding="utf-8")
    clouds["fleet-a"].control("faults", {"hook": "ValidateService", "kind": "fail", "times": 1})
    airflow.add_plan("next", "waves: [[fleet-a], [fleet-c]]\n")
    run = airflow.run("next")
    page.write_text(text, encoding="utf-8")
    assert run.of("fleet-a")["apply_04_deploy"] == "failed"
    assert run.of("fleet-a")["rollback"] == "success"
    assert "✗ wave 1, fleet-a: failed, and rolled back" in run.log
    assert revision(clouds["fleet-a"]) == before
    assert run.states["report"] == "failed"
    assert not (project / "artifacts" / "fleet-c").exists()


def test_a_wave_waits_in_the_triggerer_for_signed_approvals(stopped, airflow, project):
    line = keys.format_public_key(keys.machine_key(project).public_key)
    changes = {
        "  required: false              #": "  required: true               #",
        "signers: {}  ": f'signers: {{ann: "{line}"}}',
        "environment: {}  ": "environment: {GREETING: hello}",
    }
    write_params(project, "fleet-a", changes)
    airflow.add_plan("signed", "waves: [[fleet-a]]\n")
    began, approved = time.time(), []

    def approve():
        assert eventually(airflow.waiting, within=600) == ["runbook_fleet.sensor.ApprovalsTrigger"]
        for plan in sorted((project / "artifacts" / "fleet-a").glob("*-plan-*/plans/*-apply-*.json")):
            if plan.stat().st_mtime > began:
                done = runbook(project, "approve", plan.parents[1].name, "--as", "ann")
                approved.append((done.returncode, done.stdout + done.stderr))

    approver = Thread(target=approve)
    approver.start()
    run = airflow.run("signed")
    approver.join()
    assert {code for code, _ in approved} == {0, 1}, approved  # only a plan with changes can be approved
    assert "To approve it: runbook approve " in run.log
    assert "Every plan of this wave has its signed approvals." in run.log
    assert run.states["report"] == "success", run.log[-4000:]
    assert list((project / "artifacts" / "fleet-a").glob("*-apply-*/approvals/*-ann.dsse.json"))
