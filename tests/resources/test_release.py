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
        self.batches: list[int] = []
        self.aws = SimpleNamespace(name=lambda resource: f"test-{resource.name}")

    def all(self, service, operation, *result, **request):
        return []

    def get(self, service, operation, **request):
        if operation == "get_deployment_group":
            names = {"applicationName": "test-web", "deploymentGroupName": "test-web"}
            return {"deploymentGroupInfo": names | self.group}
        if operation == "batch_get_deployments":
            self.batches.append(len(request["deploymentIds"]))
            found = [self.deployments[name] for name in request["deploymentIds"] if name in self.deployments]
            return {"deploymentsInfo": found[::-1]}  # AWS promises no order
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


class Servers(Told):
    """Also answers about the servers, and which deployments have reached them."""

    def __init__(
        self, *servers, attached=True, last="Succeeded", content=ONE, reached=(), later=(), activities=(), ill=(),
        newest="d1",
    ):  # fmt: skip
        group = {"lastAttemptedDeployment": {"deploymentId": newest}}
        if last != "Succeeded":
            group["lastSuccessfulDeployment"] = {"deploymentId": "d0"}
        if attached:
            group["autoScalingGroups"] = [{"name": "other"}, {"name": NAME}]
        deployments = {"d1": deployment("d1", last, content), "d0": deployment("d0", "Succeeded", content)}
        super().__init__(group, **deployments, **{name: about for name, about, _ in later})
        self.asked: list[str] = []
        self.targets = {"d1": dict.fromkeys(reached, "Succeeded"), "d0": {}} | {name: who for name, _, who in later}
        self.later, self.activities, self.ill = [name for name, _, _ in later], activities, ill
        states = {"": ("InService", "Healthy"), "ill": ("InService", "Unhealthy"), "boots": ("Pending:Wait", "Healthy")}
        self.instances = [
            dict(zip(("InstanceId", "LifecycleState", "HealthStatus"), (name, *states[state]), strict=True))
            for name, _, state in (server.partition(" ") for server in servers)
        ]

    def all(self, service, operation, *result, **request):
        if operation == "describe_auto_scaling_groups":
            group = {"AutoScalingGroupName": NAME, "Instances": self.instances, "TargetGroupARNs": ["arn:tg"]}
            return [group | {"AutoScalingGroupName": "other", "Instances": []}, group]
        if operation == "list_deployments":
            assert request == {
                "includeOnlyStatuses": ["Succeeded"], "applicationName": "test-web", "deploymentGroupName": "test-web"
            }  # fmt: skip
            return [*self.later, "d1"]
        targets = self.targets[request["deploymentId"]]
        self.asked.append(request["deploymentId"])
        wanted = [status for one in request.get("targetFilters", {}).values() for status in one]
        return [f"arn:x/{who}" for who, status in targets.items() if not wanted or status in wanted]

    def get(self, service, operation, **request):
        if operation == "describe_scaling_activities":
            assert request["AutoScalingGroupName"] == NAME
            return {"Activities": list(self.activities)}
        if operation == "describe_target_health":
            state = {name: "unhealthy" if name in self.ill else "healthy" for name in ("i-1", "i-2", "i-3")}
            return {"TargetHealthDescriptions": [
                {"Target": {"Id": name}, "TargetHealth": {"State": each}} for name, each in state.items()
            ]}  # fmt: skip
        if operation == "batch_get_deployment_targets":
            event = {"lifecycleEventName": "ApplicationStart", "status": "Failed"}
            return {"deploymentTargets": [{"instanceTarget": {"targetId": "i-2", "lifecycleEvents": [event]}}]}
        return super().get(service, operation, **request)


NAME = f"test-{ONE.servers.name}"
NOT_ALL, TO_ALL = "not every server gets it", "every server gets it"


def lacks(told):
    """Whether every server gets it, and which it did not reach."""
    found = ONE.observe(told, IDS)
    return found.state["servers"], found.note, found.failed


@pytest.mark.parametrize(
    ("servers", "reached", "missed"),
    [
        (("i-1", "i-2"), ("i-1", "i-2"), ""),
        (("i-1", "i-2"), ("i-2", "i-1", "i-gone"), ""),
        (("i-3", "i-1", "i-2"), ("i-2",), "i-1, i-3"),
        (("i-1", "i-2 boots", "i-3 ill"), ("i-1",), ""),
        ((), (), ""),
    ],
)
def test_a_server_in_service_that_no_deployment_has_reached_is_named(servers, reached, missed):
    note = f"deployment d1 did not reach {missed}"
    assert lacks(Servers(*servers, reached=reached)) == ((NOT_ALL, note, "") if missed else (TO_ALL, "", ""))


def test_while_a_deployment_runs_nobody_is_missed():
    assert lacks(Servers("i-1", last="InProgress")) == (TO_ALL, "", "")


