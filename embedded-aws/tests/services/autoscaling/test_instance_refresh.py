"""Instance refreshes replace the instances of a group, a few at a time, within the limits."""

from types import SimpleNamespace

import pytest

from embedded_aws.faults import outages
from embedded_aws.load_balancer import health
from embedded_aws.services.autoscaling.instance_refresh import standing
from embedded_aws.services.autoscaling.instance_refresh.model import capacity_limits
from embedded_aws.testing import eventually
from services.autoscaling.test_lifecycle_hooks import TERMINATING, Hooks
from services.errors import raises

ENDED = ("Successful", "Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed")


class Refreshes(Hooks):
    """The instance refreshes of the group `web`, whose template has a second version."""

    def __init__(self, web):
        super().__init__(web)
        web.create(LaunchTemplate={"LaunchTemplateId": web.template, "Version": "1"})
        self.version(InstanceType="t4g.small")

    def version(self, **changes):
        created = self.web.ec2.create_launch_template_version(
            LaunchTemplateId=self.web.template, SourceVersion="1", LaunchTemplateData=changes
        )
        return str(created["LaunchTemplateVersion"]["VersionNumber"])

    def start(self, version=None, **preferences):
        template = {"LaunchTemplateId": self.web.template, "Version": version}
        desired = {"DesiredConfiguration": {"LaunchTemplate": template}} if version else {}
        preferences = {"InstanceWarmup": 0} | preferences
        started = self.asg.start_instance_refresh(AutoScalingGroupName="web", Preferences=preferences, **desired)
        return started["InstanceRefreshId"]

    def describe(self):
        return self.asg.describe_instance_refreshes(AutoScalingGroupName="web")["InstanceRefreshes"][0]

    def wait_for_end(self):
        """Wait until the refresh has ended; return its description."""
        return eventually(lambda: refresh if (refresh := self.describe())["Status"] in ENDED else None)

    def in_service(self):
        return [name for name, state in self.states().items() if state == "InService"]

    def versions(self):
        return sorted(one["LaunchTemplate"]["Version"] for one in self.web.group()["Instances"])

    def next_waiting(self, *known):
        """Wait for the next instance that waits for a hook, apart from the known ones; return its id."""
        return eventually(lambda: [name for name in self.waiting() if name not in known])[0]


@pytest.fixture
def refreshes(web):
    return Refreshes(web)


@pytest.mark.parametrize(
    ("percentages", "desired", "expected"),
    [
        ((100, None), 4, (4, 5)),  # launch before terminating
        ((90, None), 4, (3, 4)),  # no maximum: terminate before launching
        ((90, 100), 4, (4, 5)),  # no room for a replacement: launch before terminating
        ((50, None), 4, (2, 4)),
        ((100, 200), 4, (4, 8)),
        ((90, 110), 10, (9, 11)),
        ((0, None), 4, (0, 4)),
        ((90, None), 1, (0, 1)),
    ],
)
def test_the_limits_of_a_refresh(percentages, desired, expected):
    """Calculated from the percentages; if they leave no room, one instance more or less."""
    preferences = dict(zip(("MinHealthyPercentage", "MaxHealthyPercentage"), percentages, strict=True))
    assert capacity_limits(preferences, desired) == expected


@pytest.mark.parametrize(
    ("health_check_type", "target_state", "expected"),
    [("ELB", "healthy", True), ("ELB", "initial", False), ("ELB", "unhealthy", False), ("EC2", "unhealthy", True)],
)
def test_an_instance_is_in_service_when_its_target_is_healthy(monkeypatch, health_check_type, target_state, expected):
    """If the group uses ELB health checks, and health checks are installed."""
    checks = SimpleNamespace(state=lambda arn, name: target_state, is_failing=lambda *_: False)
    monkeypatch.setattr(health, "installed", lambda: checks)
    monkeypatch.setattr(outages, "is_impaired", lambda instance: False)
    targets = {"tg": SimpleNamespace(arn="tg", targets={"i-1": {}})}
    scaling = SimpleNamespace(elbv2_backend=SimpleNamespace(target_groups=targets))
    group = SimpleNamespace(
        health_check_type=health_check_type,
        target_group_arns=["tg"],
        autoscaling_backend=scaling,
        _suspended_processes=[],
        health_check_grace_period=0,
    )
    instance = SimpleNamespace(id="i-1", state="running")
    state = SimpleNamespace(instance=instance, lifecycle_state="InService", health_status="Healthy")
    assert standing.is_in_service(group, state) is expected


