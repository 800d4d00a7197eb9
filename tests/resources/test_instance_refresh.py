"""What changes the launch template reaches the servers, and nothing says so before it has."""

from types import SimpleNamespace

import pytest

from embedded_aws.testing import eventually
from runbook_lib.engine.approval import is_covered
from runbook_lib.engine.engine import Engine
from runbook_lib.engine.plan import Action
from runbook_lib.engine.verify import require_no_drift
from runbook_lib.errors import DriftDetected, Failed
from runbook_lib.resources.instance_refresh import PAUSE, InstanceRefresh, choose_checkpoints
from runbook_lib.stacks.stack import Stack
from tests.resources.cases_compute import image, servers, template
from tests.resources.test_contract import bring_about, grounds
from tests.support.call_recorder import Killed, Wire
from tests.support.stack_runs import Time

GROUP = "test-web"


def web(**changed):
    wanted = template(**changed)
    group = servers(template=wanted)
    return Stack("compute", template=(image, wanted), servers=(group, refresh_of(group)))


def refresh_of(group):
    return InstanceRefresh(name="web", servers=group, template=group.template)


SMALL, LARGE = web(), web(instance_type="t4g.large")


@pytest.fixture
def fast(door, journal):
    return Engine(door, journal, clock=Time().clock)


@pytest.fixture
def built(aws, fast):
    bring_about(fast, grounds(*SMALL))
    bring_about(fast, SMALL)
    return aws


def members(aws):
    found = aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])
    return {i["InstanceId"]: i for i in found["AutoScalingGroups"][0]["Instances"]}


def refreshes(aws):
    found = aws.client("autoscaling").describe_instance_refreshes(AutoScalingGroupName=GROUP)
    return [refresh["Status"] for refresh in found["InstanceRefreshes"]]


def types(aws):
    reservations = aws.client("ec2").describe_instances(InstanceIds=list(members(aws)))["Reservations"]
    return {i["InstanceType"] for reservation in reservations for i in reservation["Instances"]}


def test_a_new_instance_type_reaches_every_server(built, fast, calls):
    """The plan shows it before anything is done; the servers are replaced once, and never too few serve."""
    assert fast.plan(SMALL, refresh=True).todo == ()
    plan = fast.plan(LARGE, refresh=True)
    assert [(c.key, c.action) for c in plan.todo] == [
        ("launch_template.web", Action.UPDATE),
        ("instance_refresh.web", Action.UPDATE),
    ]
    assert plan.todo[1].fields == {"instance_type": ("t4g.small", "t4g.large")}
    fast.apply(LARGE)
    assert types(built) == {"t4g.large"}
    fast.wait_until_ready(list(LARGE), fast.survey(LARGE, refresh=True))
    assert fast.plan(LARGE, refresh=True).todo == ()
    assert refreshes(built) == ["Successful"]
    (preferences,) = [
        refresh["Preferences"]
        for refresh in built.client("autoscaling").describe_instance_refreshes(AutoScalingGroupName=GROUP)[
            "InstanceRefreshes"
        ]
    ]
    assert preferences["MinHealthyPercentage"] == 100
    assert (preferences["CheckpointPercentages"], preferences["CheckpointDelay"]) == ([50, 100], PAUSE)
    assert f"pauses for {PAUSE} s at 50 %" in plan.todo[1].reason


@pytest.mark.parametrize(
    ("servers", "expected"),
    [(0, []), (1, []), (2, [50, 100]), (3, [33, 100]), (4, [25, 50, 100]), (10, [10, 50, 100]), (200, [1, 50, 100])],
)
def test_a_refresh_pauses_after_one_server_and_in_a_larger_group_after_half(servers, expected):
    """Ascending and unique, as AWS asks for, and the last is 100: all servers are replaced."""
    assert choose_checkpoints(servers) == expected


