"""What a release sends to CodeDeploy, and why the last deployment failed."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from runbook_lib.errors import RequestRejected
from runbook_lib.resources.base import Observed
from tests.resources.cases_deploy import access, bucket, release
from tests.resources.test_release import IDS, ONE, Told, deployment

MADE = {**IDS, bucket: "test-bucket", ONE.servers: "test-servers"}
COMMIT = "example/web@" + "c0ffee0123" * 4


class CodeDeploy:
    """Notes what is sent; of what it is asked to stop, some has ended."""

    def __init__(self, *deployments, refuses=""):
        self.sent, self.refuses = [], refuses
        self.deployments = dict(deployments)
        self.codedeploy, self.run = self, "r1"

    def pages(self, service, operation, result, **request):
        assert (service, operation, result) == ("codedeploy", "list_deployments", "deployments")
        assert request["includeOnlyStatuses"] == ["Created", "Queued", "InProgress"]
        assert (request["applicationName"], request["deploymentGroupName"]) == ("test-web", "test-web")
        return list(self.deployments)

    def get_deployment(self, *, deploymentId):  # noqa: N803
        creator = self.deployments[deploymentId]
        return {"deploymentInfo": {"creator": creator} if creator else {}}

    def stop_deployment(self, **request):
        self.sent.append(("stop", request))
        if self.refuses:
            raise RequestRejected("refused", fix="Ask.", code=self.refuses)

    def create_deployment(self, **request):
        self.sent.append(("create", request))

    def update_deployment_group(self, **request):
        self.sent.append(("group", request))
        return {}


def seen(step=""):
    return Observed("d1", {}, step=step)


def test_a_bundle_is_deployed_from_the_environment_s_bucket():
    aws = CodeDeploy()
    ONE.create(aws, MADE)
    ((verb, request),) = aws.sent
    place = {"bucket": "test-bucket", "key": f"bundles/{ONE.bundle.sha256}.zip", "bundleType": "zip"}
    assert verb == "create"
    assert request == {
        "applicationName": "test-web",
        "deploymentGroupName": "test-web",
        "revision": {"revisionType": "S3", "s3Location": place},
        "description": f"runbook run r1; settings {ONE.desired(MADE)['settings']}",
    }
    aws.run = ""
    ONE.create(aws, MADE)
    assert aws.sent[-1][1]["description"].startswith("runbook run by hand; ")


def test_a_commit_is_deployed_from_github():
    aws, wanted = CodeDeploy(), release(b"", bundle=None, commit=COMMIT)
    wanted.create(aws, MADE)
    repository, _, commit = COMMIT.partition("@")
    assert aws.sent[0][1]["revision"] == {
        "revisionType": "GitHub", "gitHubLocation": {"repository": repository, "commitId": commit}
    }  # fmt: skip
    assert wanted.desired(MADE)["revision"] == COMMIT


def test_what_the_application_reads_is_part_of_its_settings():
    """A change of any of it is deployed; a value does not stand in the plan."""
    configuration = ONE.configuration
    others = [
        replace(configuration, user="other"),
        replace(configuration, environment=(("A", "1"),)),
        replace(configuration, environment=(("A", "2"),)),
    ]
    digests = {replace(ONE, configuration=each).desired(MADE)["settings"] for each in (configuration, *others)}
    assert len(digests) == 4
    assert all(digest.startswith("sha256 ") and len(digest) == len("sha256 ") + 12 for digest in digests)


def test_while_no_server_can_be_deployed_to_the_group_is_detached():
    """The deployments to servers that Auto Scaling abandons are stopped first; a person's is not."""
    aws = CodeDeploy(("d-1", "autoscaling"), ("d-2", "user"), ("d-3", ""), ("d-4", "autoscaling"))
    ONE.update(aws, MADE, seen("detach"), frozenset({"servers"}))
    stops, (group,) = [sent for verb, sent in aws.sent if verb == "stop"], [s for v, s in aws.sent if v == "group"]
    assert stops == [{"deploymentId": name, "autoRollbackEnabled": False} for name in ("d-1", "d-4")]
    assert group["autoScalingGroups"] == []
    assert aws.sent[-1][0] == "group"


def test_a_deployment_that_ended_meanwhile_need_not_be_stopped():
    aws = CodeDeploy(("d-1", "autoscaling"), refuses="DeploymentAlreadyCompletedException")
    ONE.update(aws, MADE, seen("detach"), frozenset())
    assert aws.sent[-1][0] == "group"
    with pytest.raises(RequestRejected):
        ONE.update(CodeDeploy(("d-1", "autoscaling"), refuses="AccessDenied"), MADE, seen("detach"), frozenset())


def test_with_a_server_in_service_the_group_is_attached_again():
    aws = CodeDeploy()
    ONE.update(aws, MADE, seen("attach"), frozenset({"servers", "revision"}))
    assert [(verb, sent["autoScalingGroups"]) for verb, sent in aws.sent] == [("group", ["test-servers"])]