def test_a_group_can_shrink_during_a_refresh(refreshes):
    """Instances that were launched in advance are terminated."""
    refreshes.put("up")
    refreshes.start("2", MinHealthyPercentage=100)
    refreshes.complete("up", InstanceId=refreshes.next_waiting())
    eventually(lambda: refreshes.describe()["PercentageComplete"] == 50)
    refreshes.next_waiting(*refreshes.in_service())
    refreshes.asg.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=1, DesiredCapacity=1)
    eventually(lambda: len(refreshes.states()) == 1)
    for name in refreshes.waiting():
        refreshes.complete("up", InstanceId=name)
    assert refreshes.wait_for_end()["Status"] == "Successful"
    assert refreshes.versions() == ["2"]


def test_all_instances_are_replaced_from_the_desired_version(refreshes):
    """Then the group has the new version, zones and targets are as before, and the activities have the cause."""
    before = set(refreshes.in_service())
    refreshes.start("2", MinHealthyPercentage=50)
    refresh = refreshes.wait_for_end()
    assert (refresh["Status"], refresh["PercentageComplete"], refresh["InstancesToUpdate"]) == ("Successful", 100, 0)
    assert refresh["EndTime"] >= refresh["StartTime"]
    web = refreshes.web
    assert refreshes.versions() == ["2", "2"]
    assert not before & set(refreshes.states())
    assert {one["State"]["Name"] for one in web.instances(before)} == {"terminated"}
    assert (web.group()["LaunchTemplate"]["Version"], web.group()["DesiredCapacity"]) == ("2", 2)
    assert web.zones() == ["a", "b"]
    assert web.targets() == dict.fromkeys(web.members(), "healthy")
    causes = [
        one["Cause"] for one in refreshes.asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    ]
    assert sum("an instance was launched in response to an instance refresh" in cause for cause in causes) == 2
    assert sum("taken out of service in response to an instance refresh" in cause for cause in causes) == 2


def test_with_a_minimum_of_100_it_launches_before_it_terminates(refreshes):
    """After its hooks; progress is reported meanwhile, and a second refresh is rejected."""
    old = set(refreshes.in_service())
    refreshes.put("up")
    refreshes.start("2", MinHealthyPercentage=100)
    first = refreshes.next_waiting()
    assert set(refreshes.in_service()) == old
    status = eventually(lambda: refresh if "StatusReason" in (refresh := refreshes.describe()) else None)
    assert (status["Status"], status["PercentageComplete"], status["InstancesToUpdate"]) == ("InProgress", 0, 2)
    assert first in status["StatusReason"]
    with raises("InstanceRefreshInProgress"):
        refreshes.start()
    with raises("ValidationError", "An active instance refresh with a desired configuration exists"):
        template = {"LaunchTemplateId": refreshes.web.template, "Version": "2"}
        refreshes.asg.update_auto_scaling_group(AutoScalingGroupName="web", LaunchTemplate=template)
    refreshes.complete("up", InstanceId=first)
    second = refreshes.next_waiting(first)
    assert len(refreshes.in_service()) == 2
    assert first in refreshes.in_service()
    assert refreshes.describe()["PercentageComplete"] == 50
    refreshes.complete("up", InstanceId=second)
    assert refreshes.wait_for_end()["Status"] == "Successful"
    assert set(refreshes.in_service()) == {first, second}


def test_without_a_maximum_it_terminates_before_it_launches(refreshes):
    """As on AWS, where 90 % of two leave no room: one instance is in service until the new one is."""
    refreshes.put("up")
    refreshes.start()
    first = refreshes.next_waiting()
    assert len(refreshes.states()) == 2
    assert len(refreshes.in_service()) == 1
    refreshes.complete("up", InstanceId=first)
    second = refreshes.next_waiting(first)
    assert refreshes.in_service() == [first]
    refreshes.complete("up", InstanceId=second)
    assert refreshes.wait_for_end()["Status"] == "Successful"
    assert refreshes.versions() == ["1", "1"]