def test_who_waits_reads_at_which_checkpoint(fast):
    """AWS's own reason is shown beside it."""
    group = {
        "AutoScalingGroupName": GROUP, "Instances": [], "Status": "",
    }  # fmt: skip
    refresh = {
        "InstanceRefreshId": "r-1", "Status": "InProgress", "PercentageComplete": 50, "StatusReason": "Waiting.",
        "Preferences": {"CheckpointPercentages": [50, 100], "CheckpointDelay": PAUSE},
    }  # fmt: skip
    version = {"VersionNumber": 1, "DefaultVersion": True, "CreateTime": None, "LaunchTemplateData": {}}
    snapshot = Answers(
        describe_auto_scaling_groups=[group],
        describe_instance_refreshes={"InstanceRefreshes": [refresh]},
        describe_launch_templates={"LaunchTemplateId": "lt-1", "DefaultVersionNumber": 1},
        describe_launch_template_versions=[version],
    )
    status = SMALL["instance_refresh.web"].observe(snapshot, {}).status
    assert status == f"refresh r-1 InProgress, 50 %, past the checkpoint at 50 % with its pause of {PAUSE} s: Waiting."


def test_a_server_of_an_older_version_is_a_difference(built, fast):
    """Verify is red, and names the server and its version."""
    fast.apply(Stack("compute", template=tuple(LARGE.template)))
    plan = fast.plan(LARGE, refresh=True)
    with pytest.raises(DriftDetected) as raised:
        require_no_drift(LARGE, plan, [])
    assert all(f"{server} runs version 1" in str(raised.value) for server in members(built))
    assert "the template's version is 2" in str(raised.value)


def test_a_refresh_of_a_run_that_was_killed_is_joined(built, fast, door, journal):
    """No second one is started, and the approval of the plan still holds."""
    approved = [c.as_dict() for c in fast.plan(LARGE, refresh=True).todo]
    wire = Wire()
    door._service_clients.clear()
    wire.tap(door)

    def kill(write, carry):
        carry()
        raise Killed if write.name.endswith("StartInstanceRefresh") else AssertionError(write.name)

    fast.apply(Stack("compute", template=tuple(LARGE.template)))
    wire.fault = kill
    with pytest.raises(Killed):
        fast.apply(LARGE)
    wire.fault = lambda write, carry: carry()

    def require_approval(change):
        assert any(is_covered(entry, change) for entry in approved), change

    again = Engine(door, journal, clock=Time().clock)
    again.apply(LARGE, require_approval=require_approval)
    assert types(built) == {"t4g.large"}
    assert wire.wrote.count("auto-scaling.StartInstanceRefresh") == 1


def test_a_cancelled_refresh_is_told_and_made_good(built, fast, door):
    """By the next apply, which replaces what is left."""
    scaling, wire = built.client("autoscaling"), Wire()
    door._service_clients.clear()
    wire.tap(door)

    def cancel(write, carry):
        answer = carry()
        if write.name.endswith("StartInstanceRefresh"):
            scaling.cancel_instance_refresh(AutoScalingGroupName=GROUP, WaitForTransitioningInstances=False)
        return answer

    wire.fault = cancel
    with pytest.raises(Failed, match="Cancelled due to user request"):
        fast.apply(LARGE)
    assert "instance_refresh.web" in {c.key for c in fast.plan(LARGE, refresh=True).todo}
    wire.fault = lambda write, carry: carry()
    fast.apply(LARGE)
    assert types(built) == {"t4g.large"}
    eventually(lambda: refreshes(built) == ["Successful", "Cancelled"])


class Answers:
    """A snapshot that answers what it is given: for what the embedded AWS never shows."""

    def __init__(self, **answers):
        self.answers = answers
        self.aws = SimpleNamespace(name=lambda resource: GROUP, KEY="runbook:key")

    def find(self, operation, *args):
        return self.answers[operation]

    def all(self, service, operation, *args, **request):
        return self.answers[operation]

    def get(self, service, operation, **request):
        return self.answers[operation]


def test_a_template_and_its_versions_may_disagree():
    """EC2 answers from several places: the template names version 2, and the list does not have it yet."""
    version = {"VersionNumber": 1, "DefaultVersion": True, "CreateTime": None, "LaunchTemplateData": {}}
    snapshot = Answers(
        describe_launch_templates={"LaunchTemplateId": "lt-1", "DefaultVersionNumber": 2},
        describe_launch_template_versions=[version],
    )
    assert template().observe(snapshot, {}).detail["version"] == 1
