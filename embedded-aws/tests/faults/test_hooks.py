"""A lifecycle event that fails on request, as CodeDeploy shows it and reacts to it."""

import pytest

from services.deploy import Deploy

BACK = {"autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}}


@pytest.fixture
def deploy(aws):
    return Deploy(aws)


def test_a_failing_hook_fails_the_deployment_and_rolls_it_back(deploy, day):
    """On the instance of the named zone; the diagnostics name the fault, and the next deployment succeeds."""
    deploy.create_group(**BACK)
    deploy.ended(deploy.deploy())
    day.ask("POST", "faults", {"hook": "ValidateService", "zone": "us-west-2a", "times": 1})
    deploy.s3.put_object(Bucket="bundles", Key="v2.zip", Body=b"two")
    failed = deploy.deploy("v2.zip")
    info = deploy.ended(failed)
    assert info["status"] == "Failed"
    (there,) = [name for name, zone in deploy.members().items() if zone == "us-west-2a"]
    events = {event["lifecycleEventName"]: event for event in deploy.target(failed, there)["lifecycleEvents"]}
    assert events["ApplicationStart"]["status"] == "Succeeded"
    diagnostics = events["ValidateService"]["diagnostics"]
    assert diagnostics["errorCode"] == "ScriptFailed"
    assert "ValidateService fails on request, for a game day: fault" in diagnostics["logTail"]
    assert deploy.ended(info["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    assert day.counts() == [(2, 1)]
    assert deploy.ended(deploy.deploy("v2.zip"))["status"] == "Succeeded"
