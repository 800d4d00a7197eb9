"""Which revision a rollback goes back to: the last one that really worked."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.plan import Action
from runbook_lib.errors import WrongUsage
from runbook_lib.resources import deployment_history
from runbook_lib.resources.deployment_history import Deployed, last_working, matching, read_history
from runbook_lib.runs import rollback
from runbook_lib.stacks.stack import Stack
from tests.resources.cases_deploy import application, group, release
from tests.resources.test_contract import bring_about, grounds
from tests.stacks.test_network import PARAMS, load

ONE, TWO = release(b"one"), release(b"two")


def deployed(number, content, status="Succeeded", **more):
    digest = f"sha256 {content.bundle.sha256}"
    ended = "" if status == "InProgress" else "2026-01-01 10:00 UTC"
    well = status == "Succeeded"
    return Deployed(f"d-{number}", digest, ended, well, more.get("everywhere", well), more.get("goes_back", False))


GOOD = deployed(1, ONE)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([], None),
        ([deployed(2, TWO)], "d-1"),
        ([deployed(2, TWO, "Failed")], "d-1"),
        ([deployed(2, TWO, "InProgress")], "d-1"),
        # CodeDeploy calls it a success, and one server did not get it.
        ([deployed(2, TWO, everywhere=False)], "d-1"),
        ([deployed(2, TWO, everywhere=False), deployed(3, TWO, "Failed")], "d-1"),
        # It was rolled back already, or is now: not two revisions back.
        ([deployed(2, TWO), deployed(3, release(b"three"), "Failed"), deployed(4, TWO, goes_back=True)], "d-4"),
        ([deployed(2, TWO), deployed(3, ONE, "InProgress", goes_back=True)], "d-3"),
        ([deployed(2, TWO), deployed(3, ONE, "Failed", goes_back=True)], "d-2"),
    ],
)
def test_it_is_the_last_one_that_every_server_got(later, expected):
    found = last_working([*reversed(later), GOOD])
    assert (found and found.id) == expected


def test_a_revision_is_named_by_the_beginning_of_its_digest_or_commit():
    commit = replace(GOOD, id="d-2", revision=f"example/web@{'ab' * 20}")
    history = [replace(GOOD, id="d-3"), commit, GOOD, deployed(0, TWO, "Failed")]
    assert [each.id for each in matching(history, ONE.bundle.sha256[:8])] == ["d-3"]
    assert [each.id for each in matching(history, f"sha256 {ONE.bundle.sha256}")] == ["d-3"]
    assert [each.id for each in matching(history, "abababa")] == ["d-2"]
    assert [each.id for each in matching(history, commit.name)] == ["d-2"]
    for none in ("", "ab", TWO.bundle.sha256, "d-1"):
        assert [*matching(history, none)] == []


def whole(wanted):
    return Stack("deploy", application=(application, group), release=(wanted.bundle, wanted))


def test_a_rollback_is_stopped_by_no_alarm_and_not_rolled_back_itself(aws, door, engine):
    """What is left may be what raises the alarm; and two rollbacks would race."""
    bring_about(engine, grounds(ONE))
    for wanted in (ONE, TWO):
        engine.apply(whole(wanted))
    (two, one) = read_history(Snapshot(door), "test-web", "test-web")
    assert (two.name, one.name, two.has_worked) == (TWO.bundle.sha256, ONE.bundle.sha256, True)
    back = replace(ONE, bundle=replace(ONE.bundle, path=None), goes_back=True)
    engine.apply(whole(back))
    newest = read_history(Snapshot(door), "test-web", "test-web")[0]
    info = aws.client("codedeploy").get_deployment(deploymentId=newest.id)["deploymentInfo"]
    assert (info["autoRollbackConfiguration"]["enabled"], info["overrideAlarmConfiguration"]["enabled"]) == (False,) * 2
    assert (newest.goes_back, newest.revision) == (True, one.revision)
    assert engine.plan(whole(back), refresh=True).todo == ()
    gone = replace(back, bundle=replace(back.bundle, sha256="0" * 64))
    plan = engine.plan(whole(gone), refresh=True)
    assert plan.todo[0].action is Action.BLOCKED
    assert "no bundle of this revision is stored" in plan.todo[0].reason


@pytest.fixture
def history(monkeypatch):
    """A group with this history, without AWS."""

    def given(*deployments):
        monkeypatch.setattr(rollback, "read_history", lambda *arguments: list(deployments))
        monkeypatch.setattr(rollback, "Snapshot", lambda aws: None)
        monkeypatch.setattr(rollback, "aws_client", lambda *arguments: SimpleNamespace(name=lambda one: one.name))

    return given


def test_what_cannot_be_chosen_is_answered_with_what_can(history):
    params = load(PARAMS / "local.yaml")
    foreign = replace(GOOD, id="d-2", revision="s3://other/web.zip")
    history(deployed(3, TWO), foreign, GOOD)
    with pytest.raises(WrongUsage, match=f"(?s)not deployed by the runbook: s3://other.*{ONE.bundle.sha256}.*--to"):
        rollback.choose_revision(params, Path(), "r")
    with pytest.raises(WrongUsage, match="No successful deployment was of 'abcdefab' in local"):
        rollback.choose_revision(params, Path(), "r", "abcdefab")
    assert rollback.choose_revision(params, Path(), "r", ONE.bundle.sha256[:12]) == GOOD
    history()
    with pytest.raises(WrongUsage, match=r"(?s)No earlier revision of local has worked.*nothing to go back to"):
        rollback.choose_revision(params, Path(), "r")


def test_the_present_revision_is_the_last_that_every_server_got(history):
    """One that failed, or that another tool deployed, is none to go back to; an environment may have none yet."""
    params = load(PARAMS / "local.yaml")
    foreign = replace(GOOD, id="d-2", revision="s3://other/web.zip")
    history(replace(deployed(3, TWO), has_worked=False), foreign, GOOD)
    assert rollback.present_revision(params, Path(), "r") == ONE.bundle.sha256
    history(foreign)
    assert rollback.present_revision(params, Path(), "r") == ""


def test_only_whole_deployments_are_history():
    """Those of Auto Scaling and to outdated servers reach a few servers with what all others have."""
    info = {"deploymentId": "d", "status": "Succeeded", "revision": {"string": {}}}
    assert not Deployed.of(info).is_ours
    assert Deployed.of(info | {"creator": deployment_history.BY_CODEDEPLOY}).goes_back
    assert not Deployed.of(info | {"deploymentOverview": {"Succeeded": 2, "Failed": 1}}).has_worked
