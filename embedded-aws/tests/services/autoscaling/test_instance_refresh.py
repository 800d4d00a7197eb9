"""An instance refresh replaces a group's instances, a few at a time, and never more than it may."""

from types import SimpleNamespace

import pytest

from embedded_aws.faults import outages
from embedded_aws.load_balancer import health
from embedded_aws.services.autoscaling.instance_refresh import standing
from embedded_aws.services.autoscaling.instance_refresh.model import capacity_limits
from embedded_aws.testing import eventually
from services.autoscaling.test_lifecycle_hooks import DOWN, Hooks
from services.errors import refused

ENDED = ("Successful", "Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed")


class Refreshes(Hooks):
    """The instance refreshes of the group `web`, whose template has a second version."""

    def __init__(self, web):
        super().__init__(web)
        web.create(LaunchTemplate={"LaunchTemplateId": web.template, "Version": "1"})
        self.version(InstanceType="t4g.small")

    def version(self, **changes):
        made = self.web.ec2.create_launch_template_version(
            LaunchTemplateId=self.web.template, SourceVersion="1", LaunchTemplateData=changes
        )
        return str(made["LaunchTemplateVersion"]["VersionNumber"])

    def start(self, version=None, **preferences):
        template = {"LaunchTemplateId": self.web.template, "Version": version}
        desired = {"DesiredConfiguration": {"LaunchTemplate": template}} if version else {}
        preferences = {"InstanceWarmup": 0} | preferences
        made = self.asg.start_instance_refresh(AutoScalingGroupName="web", Preferences=preferences, **desired)
        return made["InstanceRefreshId"]

    def described(self):
        return self.asg.describe_instance_refreshes(AutoScalingGroupName="web")["InstanceRefreshes"][0]

    def ended(self):
        """The refresh, when it has ended."""
        return eventually(lambda: found if (found := self.described())["Status"] in ENDED else None)

    def serving(self):
        return [name for name, state in self.states().items() if state == "InService"]

    def launched_from(self):
        return sorted(one["LaunchTemplate"]["Version"] for one in self.web.group()["Instances"])

    def next(self, *known):
        """The next instance that waits in Pending:Wait."""
        return eventually(lambda: [name for name in self.waiting() if name not in known])[0]


@pytest.fixture
def refreshes(web):
    return Refreshes(web)


@pytest.mark.parametrize(
    ("asked", "desired", "expected"),
    [
        ((100, None), 4, (4, 5)),  # launch before terminating
        ((90, None), 4, (3, 4)),  # no maximum: one goes and one comes
        ((90, 100), 4, (4, 5)),  # both cannot be kept: one is launched first
        ((50, None), 4, (2, 4)),
        ((100, 200), 4, (4, 8)),
        ((90, 110), 10, (9, 11)),
        ((0, None), 4, (0, 4)),
        ((90, None), 1, (0, 1)),
    ],
)
def test_how_many_at_a_time(asked, desired, expected):
    """As the percentages say; where they leave no room, AWS makes some."""
    preferences = dict(zip(("MinHealthyPercentage", "MaxHealthyPercentage"), asked, strict=True))
    assert capacity_limits(preferences, desired) == expected


@pytest.mark.parametrize(
    ("kind", "found", "expected"),
    [("ELB", "healthy", True), ("ELB", "initial", False), ("ELB", "unhealthy", False), ("EC2", "unhealthy", True)],
)
def test_an_instance_counts_when_its_load_balancer_finds_it_healthy(monkeypatch, kind, found, expected):
    """Where the group asks it, and somebody asks the targets."""
    asked = SimpleNamespace(state=lambda arn, name: found, failing=lambda *_: False)
    monkeypatch.setattr(health, "installed", lambda: asked)
    monkeypatch.setattr(outages, "is_impaired", lambda instance: False)
    targets = {"tg": SimpleNamespace(arn="tg", targets={"i-1": {}})}
    scaling = SimpleNamespace(elbv2_backend=SimpleNamespace(target_groups=targets))
    group = SimpleNamespace(
        health_check_type=kind,
        target_group_arns=["tg"],
        autoscaling_backend=scaling,
        _suspended_processes=[],
        health_check_grace_period=0,
    )
    instance = SimpleNamespace(id="i-1", state="running")
    state = SimpleNamespace(instance=instance, lifecycle_state="InService", health_status="Healthy")
    assert standing.is_in_service(group, state) is expected


