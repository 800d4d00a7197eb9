"""What a release makes of what CodeDeploy leaves out or says otherwise, and what a way back is sent with."""

from dataclasses import replace

import pytest

from runbook_lib.resources.application_secret import ApplicationSecret
from runbook_lib.resources.base import Observed
from tests.resources.cases_data import cache
from tests.resources.cases_deploy import access, release
from tests.resources.test_release import IDS, ONE, Servers, Told, deployment, lacks
from tests.resources.test_release_writes import MADE, CodeDeploy, observed, seen

OTHER = release(b"other")
LAST = {"lastAttemptedDeployment": {"deploymentId": "d1"}}


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize("healthy", [[], ["i-1"]])
@pytest.mark.parametrize("abandoned", ["", "why"])
def test_one_healthy_server_or_none_ever_is_enough_to_deploy(ready, healthy, abandoned):
    group = Observed("x", {}, ready=ready, detail={"_healthy": healthy, "_abandoned": abandoned})
    assert ONE.is_satisfied_by(group) is bool(ready or healthy or abandoned)


def test_a_cache_and_the_version_of_a_secret_are_part_of_the_settings():
    secret = ApplicationSecret(name="a", known_as="prod/a")
    with_cache = replace(ONE, configuration=replace(ONE.configuration, cache=cache))
    with_secret = replace(ONE, secrets=(secret,))
    settings = [
        each.desired(ids)["settings"]
        for each, ids in ((ONE, IDS), (with_cache, IDS), (with_secret, {**IDS, secret: "v1"}),
                          (with_secret, {**IDS, secret: "v2"}), (with_secret, IDS))
    ]  # fmt: skip
    assert len(set(settings)) == 5
    assert with_secret.desired({**IDS, secret: "prod/a"})["settings"] == settings[-1]


def test_before_the_first_deployment_there_is_no_release():
    assert ONE.observe(Told({}), IDS) is None
    assert ONE.observe(Told(LAST), {}) is None
    gone = Told(LAST)
    gone.get = lambda service, operation, **request: None
    assert ONE.observe(gone, IDS) is None


def test_while_the_first_deployment_fails_nothing_runs():
    found = observed(d1=deployment("d1", "Failed"))
    assert (found.id, found.state["revision"], found.state["settings"]) == ("d1", "none", "none")
    assert found.detail == {}


def test_what_runs_has_the_id_of_the_deployment_that_brought_it():
    found = observed(d1=deployment("d1", "Succeeded", OTHER), d2=deployment("d2", "Failed"))
    assert (found.id, found.detail) == ("d1", {"deployment": "d1", "by": None, "completed": ""})


@pytest.mark.parametrize("given", [True, False])
def test_whether_servers_may_read_the_master_secret_is_asked_of_the_access(monkeypatch, given):
    told = Told(LAST, d1=deployment("d1", "Succeeded"))
    monkeypatch.setattr(type(access), "is_given", lambda self, snapshot, ids: given and (snapshot, ids) == (told, IDS))
    found = replace(ONE, access=access).observe(told, IDS)
    may = "servers may read the master user's secret" if given else "no server may read the master user's secret"
    assert found.state["master_access"] == may
    assert ONE.observe(told, IDS).state["master_access"] == "no server may read the master user's secret"


@pytest.mark.parametrize(
    "text", [None, "", "; settings sha256 0123456789abX", "; settings sha256 0123456789ab and more"]
)
def test_a_description_of_somebody_else_has_no_settings(text):
    last = deployment("d1", "Succeeded") | {"description": text}
    assert observed(d1=last).state["settings"] == "none"
    missing = {name: value for name, value in last.items() if name != "description"}
    assert observed(d1=missing).state["settings"] == "none"