@pytest.mark.parametrize(
    ("later", "missed"),
    [
        ([("d2", deployment("d2", "Succeeded"), {"i-2": "Succeeded", "i-3": "Succeeded"})], ""),
        ([("d3", deployment("d3", "Succeeded"), {"i-3": "Succeeded"}),
          ("d2", deployment("d2", "Succeeded"), {"i-2": "Succeeded"})], ""),
        ([("d2", deployment("d2", "Succeeded"), {"i-2": "Succeeded"})], "i-3"),
        ([("d2", deployment("d2", "Succeeded"), {"i-2": "Skipped", "i-3": "Succeeded"})], "i-2"),
        ([("d2", deployment("d2", "Succeeded", release(b"other")), {"i-2": "Succeeded", "i-3": "Succeeded"})],
         "i-2, i-3"),
    ],
)  # fmt: skip
def test_a_server_that_was_launched_later_has_a_deployment_of_its_own(later, missed):
    """Of the same revision; another one does not count."""
    told = Servers("i-1", "i-2", "i-3", reached=["i-1"], later=later)
    note = f"deployment d1 did not reach {missed}"
    assert lacks(told) == ((NOT_ALL, note, "") if missed else (TO_ALL, "", ""))


def launched(number, content=ONE):
    """The deployment to a server that Auto Scaling has added: it has no description of ours."""
    told = deployment(f"d{number}", "Succeeded", content) | {"creator": "autoscaling"}
    return (f"d{number}", {name: value for name, value in told.items() if name != "description"}, {"i-2": "Succeeded"})


@pytest.mark.parametrize(("launches", "batches"), [(1, [2]), (24, [25]), (25, [25, 1]), (124, [25] * 5)])
def test_the_settings_are_those_of_the_last_release_to_everybody(launches, batches):
    """However many servers came since: 25 of their deployments are read with one call."""
    later = [launched(number) for number in range(launches + 1, 1, -1)]
    told = Servers("i-1", "i-2", reached=["i-1"], later=later, newest=later[0][0])
    found = ONE.observe(told, IDS)
    assert found.state["settings"] == ONE.desired(IDS)["settings"]
    assert told.batches[: len(batches)] == batches


def test_most_servers_are_asked_for_at_once():
    """After sixty launches, the two in service are those of the release and of the newest launch: two lists."""
    later = [launched(number) for number in range(60, 1, -1)]
    told = Servers("i-1", "i-2", reached=["i-1"], later=later, newest="d60")
    assert lacks(told) == (TO_ALL, "", "")
    assert told.asked == ["d60", "d1"]


def test_what_another_revision_has_replaced_does_not_count():
    """The same revision reached it once; then another one did, and this one again, but not there."""
    other = deployment("d2", "Succeeded", release(b"other"))
    again = ("d3", deployment("d3", "Succeeded"), {"i-1": "Succeeded"})
    later = [again, ("d2", other, {"i-1": "Succeeded", "i-2": "Succeeded"})]
    told = Servers("i-1", "i-2", reached=["i-1", "i-2"], later=later, newest="d3")
    assert lacks(told) == (NOT_ALL, "deployment d3 did not reach i-2", "")


@pytest.mark.parametrize(("who", "failed"), [("i-2", True), ("i-gone", False)])
def test_a_server_on_which_it_failed_says_why(who, failed):
    told = Servers("i-1", "i-2", reached=["i-1"])
    told.targets["d1"][who] = "Failed"
    note = "deployment d1 did not reach i-2"
    why = f"{note}\nApplicationStart on i-2: failed, and CodeDeploy gives no reason."
    assert lacks(told) == (NOT_ALL, note, why if failed else "")


DETACHED = "the Auto Scaling group is detached from the deployment group, and is attached again"
WAITS = "detached until a server is in service"


@pytest.mark.parametrize(
    ("servers", "ill", "ready"),
    [
        ((), (), False), (("i-1",), (), True), (("i-1 ill",), (), False), (("i-1", "i-2 boots"), (), False),
        (("i-1",), ("i-1",), False), (("i-1", "i-2"), ("i-1",), True), (("i-1", "i-2"), ("i-1", "i-2"), False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("new", [True, False])
def test_a_group_that_is_detached_is_attached_again(servers, ill, ready, new):
    """For a new revision once a healthy server is in service, and none is still starting."""
    told = Servers(*servers, attached=False, ill=ill, reached=["i-1", "i-2"], content=release(b"old") if new else ONE)
    found = ONE.observe(told, IDS)
    assert (found.step, found.state["servers"], found.note) == ("attach", NOT_ALL, DETACHED)
    assert found.ready is (ready or not new)
    assert found.status == (WAITS if new and not ready else "d1 Succeeded")


ABANDONED = {"Description": "Launching a new EC2 instance", "StatusCode": "Cancelled",
             "StatusMessage": "Lifecycle Action completed with ABANDON result."}  # fmt: skip


@pytest.mark.parametrize(
    ("servers", "activities", "new", "detaches"),
    [
        ((), [ABANDONED], True, True), (("i-1 ill",), [ABANDONED], True, True), (("i-1",), [ABANDONED], True, False),
        ((), [], True, False), ((), [ABANDONED | {"StatusCode": "Successful"}, ABANDONED], True, False),
        ((), [ABANDONED], False, False),
    ],
)  # fmt: skip
def test_when_every_new_server_is_abandoned_the_group_is_detached(servers, activities, new, detaches):
    """Only for another revision than the one that runs, and while no server is in service."""
    found = ONE.observe(Servers(*servers, activities=activities, content=release(b"old") if new else ONE), IDS)
    assert found.step == ("detach" if detaches else "")
    if detaches:
        assert (found.ready, found.state["servers"]) == (True, NOT_ALL)
        assert found.note == (
            "every new server is abandoned: Lifecycle Action completed with ABANDON result. "
            "The Auto Scaling group is detached until a server is in service, and attached again"
        )
    else:
        assert (found.state["servers"], found.note) == (TO_ALL, "")