def test_a_group_that_shrinks_meanwhile_ends_as_small_as_it_is_wanted(refreshes):
    """What was launched ahead does not stay."""
    refreshes.put("up")
    refreshes.start("2", MinHealthyPercentage=100)
    refreshes.complete("up", InstanceId=refreshes.next())
    eventually(lambda: refreshes.described()["PercentageComplete"] == 50)
    refreshes.next(*refreshes.serving())
    refreshes.asg.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=1, DesiredCapacity=1)
    eventually(lambda: len(refreshes.states()) == 1)
    for name in refreshes.waiting():
        refreshes.complete("up", InstanceId=name)
    assert refreshes.ended()["Status"] == "Successful"
    assert refreshes.launched_from() == ["2"]


def test_all_instances_are_replaced_from_the_version_wanted(refreshes):
    """Afterwards the group keeps that version, zones and targets are as before, and the activities tell why."""
    before = set(refreshes.serving())
    refreshes.start("2", MinHealthyPercentage=50)
    found = refreshes.ended()
    assert (found["Status"], found["PercentageComplete"], found["InstancesToUpdate"]) == ("Successful", 100, 0)
    assert found["EndTime"] >= found["StartTime"]
    web = refreshes.web
    assert refreshes.launched_from() == ["2", "2"]
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


def test_with_a_minimum_of_100_a_new_one_serves_before_an_old_one_goes(refreshes):
    """It waits for its hooks, too; progress is told meanwhile, and a second refresh refused."""
    old = set(refreshes.serving())
    refreshes.put("up")
    refreshes.start("2", MinHealthyPercentage=100)
    first = refreshes.next()
    assert set(refreshes.serving()) == old
    found = eventually(lambda: told if "StatusReason" in (told := refreshes.described()) else None)
    assert (found["Status"], found["PercentageComplete"], found["InstancesToUpdate"]) == ("InProgress", 0, 2)
    assert first in found["StatusReason"]
    with refused("InstanceRefreshInProgress"):
        refreshes.start()
    with refused("ValidationError", "An active instance refresh with a desired configuration exists"):
        template = {"LaunchTemplateId": refreshes.web.template, "Version": "2"}
        refreshes.asg.update_auto_scaling_group(AutoScalingGroupName="web", LaunchTemplate=template)
    refreshes.complete("up", InstanceId=first)
    second = refreshes.next(first)
    assert len(refreshes.serving()) == 2
    assert first in refreshes.serving()
    assert refreshes.described()["PercentageComplete"] == 50
    refreshes.complete("up", InstanceId=second)
    assert refreshes.ended()["Status"] == "Successful"
    assert set(refreshes.serving()) == {first, second}


def test_without_a_maximum_one_goes_as_one_comes(refreshes):
    """As on AWS, where 90 % of two leave no room: one serves until the new one does."""
    refreshes.put("up")
    refreshes.start()
    first = refreshes.next()
    assert len(refreshes.states()) == 2
    assert len(refreshes.serving()) == 1
    refreshes.complete("up", InstanceId=first)
    second = refreshes.next(first)
    assert refreshes.serving() == [first]
    refreshes.complete("up", InstanceId=second)
    assert refreshes.ended()["Status"] == "Successful"
    assert refreshes.launched_from() == ["1", "1"]


def test_terminating_hooks_are_honoured(refreshes):
    """What leaves is out of traffic, and does not stop the refresh."""
    refreshes.put("down", DOWN)
    refreshes.start("2")
    assert refreshes.ended()["Status"] == "Successful"
    assert sorted(refreshes.states().values()) == ["InService"] * 2 + ["Terminating:Wait"] * 2


def test_matching_and_protected_instances_are_left_alone(refreshes):
    """Skip matching replaces only what is different; what is protected is ignored, or waited for."""
    protected, other = sorted(refreshes.serving())
    refreshes.start("1", SkipMatching=True)
    assert (refreshes.ended()["Status"], set(refreshes.serving())) == ("Successful", {protected, other})
    asked = {"AutoScalingGroupName": "web", "InstanceIds": [protected]}
    refreshes.asg.set_instance_protection(**asked, ProtectedFromScaleIn=True)
    refreshes.start("2", ScaleInProtectedInstances="Ignore")
    assert refreshes.ended()["Status"] == "Successful"
    assert refreshes.launched_from() == ["1", "2"]
    refreshes.start("2", SkipMatching=True)
    assert protected in eventually(lambda: refreshes.described().get("StatusReason"))
    assert protected in refreshes.serving()
    refreshes.asg.set_instance_protection(**asked, ProtectedFromScaleIn=False)
    assert refreshes.ended()["Status"] == "Successful"
    assert refreshes.launched_from() == ["2", "2"]