@pytest.mark.parametrize(
    ("about", "status"),
    [
        ({}, "d1 Succeeded"),
        ({"deploymentOverview": None}, "d1 Succeeded"),
        ({"deploymentOverview": {"Succeeded": 2, "Failed": 1}}, "d1 Succeeded, 2 of 3 servers"),
        ({"deploymentOverview": {"Pending": 2}}, "d1 Succeeded, 0 of 2 servers"),
    ],
)
def test_how_far_a_deployment_is_is_told_as_far_as_it_is_known(about, status):
    assert observed(d1=deployment("d1", "Succeeded") | about).status == status


def test_a_rollback_whose_cause_is_gone_or_worked_after_all_is_no_failure():
    back = deployment("d3", "Succeeded", OTHER) | {"rollbackInfo": {"rollbackTriggeringDeploymentId": "d2"}}
    told = Told({"lastAttemptedDeployment": {"deploymentId": "d3"}}, d3=back)
    answer = told.get
    told.get = lambda service, operation, **request: (
        None if request.get("deploymentId") == "d2" else answer(service, operation, **request)
    )
    assert ONE.observe(told, IDS).failed == ""
    assert observed(d2=deployment("d2", "Succeeded"), d3=back).failed == ""


def test_what_another_revision_brought_to_some_servers_has_not_replaced_this_one():
    """Only one to all servers has; what it reached itself does not count."""
    some = deployment("d2", "Succeeded", OTHER) | {"creator": "autoscaling"}
    later = [("d3", deployment("d3", "Succeeded"), {"i-1": "Succeeded"}), ("d2", some, {"i-3": "Succeeded"})]
    told = Servers("i-1", "i-2", "i-3", reached=["i-1", "i-2"], later=later, newest="d3")
    assert lacks(told)[1] == "deployment d3 did not reach i-3"


# What is sent.

ALONE = {"autoRollbackConfiguration": {"enabled": False}, "overrideAlarmConfiguration": {"enabled": False}}


@pytest.mark.parametrize(
    ("goes_back", "drift", "alone"),
    [
        (True, {"revision"}, True),
        (True, {"settings"}, False),
        (False, {"revision"}, False),
        (False, {"servers"}, False),
    ],
)
def test_a_way_back_is_stopped_by_no_alarm_and_goes_back_to_nothing(goes_back, drift, alone):
    aws, wanted = CodeDeploy(), replace(ONE, goes_back=goes_back)
    wanted.update(aws, MADE, seen(), frozenset(drift))
    ((_, request),) = aws.sent
    assert {name: value for name, value in request.items() if name.endswith("Configuration")} == (
        ALONE if alone else {}
    )
    way = "rollback; " if alone else ""
    assert request["description"] == f"runbook run r1; {way}settings {wanted.desired(MADE)['settings']}"


def test_access_is_withdrawn_from_the_account_that_is_written_to(monkeypatch):
    calls, aws = [], CodeDeploy()
    monkeypatch.setattr(type(access), "withdraw", lambda self, *given: calls.append(given))
    replace(ONE, access=access).update(aws, MADE, seen(), frozenset({"master_access"}))
    assert (calls, aws.sent) == ([(aws, MADE)], [])
    ONE.update(aws, MADE, seen(), frozenset({"master_access"}))
    assert [verb for verb, _ in aws.sent] == ["create"]


def test_the_servers_that_a_deployment_reached_are_asked_for_by_how_it_ended():
    asked, told = [], Servers("i-1", "i-2", reached=["i-1"])
    answer = told.all

    def ask(service, operation, *result, **request):
        if operation != "describe_auto_scaling_groups":
            asked.append((service, operation, *result, request.get("targetFilters")))
        return answer(service, operation, *result, **request)

    told.all = ask
    ONE.observe(told, IDS)
    targets = ("codedeploy", "list_deployment_targets", "targetIds")
    assert asked[0] == (*targets, {"TargetStatus": ["Succeeded"]})
    assert asked[-1] == (*targets, {"TargetStatus": ["Failed"]})
    assert ("codedeploy", "list_deployments", "deployments", None) in asked
