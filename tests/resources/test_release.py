"""A release tells what runs, waits for what is under way, and explains what failed."""

import pytest

from runbook_lib.errors import Failed
from runbook_lib.plan import Action
from runbook_lib.resources.stored_bundle import key
from runbook_lib.stack import Stack
from tests.resources.cases_deploy import release
from tests.resources.test_contract import bring_about, grounds

ONE, TWO = b"one", b"two"


def wanted(content):
    """The release, and its bundle with it."""
    found = release(content)
    return found, Stack("deploy", bundle=found.bundle, release=found)


@pytest.fixture
def ground(engine):
    """Everything that a release stands on, but for the bundles."""
    first, _ = wanted(ONE)
    bring_about(engine, Stack("grounds", all=[r for r in grounds(first) if r != first.bundle]))


@pytest.fixture
def losing(aws, door):
    """Lets a bundle vanish at the last moment, so that no server can download it."""

    def lose(found):
        def just_before(change):
            if change.resource == found:
                bucket = found.bundle.bucket.called(door)
                aws.client("s3").delete_object(Bucket=bucket, Key=key(found.bundle.sha256))

        return just_before

    return lose


def deployments(aws):
    client = aws.client("codedeploy")
    ids = client.list_deployments()["deployments"]
    return [client.get_deployment(deploymentId=found)["deploymentInfo"] for found in ids]


def test_a_failed_deployment_is_explained_and_the_last_good_revision_runs(engine, aws, ground, losing):
    """The error names deployment, step, server and how the rollback ended; the next apply tries again."""
    first, before = wanted(ONE)
    second, after = wanted(TWO)
    engine.apply(before)
    with pytest.raises(Failed) as raised:
        engine.apply(after, allow=losing(second))
    rolled_back, failed, good = deployments(aws)
    assert (failed["status"], rolled_back["status"]) == ("Failed", "Succeeded")
    told = str(raised.value)
    assert f"deployment {failed['deploymentId']} failed: HEALTH_CONSTRAINTS" in told
    assert "DownloadBundle on i-" in told
    assert f"Rolled back to sha256 {first.bundle.sha256}: {rolled_back['deploymentId']} succeeded." in told
    assert good["status"] == "Succeeded"

    seen = engine.survey(after, afresh=True)[second]
    assert seen.state == {"revision": f"sha256 {first.bundle.sha256}"}
    assert [(c.key, c.action) for c in engine.plan(after).todo if c.resource == second] == [(second.key, Action.UPDATE)]
    engine.apply(after)
    assert engine.plan(after, afresh=True).todo == ()


def test_a_first_deployment_that_fails_has_nothing_to_go_back_to(engine, aws, ground, losing):
    """It says so, and is tried again by the next apply: once the cause is mended, it runs."""
    first, stack = wanted(ONE)
    with pytest.raises(Failed, match="DownloadBundle on i-"):
        engine.apply(stack, allow=losing(first))
    assert [found["status"] for found in deployments(aws)] == ["Failed"]
    assert engine.survey(stack, afresh=True)[first].state == {"revision": "none"}
    engine.apply(stack)
    assert engine.plan(stack, afresh=True).todo == ()


def test_what_an_earlier_run_began_is_awaited_and_not_asked_for_again(engine, door, aws, ground):
    """A run that was killed after CreateDeployment goes on with that deployment."""
    first, stack = wanted(ONE)
    engine.apply(stack.bundle)
    first.create(door, {r: found.id for r, found in engine.survey(stack, afresh=True).items() if found})
    engine.apply(stack)
    assert len(deployments(aws)) == 1
    assert engine.plan(stack, afresh=True).todo == ()


def test_a_revision_that_somebody_else_deployed_shows_as_what_runs(engine, door, aws, ground):
    """Drift of the running revision is seen, and mended by deploying the wanted one."""
    first, stack = wanted(ONE)
    engine.apply(stack)
    commit = {"repository": "example/web", "commitId": "0123456789abcdef0123456789abcdef01234567"}
    other = {"revisionType": "GitHub", "gitHubLocation": commit}
    name = door.name(first)
    aws.client("codedeploy").create_deployment(applicationName=name, deploymentGroupName=name, revision=other)
    engine.settle(stack, engine.survey(stack, afresh=True))
    (change,) = engine.plan(stack, afresh=True).todo
    ours = f"sha256 {first.bundle.sha256}"
    assert change.fields == {"revision": ("example/web@0123456789abcdef0123456789abcdef01234567", ours)}
    engine.apply(stack)
    assert engine.survey(stack, afresh=True)[first].state == {"revision": ours}