def test_a_cancelled_refresh_takes_nothing_back(refreshes):
    """What is being launched is waited for; the group keeps its own configuration."""
    refreshes.put("up")
    refreshes.start("2")
    first = refreshes.next()
    cancelled = refreshes.asg.cancel_instance_refresh(AutoScalingGroupName="web")
    assert cancelled["InstanceRefreshId"] == refreshes.described()["InstanceRefreshId"]
    assert refreshes.described()["Status"] == "Cancelling"
    with refused("ActiveInstanceRefreshNotFound"):
        refreshes.asg.rollback_instance_refresh(AutoScalingGroupName="web")
    refreshes.complete("up", InstanceId=first)
    assert refreshes.ended()["Status"] == "Cancelled"
    assert refreshes.launched_from() == ["1", "2"]
    assert refreshes.web.group()["LaunchTemplate"]["Version"] == "1"
    for deed in (refreshes.asg.cancel_instance_refresh, refreshes.asg.rollback_instance_refresh):
        with refused("ActiveInstanceRefreshNotFound"):
            deed(AutoScalingGroupName="web")


def test_a_refresh_is_rolled_back(refreshes):
    """What was replaced is replaced again, from the group's own configuration."""
    refreshes.put("up")
    refreshes.start("2")
    first = refreshes.next()
    refreshes.complete("up", InstanceId=first)
    second = refreshes.next(first)
    assert refreshes.described()["PercentageComplete"] == 50
    refreshes.asg.rollback_instance_refresh(AutoScalingGroupName="web")
    back = refreshes.next(first, second)
    assert second not in refreshes.states()
    refreshes.complete("up", InstanceId=back)
    refreshes.complete("up", InstanceId=refreshes.next(first, second, back))
    found = refreshes.ended()
    assert (found["Status"], found["PercentageComplete"]) == ("RollbackSuccessful", 0)
    assert found["RollbackDetails"]["PercentageCompleteOnRollback"] == 50
    assert refreshes.launched_from() == ["1", "1"]
    assert first not in refreshes.states()


@pytest.mark.parametrize(("back", "expected"), [(False, "Failed"), (True, "RollbackSuccessful")])
def test_a_version_that_cannot_be_launched_fails(refreshes, back, expected):
    """With the reason where AWS tells it; with auto rollback the group is whole again."""
    bad = refreshes.version(SecurityGroupIds=["sg-00000000"])
    refreshes.start(bad, AutoRollback=back)
    found = refreshes.ended()
    assert found["Status"] == expected
    reason = found["RollbackDetails"]["RollbackReason"] if back else found["StatusReason"]
    assert "sg-00000000" in reason
    assert refreshes.web.group()["LaunchTemplate"]["Version"] == "1"
    refreshes.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=2)
    eventually(lambda: refreshes.launched_from() == ["1", "1"])


def test_warm_up_takes_its_time(aws, refreshes):
    """At the present pace: a new instance in service does not count before it is warm."""
    aws.control("pace", 0.001)
    try:
        refreshes.start("2", MinHealthyPercentage=100, InstanceWarmup=1000)
        told = eventually(
            lambda: told if "warming up" in (told := refreshes.described()).get("StatusReason", "") else None
        )
        assert (told["PercentageComplete"], refreshes.launched_from()) == (0, ["1", "1", "2"])
        ended = refreshes.ended()
        assert ended["Status"] == "Successful", ended
    finally:
        aws.control("pace", 0)


def test_what_aws_refuses_is_refused(refreshes):
    with refused("ValidationError", "must also specify MinHealthyPercentage"):
        refreshes.start(MaxHealthyPercentage=110)
    with refused("ValidationError", "difference"):
        refreshes.start(MinHealthyPercentage=50, MaxHealthyPercentage=200)
    with refused("ValidationError", "Member must have value less than or equal to 100"):
        refreshes.start(MinHealthyPercentage=101)
    for preference in ("ScaleInProtectedInstances", "StandbyInstances"):
        with refused("ValidationError", "Member must satisfy enum value set"):
            refreshes.start(**{preference: "Bogus"})
    with refused("ValidationError", "Valid requests must contain either launchTemplateId or LaunchTemplateName"):
        refreshes.asg.start_instance_refresh(
            AutoScalingGroupName="web", DesiredConfiguration={"LaunchTemplate": {"Version": "2"}}
        )
    with refused("ValidationError", "AutoRollback"):
        refreshes.start(AutoRollback=True)
    with refused("ValidationError", "launch template"):
        refreshes.start("9")
    refreshes.put("up")
    refreshes.start()
    with refused("IrreversibleInstanceRefresh"):
        refreshes.asg.rollback_instance_refresh(AutoScalingGroupName="web")
    refreshes.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    with refused("ValidationError", "name not found"):
        refreshes.asg.describe_instance_refreshes(AutoScalingGroupName="web")