def test_terminating_hooks_are_honoured(refreshes):
    """A terminating instance is deregistered, and does not block the refresh."""
    refreshes.put("down", TERMINATING)
    refreshes.start("2")
    assert refreshes.wait_for_end()["Status"] == "Successful"
    assert sorted(refreshes.states().values()) == ["InService"] * 2 + ["Terminating:Wait"] * 2


def test_matching_and_protected_instances_are_skipped(refreshes):
    """SkipMatching replaces only other versions; protected instances are ignored or waited for."""
    protected, other = sorted(refreshes.in_service())
    refreshes.start("1", SkipMatching=True)
    assert (refreshes.wait_for_end()["Status"], set(refreshes.in_service())) == ("Successful", {protected, other})
    instance = {"AutoScalingGroupName": "web", "InstanceIds": [protected]}
    refreshes.asg.set_instance_protection(**instance, ProtectedFromScaleIn=True)
    refreshes.start("2", ScaleInProtectedInstances="Ignore")
    assert refreshes.wait_for_end()["Status"] == "Successful"
    assert refreshes.versions() == ["1", "2"]
    refreshes.start("2", SkipMatching=True)
    assert protected in eventually(lambda: refreshes.describe().get("StatusReason"))
    assert protected in refreshes.in_service()
    refreshes.asg.set_instance_protection(**instance, ProtectedFromScaleIn=False)
    assert refreshes.wait_for_end()["Status"] == "Successful"
    assert refreshes.versions() == ["2", "2"]


def test_a_cancelled_refresh_is_not_rolled_back(refreshes):
    """It waits for launching instances; the group keeps its own configuration."""
    refreshes.put("up")
    refreshes.start("2")
    first = refreshes.next_waiting()
    cancelled = refreshes.asg.cancel_instance_refresh(AutoScalingGroupName="web")
    assert cancelled["InstanceRefreshId"] == refreshes.describe()["InstanceRefreshId"]
    assert refreshes.describe()["Status"] == "Cancelling"
    with raises("ActiveInstanceRefreshNotFound"):
        refreshes.asg.rollback_instance_refresh(AutoScalingGroupName="web")
    refreshes.complete("up", InstanceId=first)
    assert refreshes.wait_for_end()["Status"] == "Cancelled"
    assert refreshes.versions() == ["1", "2"]
    assert refreshes.web.group()["LaunchTemplate"]["Version"] == "1"
    for call in (refreshes.asg.cancel_instance_refresh, refreshes.asg.rollback_instance_refresh):
        with raises("ActiveInstanceRefreshNotFound"):
            call(AutoScalingGroupName="web")


def test_a_refresh_is_rolled_back(refreshes):
    """Replaced instances are replaced again, from the group's own configuration."""
    refreshes.put("up")
    refreshes.start("2")
    first = refreshes.next_waiting()
    refreshes.complete("up", InstanceId=first)
    second = refreshes.next_waiting(first)
    assert refreshes.describe()["PercentageComplete"] == 50
    refreshes.asg.rollback_instance_refresh(AutoScalingGroupName="web")
    replacement = refreshes.next_waiting(first, second)
    assert second not in refreshes.states()
    refreshes.complete("up", InstanceId=replacement)
    refreshes.complete("up", InstanceId=refreshes.next_waiting(first, second, replacement))
    refresh = refreshes.wait_for_end()
    assert (refresh["Status"], refresh["PercentageComplete"]) == ("RollbackSuccessful", 0)
    assert refresh["RollbackDetails"]["PercentageCompleteOnRollback"] == 50
    assert refreshes.versions() == ["1", "1"]
    assert first not in refreshes.states()