@pytest.mark.parametrize(
    ("drift", "deploys"),
    [({"master_access"}, False), ({"master_access", "revision"}, True), ({"settings"}, True), ({"servers"}, True)],
)
def test_only_the_access_to_the_master_secret_is_withdrawn_without_a_deployment(monkeypatch, drift, deploys):
    withdrawn, aws = [], CodeDeploy()
    monkeypatch.setattr(type(access), "withdraw", lambda self, aws, ids: withdrawn.append(ids))
    release(b"one", access=access).update(aws, MADE, seen(), frozenset(drift))
    assert (bool(withdrawn), [verb for verb, _ in aws.sent]) == (not deploys, ["create"] if deploys else [])


# Why it failed.


class Failing(Told):
    """The targets of each deployment: one of them failed."""

    def all(self, service, operation, *result, **request):
        return ["i-1"] if operation == "list_deployment_targets" and "targetFilters" not in request else []

    def get(self, service, operation, **request):
        if operation == "batch_get_deployment_targets":
            event = {"lifecycleEventName": "Install", "status": "Failed", "diagnostics": {"errorCode": "ScriptFailed"}}
            return {"deploymentTargets": [{"instanceTarget": {"targetId": "i-1", "lifecycleEvents": [event]}}]}
        return super().get(service, operation, **request)


def observed(**deployments):
    last = list(deployments)[-1]
    good = [name for name, each in deployments.items() if each["status"] == "Succeeded"]
    group = {"lastAttemptedDeployment": {"deploymentId": last}}
    if good:
        group["lastSuccessfulDeployment"] = {"deploymentId": good[-1]}
    return ONE.observe(Failing(group, **deployments), IDS)


def test_a_failed_deployment_says_where_and_why():
    error = {"code": "HEALTH_CONSTRAINTS", "message": "Too many servers failed."}
    found = observed(d1=deployment("d1", "Failed") | {"errorInformation": error})
    assert found.failed == (
        "deployment d1 failed: HEALTH_CONSTRAINTS. Too many servers failed.\nInstall on i-1: ScriptFailed."
    )
    assert found.state["revision"] == "none"
    assert found.ready


def test_without_a_reason_it_says_so():
    assert observed(d1=deployment("d1", "Stopped")).failed.startswith("deployment d1 stopped: no reason given.")


def test_what_was_rolled_back_names_the_deployment_that_failed():
    """Not the rollback, which succeeded; and what runs now."""
    before = release(b"before")
    back = deployment("d3", "Succeeded", before) | {"rollbackInfo": {"rollbackTriggeringDeploymentId": "d2"}}
    found = observed(d1=deployment("d1", "Succeeded", before), d2=deployment("d2", "Failed"), d3=back)
    head, step, rolled = found.failed.splitlines()
    assert head.startswith("deployment d2 failed: ")
    assert step == "Install on i-1: ScriptFailed."
    assert rolled == f"Rolled back to sha256 {before.bundle.sha256}: d3 succeeded."


def test_the_failure_of_another_revision_is_no_failure_of_this_one():
    other = release(b"other")
    assert observed(d1=deployment("d1", "Failed", other)).failed == ""
    assert observed(d1=deployment("d1", "InProgress")).failed == ""
    assert observed(d1=deployment("d1", "Succeeded"), d2=deployment("d2", "Failed")).failed == ""


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ({"revisionType": "GitHub", "gitHubLocation": {"repository": "a/b", "commitId": "c"}}, "a/b@c"),
        ({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "elsewhere/x.zip"}}, "s3://b/elsewhere/x.zip"),
        ({"revisionType": "String"}, '{"revisionType": "String"}'),
    ],
)
def test_a_revision_that_somebody_else_deployed_is_shown(location, shown):
    found = observed(d1=deployment("d1", "Succeeded") | {"revision": location})
    assert found.state["revision"] == shown


def test_settings_of_a_deployment_without_our_words_are_unknown():
    """Somebody deployed the bundle by hand; Auto Scaling's own deployments to new servers count as ours before."""
    assert observed(d1=deployment("d1", "Succeeded") | {"description": "by hand"}).state["settings"] == "none"
    found = observed(d1=deployment("d1", "Succeeded"))
    assert found.state["settings"] == ONE.desired(IDS)["settings"]


def test_the_details_name_who_deployed_and_what_codedeploy_noted():
    last = deployment("d1", "Succeeded") | {"creator": "user", "completeTime": "noon"}
    assert observed(d1=last).detail == {"deployment": "d1", "by": "user", "completed": "noon"}
    noted = last | {"additionalDeploymentStatusInfo": "one server was skipped"}
    assert observed(d1=noted).detail["note"] == "one server was skipped"


def test_settings_are_those_of_the_last_deployment_to_all_servers():
    """One that Auto Scaling began has none of ours."""
    first = deployment("d1", "Succeeded") | {"creator": "user"}
    later = deployment("d2", "Succeeded") | {"creator": "autoscaling", "description": "Auto Scaling"}
    told = Told({"lastAttemptedDeployment": {"deploymentId": "d2"}}, d1=first, d2=later)
    told.all = lambda service, operation, *result, **request: (
        ["d2", "d1"] if operation == "list_deployments" and request["includeOnlyStatuses"] == ["Succeeded"] else []
    )
    told.aws = SimpleNamespace(name=lambda resource: f"test-{resource.name}")
    assert ONE.observe(told, IDS).state["settings"] == ONE.desired(IDS)["settings"]
