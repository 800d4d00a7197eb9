"""The code of the Lambda function: when it rolls back, to what, and when it leaves that to others."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from runbook_lib.params.model import Deploy
from runbook_lib.resources.bucket import LOCK
from runbook_lib.resources.deployment_history import ROLLBACK, Deployed
from runbook_lib.runs.lock_holder import LEASE
from runbook_lib.stacks.functions import rollback
from runbook_lib.stacks.functions.rollback import HeldOff, Rollback, handler
from tests.stacks.test_deploy import BUNDLE, deploy, params

START = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = "; settings sha256 0123456789ab"


def revision(name):
    return {"revisionType": "S3", "s3Location": {"bucket": "b", "key": f"bundles/{name}.zip", "bundleType": "zip"}}


def deployment(number, name, status="Succeeded", **more):
    return {
        "deploymentId": f"d-{number}",
        "applicationName": "test-web",
        "deploymentGroupName": "test-web",
        "createTime": START + timedelta(minutes=number),
        "revision": revision(name),
        "status": status,
        "creator": "user",
        "description": f"runbook run r{SETTINGS}",
        "deploymentOverview": {"Succeeded": 2, "Failed": 0},
        "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
    } | more


PARTLY = {"deploymentOverview": {"Succeeded": 1, "Failed": 1}}
ALONE = {"autoRollbackConfiguration": {"enabled": False}}


def refusal(code):
    return ClientError({"Error": {"Code": code, "Message": "-"}}, "Operation")


class CodeDeploy:
    """A group with these deployments; it notes what is deployed."""

    def __init__(self, *deployments, active=False):
        self.known = {one["deploymentId"]: one for one in deployments}
        self.active, self.created = active, []

    def get_deployment(self, **request):
        return {"deploymentInfo": self.known[request["deploymentId"]]}

    def get_paginator(self, operation):
        assert operation == "list_deployments"
        return self

    def paginate(self, **names):
        assert names == {"applicationName": "test-web", "deploymentGroupName": "test-web"}
        yield {"deployments": list(self.known)}  # in no certain order

    def batch_get_deployments(self, **request):
        assert len(request["deploymentIds"]) <= 25
        return {"deploymentsInfo": [self.known[one] for one in request["deploymentIds"]]}

    def create_deployment(self, **request):
        if self.active:
            raise refusal("DeploymentLimitExceededException")
        self.created.append(request)
        return {"deploymentId": "d-new"}


class S3:
    """A bucket with a lock that was renewed so many seconds ago; ``None`` for none."""

    def __init__(self, idle=None):
        self.idle = idle

    def head_object(self, **request):
        assert request == {"Bucket": "bucket", "Key": LOCK}
        if self.idle is None:
            raise refusal("404")
        return {"LastModified": datetime.now(UTC) - timedelta(seconds=self.idle)}


VARIABLES = {"BUCKET": "bucket", "LOCK": LOCK, "LEASE_SECONDS": "600"}
GOOD = deployment(1, "good")


def judge(ended, *others, idle=None, active=False):
    codedeploy = CodeDeploy(ended, *others, active=active)
    return Rollback(codedeploy, S3(idle), VARIABLES).judge(ended["deploymentId"]), codedeploy.created


@pytest.mark.parametrize(
    "bad",
    [
        deployment(2, "bad", **PARTLY),
        deployment(2, "bad", "Failed", **ALONE),
        deployment(2, "bad", "Stopped", errorInformation={"code": "ALARM_ACTIVE"}),
    ],
    ids=["a success that a server did not get", "a failure that nobody rolls back", "stopped by an alarm"],
)
def test_it_deploys_the_last_revision_that_every_server_got(bad):
    """Not one that only some got; no alarm stops it, and CodeDeploy does not undo it."""
    partly = deployment(0, "partly", **PARTLY) | {"createTime": START + timedelta(seconds=90)}
    single = deployment(1.2, "single", creator="autoscaling")
    outcome, (request,) = judge(bad, partly, single, GOOD)
    assert outcome == "d-new rolls back to the revision of d-1"
    assert request == {
        "applicationName": "test-web",
        "deploymentGroupName": "test-web",
        "revision": revision("good"),
        "description": f"automatic, after d-2; rollback; {SETTINGS[2:]}",
        "autoRollbackConfiguration": {"enabled": False},
        "overrideAlarmConfiguration": {"enabled": False},
    }


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (deployment(2, "new"), "every server got it"),
        (deployment(2, "bad", "Failed"), "left to CodeDeploy"),
        (deployment(2, "bad", "Failed", rollbackInfo={"rollbackDeploymentId": "d-3"}, **ALONE), "left to CodeDeploy"),
        (deployment(2, "bad", "Stopped", errorInformation={"code": "MANUAL_STOP"}), "the person who stopped it"),
        (deployment(2, "bad", "InProgress"), "not ended"),
        # No loop: neither its own rollbacks, nor CodeDeploy's, nor an operator's are judged.
        (deployment(2, "good", description="automatic, after d-9; rollback; ", **PARTLY), "not judged"),
        (deployment(2, "good", creator="codeDeployRollback", **PARTLY), "not judged"),
        (deployment(2, "good", description=f"runbook run r; rollback{SETTINGS}", **PARTLY), "not judged"),
        (deployment(2, "bad", "Failed", creator="autoscaling", **ALONE), "not judged"),
        (deployment(2, "bad", creator="CodeDeployAutoUpdate", **PARTLY), "not judged"),
    ],
)
def test_what_others_do_is_left_to_them(ended, reason):
    outcome, created = judge(ended, GOOD)
    assert reason in outcome
    assert created == []


def test_a_newer_deployment_wins():
    """An operator or CodeDeploy has begun another one, or the event came twice."""
    for newer in ("user", "codeDeployRollback"):
        outcome, created = judge(deployment(2, "bad", **PARTLY), GOOD, deployment(3, "c", "InProgress", creator=newer))
        assert (outcome, created) == ("left to d-3, which is newer", [])


def test_it_holds_off_while_a_run_has_the_lock_or_a_deployment_is_active():
    """Lambda calls it again then; a lock that is not renewed any more belongs to nobody."""
    bad = deployment(2, "bad", **PARTLY)
    with pytest.raises(HeldOff, match="lock"):
        judge(bad, GOOD, idle=599)
    with pytest.raises(HeldOff, match="active"):
        judge(bad, GOOD, active=True)
    assert len(judge(bad, GOOD, idle=601)[1]) == 1


def test_without_a_revision_that_worked_it_does_nothing():
    same = deployment(1, "bad")
    outcome, created = judge(deployment(2, "bad", **PARTLY), same, deployment(0, "worse", **PARTLY))
    assert (outcome, created) == ("no earlier revision has worked on every server", [])


def test_another_error_is_not_taken_for_a_missing_lock(monkeypatch):
    def refused(**request):
        raise refusal("403")

    store = S3()
    store.head_object = refused
    with pytest.raises(ClientError, match="403"):
        Rollback(CodeDeploy(deployment(2, "bad", **PARTLY), GOOD), store, VARIABLES).judge("d-2")


def test_the_handler_logs_what_it_did(monkeypatch, capsys):
    """As JSON, so that a query finds it; and raises what Lambda has to try again."""
    bad = deployment(2, "bad", **PARTLY)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    for idle in (None, 1):
        clients = {"codedeploy": CodeDeploy(bad, GOOD), "s3": S3(idle)}
        monkeypatch.setattr(rollback.boto3, "client", clients.__getitem__)
        try:
            handler({"detail": {"deploymentId": "d-2"}}, None)
        except HeldOff:
            assert idle
    first, second = capsys.readouterr().out.splitlines()
    assert first == '{"deployment": "d-2", "outcome": "d-new rolls back to the revision of d-1"}'
    assert second == '{"deployment": "d-2", "held off": "a run holds the environment\'s lock"}'


def test_function_and_runbook_agree_on_what_is_a_rollback_and_on_the_lock():
    ended = deployment(2, "good", description=f"automatic, after d-1; {ROLLBACK}; settings x")
    assert Deployed.of(ended).goes_back
    assert "not judged" in rollback.reason_to_leave(ended)
    app = deploy(params(rollback_function=True), BUNDLE)
    variables = dict(app["lambda_function.rollback"].variables)
    assert variables == {
        "BUCKET": "local-runbook-123456789012-us-west-2",
        "LEASE_SECONDS": str(round(LEASE.total_seconds())),
        "LOCK": LOCK,
    }
    assert list(deploy(params(), BUNDLE).rollback) == []
    assert Deploy().rollback_function is False