@pytest.mark.parametrize(("auto_rollback", "expected"), [(False, "Failed"), (True, "RollbackSuccessful")])
def test_a_version_that_cannot_be_launched_fails(refreshes, auto_rollback, expected):
    """With the reason, as on AWS; with AutoRollback the group has its instances again."""
    bad = refreshes.version(SecurityGroupIds=["sg-00000000"])
    refreshes.start(bad, AutoRollback=auto_rollback)
    refresh = refreshes.wait_for_end()
    assert refresh["Status"] == expected
    reason = refresh["RollbackDetails"]["RollbackReason"] if auto_rollback else refresh["StatusReason"]
    assert "sg-00000000" in reason
    assert refreshes.web.group()["LaunchTemplate"]["Version"] == "1"
    refreshes.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=2)
    eventually(lambda: refreshes.versions() == ["1", "1"])


@pytest.mark.exhaustive
def test_warm_up_takes_time(aws, refreshes):
    """Scaled by the pace: a new instance in service does not count before it is warmed up."""
    aws.control("pace", 0.001)
    try:
        refreshes.start("2", MinHealthyPercentage=100, InstanceWarmup=1000)
        status = eventually(
            lambda: refresh if "warming up" in (refresh := refreshes.describe()).get("StatusReason", "") else None
        )
        assert (status["PercentageComplete"], refreshes.versions()) == (0, ["1", "1", "2"])
        ended = refreshes.wait_for_end()
        assert ended["Status"] == "Successful", ended
    finally:
        aws.control("pace", 0)


def test_invalid_requests_are_rejected(refreshes):
    with raises("ValidationError", "must also specify MinHealthyPercentage"):
        refreshes.start(MaxHealthyPercentage=110)
    with raises("ValidationError", "difference"):
        refreshes.start(MinHealthyPercentage=50, MaxHealthyPercentage=200)
    with raises("ValidationError", "Member must have value less than or equal to 100"):
        refreshes.start(MinHealthyPercentage=101)
    for preference in ("ScaleInProtectedInstances", "StandbyInstances"):
        with raises("ValidationError", "Member must satisfy enum value set"):
            refreshes.start(**{preference: "Bogus"})
    with raises("ValidationError", "Valid requests must contain either launchTemplateId or LaunchTemplateName"):
        refreshes.asg.start_instance_refresh(
            AutoScalingGroupName="web", DesiredConfiguration={"LaunchTemplate": {"Version": "2"}}
        )
    with raises("ValidationError", "AutoRollback"):
        refreshes.start(AutoRollback=True)
    with raises("ValidationError", "launch template"):
        refreshes.start("9")
    refreshes.put("up")
    refreshes.start()
    with raises("IrreversibleInstanceRefresh"):
        refreshes.asg.rollback_instance_refresh(AutoScalingGroupName="web")
    refreshes.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    with raises("ValidationError", "name not found"):
        refreshes.asg.describe_instance_refreshes(AutoScalingGroupName="web")


@pytest.fixture
def hurried(aws):
    """At once, also for what is on its way; in the end at any rate."""
    yield lambda: aws.control("pace", 0)
    aws.control("pace", 0)


def test_a_refresh_pauses_at_its_checkpoints(refreshes, aws, hurried):
    """As long as the delay says, with half of the instances replaced; then it continues to the end."""
    aws.control("pace", 0.01)
    old = set(refreshes.in_service())
    refreshes.start("2", MinHealthyPercentage=100, CheckpointPercentages=[50, 100], CheckpointDelay=172800)
    paused = eventually(
        lambda: refresh if "checkpoint at 50" in (refresh := refreshes.describe()).get("StatusReason", "") else None
    )
    assert (paused["Status"], paused["PercentageComplete"], paused["InstancesToUpdate"]) == ("InProgress", 50, 1)
    assert refreshes.versions() == ["1", "2"]
    assert len(old & set(refreshes.in_service())) == 1
    hurried()
    assert refreshes.wait_for_end()["Status"] == "Successful"
    assert refreshes.versions() == ["2", "2"]


@pytest.mark.parametrize(
    "wrong", [{"CheckpointDelay": 60}, {"CheckpointPercentages": [50, 20, 100]}, {"CheckpointPercentages": [50, 50]}]
)
def test_checkpoints_are_percentages_in_ascending_order(refreshes, wrong):
    with raises("ValidationError", "CheckpointPercentages"):
        refreshes.start("2", **wrong)
