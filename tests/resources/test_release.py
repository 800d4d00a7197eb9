"""What runs on the servers, as CodeDeploy tells it piece by piece."""

from types import SimpleNamespace

import pytest

from tests.resources.cases_deploy import release

ONE = release(b"one")
IDS = {ONE.group: "test-web", ONE.group.application: "test-web"}


class Told:
    """A look that answers what it is given, without AWS."""

    def __init__(self, group, **deployments):
        self.group, self.deployments = group, deployments
        self.aws = SimpleNamespace(name=lambda resource: f"test-{resource.name}")

    def all(self, service, operation, *result, **request):
        return []

    def get(self, service, operation, **request):
        if operation == "get_deployment_group":
            names = {"applicationName": "test-web", "deploymentGroupName": "test-web"}
            return {"deploymentGroupInfo": names | self.group}
        return {"deploymentInfo": self.deployments[request["deploymentId"]]}


def deployment(name, status, content=ONE):
    place = {"bucket": "b", "key": f"bundles/{content.bundle.sha256}.zip", "bundleType": "zip"}
    revision = {"revisionType": "S3", "s3Location": place}
    described = f"runbook run r; settings {content.desired(IDS)['settings']}"
    return {"deploymentId": name, "status": status, "revision": revision, "description": described}


def test_what_succeeds_while_one_looks_is_not_deployed_again():
    """The group was asked a moment before it ended, so it names no success yet; the deployment itself does."""
    told = Told({"lastAttemptedDeployment": {"deploymentId": "d1"}}, d1=deployment("d1", "Succeeded"))
    found = ONE.observe(told, IDS)
    assert found.state == ONE.desired({})
    assert found.ready
    assert not found.failed


@pytest.mark.parametrize("status", ["Created", "Queued", "InProgress"])
def test_what_is_under_way_does_not_run_yet(status):
    """What succeeded before is what runs, and nothing else is begun meanwhile."""
    before = release(b"before")
    told = Told(
        {"lastAttemptedDeployment": {"deploymentId": "d2"}, "lastSuccessfulDeployment": {"deploymentId": "d1"}},
        d1=deployment("d1", "Succeeded", before),
        d2=deployment("d2", status),
    )
    found = ONE.observe(told, IDS)
    assert found.state == before.desired({})
    assert not found.ready


@pytest.mark.parametrize(
    ("creator", "servers"),
    [
        ("user", "1 of 1 servers"),
        ("autoscaling", "1 of 1 servers that Auto Scaling added"),
        ("CodeDeployAutoUpdate", "1 of 1 servers with an older revision"),
    ],
)
def test_a_deployment_to_some_of_the_servers_is_not_shown_as_one_to_all(creator, servers):
    """Auto Scaling deploys to a new server alone: `1 of 1 servers` of three would be read as all of them."""
    last = deployment("d1", "Succeeded") | {"creator": creator, "deploymentOverview": {"Succeeded": 1}}
    told = Told({"lastAttemptedDeployment": {"deploymentId": "d1"}}, d1=last)
    assert ONE.observe(told, IDS).status == f"d1 Succeeded, {servers}"
