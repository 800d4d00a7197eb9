"""Lifecycle hooks hold an instance until somebody has answered for it, or their time is over."""

import json
import time
from types import SimpleNamespace

import pytest

from embedded_aws import pace
from embedded_aws.load_balancer import health
from embedded_aws.services.autoscaling.lifecycle_hooks import actions, leaving
from embedded_aws.testing import eventually
from services.errors import refused

UP, DOWN = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"


class Hooks:
    """The hooks of the group `web`."""

    def __init__(self, web):
        self.web, self.asg = web, web.asg

    def put(self, name, transition=UP, **more):
        more = {"HeartbeatTimeout": 600, "LifecycleTransition": transition} | more
        self.asg.put_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName=name, **more)

    def complete(self, name, result="CONTINUE", **which):
        self.asg.complete_lifecycle_action(
            AutoScalingGroupName="web", LifecycleHookName=name, LifecycleActionResult=result, **which
        )

    def resize(self, size):
        self.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=size)

    def states(self):
        return {one["InstanceId"]: one["LifecycleState"] for one in self.web.group()["Instances"]}

    def waiting(self):
        """The instances that are not in service, once there are any."""
        return [name for name, state in self.states().items() if state.endswith(":Wait")]

    def activity(self, instance):
        """The newest one about an instance."""
        found = self.asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
        return next(one for one in found if instance in one["Description"])

    def ec2_state(self, instance):
        return self.web.instances([instance])[0]["State"]["Name"]


@pytest.fixture
def hooks(web):
    """A group of two instances in service, still without hooks."""
    web.create()
    return Hooks(web)


@pytest.fixture
def fast(aws):
    """A hundredth of AWS's durations: thirty seconds are a third of one."""
    yield lambda: aws.control("pace", 0.01)
    aws.control("pace", 0)


def test_a_hook_reads_back_whole(hooks):
    """What was sent is what is described; an update changes only what it names."""
    hooks.put("up", DefaultResult="CONTINUE", NotificationMetadata="about")
    hooks.put("up", HeartbeatTimeout=60)
    (found,) = hooks.asg.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"]
    assert found == {
        "LifecycleHookName": "up",
        "AutoScalingGroupName": "web",
        "LifecycleTransition": UP,
        "NotificationMetadata": "about",
        "HeartbeatTimeout": 60,
        "GlobalTimeout": 6000,
        "DefaultResult": "CONTINUE",
    }
    assert set(hooks.asg.describe_lifecycle_hook_types()["LifecycleHookTypes"]) == {UP, DOWN}


def test_a_launched_instance_waits_for_every_hook(hooks):
    """It takes no traffic before the last one is answered, by instance or by token."""
    hooks.put("one")
    hooks.put("two")
    hooks.resize(3)
    (new,) = hooks.waiting()
    assert hooks.states()[new] == "Pending:Wait"
    assert new not in hooks.web.targets()
    assert (hooks.activity(new)["StatusCode"], "EndTime" in hooks.activity(new)) == ("MidLifecycleAction", False)
    hooks.complete("one", InstanceId=new)
    with refused("ValidationError", f"No active Lifecycle Action found with instance ID {new}"):
        hooks.complete("one", InstanceId=new)
    assert hooks.waiting() == [new]
    hooks.complete("two", InstanceId=new)
    eventually(lambda: hooks.states()[new] == "InService")
    assert hooks.web.targets()[new] == "healthy"
    assert hooks.activity(new)["StatusCode"] == "Successful"


def test_an_abandoned_instance_is_replaced(hooks):
    """One answer is enough, and the activities say why."""
    hooks.put("one")
    hooks.put("two")
    hooks.resize(3)
    (lost,) = hooks.waiting()
    hooks.complete("one", "ABANDON", InstanceId=lost)
    eventually(lambda: lost not in hooks.states())
    assert hooks.ec2_state(lost) == "terminated"
    activities = hooks.asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    launched, ended = (
        next(one for one in activities if one["Description"].startswith(f"{what} EC2 instance: {lost}"))
        for what in ("Launching a new", "Terminating")
    )
    assert launched["StatusCode"] == "Cancelled"
    assert launched["StatusMessage"].endswith("was abandoned: Lifecycle Action Completed with ABANDON Result")
    assert "taken out of service in response to a launch failure" in ended["Cause"]


def test_a_terminating_instance_is_out_of_traffic_and_waits(hooks):
    """It runs on until it is let go, and counts no more: its replacement comes at once."""
    hooks.put("down", DOWN)
    old = min(hooks.states())
    hooks.asg.terminate_instance_in_auto_scaling_group(InstanceId=old, ShouldDecrementDesiredCapacity=False)
    assert hooks.states()[old] == "Terminating:Wait"
    assert old not in hooks.web.targets()
    eventually(lambda: list(hooks.states().values()).count("InService") == 2)
    assert hooks.ec2_state(old) == "running"
    assert hooks.activity(old)["StatusCode"] == "MidLifecycleAction"
    hooks.complete("down", "ABANDON", InstanceId=old)
    eventually(lambda: old not in hooks.states())
    assert hooks.ec2_state(old) == "terminated"
    assert hooks.activity(old)["StatusCode"] == "Successful"


def test_scale_in_and_replacement_wait_too(hooks):
    """A terminating hook is asked however an instance goes."""
    hooks.put("down", DOWN)
    unhealthy = max(hooks.states())
    hooks.asg.set_instance_health(InstanceId=unhealthy, HealthStatus="Unhealthy")
    eventually(lambda: hooks.waiting() == [unhealthy])
    eventually(lambda: list(hooks.states().values()).count("InService") == 2)
    hooks.asg.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=1, DesiredCapacity=1)
    assert sorted(hooks.states().values()) == ["InService", "Terminating:Wait", "Terminating:Wait"]


def test_time_is_over_and_the_default_result_stands(hooks, fast):
    """A hook's timeout takes as long as the pace says; a heartbeat begins it anew."""
    fast()
    hooks.put("down", DOWN, HeartbeatTimeout=100)
    old = min(hooks.states())
    hooks.asg.terminate_instance_in_auto_scaling_group(InstanceId=old, ShouldDecrementDesiredCapacity=False)
    began = time.monotonic()
    time.sleep(0.5)
    hooks.asg.record_lifecycle_action_heartbeat(AutoScalingGroupName="web", LifecycleHookName="down", InstanceId=old)
    eventually(lambda: old not in hooks.states())
    assert 1.4 < time.monotonic() - began < 4


def test_a_launch_that_nobody_answers_is_abandoned(hooks, fast):
    """ABANDON is the default, and the reason is the heartbeat."""
    fast()
    hooks.put("up", HeartbeatTimeout=30)
    hooks.resize(3)
    lost = eventually(hooks.waiting)[0]
    eventually(lambda: lost not in hooks.states())
    activities = hooks.asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    assert any("Heartbeat Timeout" in one.get("StatusMessage", "") for one in activities)


@pytest.mark.parametrize(
    ("factor", "name", "expected"),
    [
        (0, "up", 600),  # people have their time where AWS has everything ready at once
        (0.02, "up", 12),
        (1, "up", 600),
        (0, "CodeDeploy-managed-hook", 600),
        (0.02, "CodeDeploy-managed-hook", 120),  # machines boot no faster than they can
        (1, "CodeDeploy-managed-hook", 600),
    ],
)
def test_how_long_a_hook_waits(factor, name, expected):
    """Its own time at pace 0, and its share of that at any other; CodeDeploy's as long as a machine needs."""
    hook = SimpleNamespace(name=name, heartbeat_timeout=600)
    pace.set_factor(factor)
    try:
        assert actions.seconds(hook) == expected
    finally:
        pace.set_factor(0)


def test_an_instance_finishes_its_requests_before_its_hooks_are_asked(monkeypatch):
    """Terminating while it drains, Terminating:Wait afterwards."""
    draining = ["i-1"]
    monkeypatch.setattr(health, "installed", lambda: SimpleNamespace(draining=draining.__contains__))
    hook = SimpleNamespace(
        name="down",
        lifecycle_transition=DOWN,
        heartbeat_timeout=600,
        global_timeout=60000,
        default_result="ABANDON",
        notification_target_arn=None,
        notification_metadata=None,
    )
    scaling = SimpleNamespace(lifecycle_hooks={"web_down": hook}, describe_lifecycle_hooks=lambda name: [hook])
    group = SimpleNamespace(name="web", account_id="123456789012", autoscaling_backend=scaling)
    state = SimpleNamespace(instance=SimpleNamespace(id="i-1"), lifecycle_state="InService")
    activity = {}
    leaving.begin(group, state, activity)
    assert (state.lifecycle_state, activity["StatusCode"]) == ("Terminating", "WaitingForELBConnectionDraining")
    draining.clear()
    leaving.begin(group, state, activity)
    assert (state.lifecycle_state, activity["StatusCode"]) == ("Terminating:Wait", "MidLifecycleAction")


def test_a_deleted_hook_lets_go_of_who_waits(hooks):
    """Launching instances are abandoned, terminating ones go on."""
    hooks.put("down", DOWN)
    hooks.put("up")
    hooks.resize(3)
    (new,) = hooks.waiting()
    old = next(name for name, state in hooks.states().items() if state == "InService")
    hooks.asg.terminate_instance_in_auto_scaling_group(InstanceId=old, ShouldDecrementDesiredCapacity=True)
    for name in ("up", "down"):
        hooks.asg.delete_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName=name)
    eventually(lambda: not {new, old} & set(hooks.states()))


def test_a_group_deleted_by_force_waits_for_nobody(hooks):
    """And its hooks are gone with it."""
    hooks.put("down", DOWN)
    members = list(hooks.states())
    hooks.asg.terminate_instance_in_auto_scaling_group(InstanceId=members[0], ShouldDecrementDesiredCapacity=False)
    hooks.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    assert {hooks.ec2_state(name) for name in members} == {"terminated"}
    hooks.web.create()
    assert hooks.asg.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"] == []


def test_a_group_is_created_with_its_hooks(web):
    """Its very first instances wait."""
    hook = {"LifecycleHookName": "up", "LifecycleTransition": UP}
    web.create(LifecycleHookSpecificationList=[hook])
    assert {one["LifecycleState"] for one in web.group()["Instances"]} == {"Pending:Wait"}


def test_queue_and_topic_are_told(aws, hooks):
    """Of themselves at first, then of each instance, with the token that answers for it."""
    sqs, sns = aws.client("sqs"), aws.client("sns")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("direct", "subscribed")]
    arns = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] for url in urls
    ]
    topic = sns.create_topic(Name="hooks")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arns[1], Attributes={"RawMessageDelivery": "true"})

    def told(url):
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in found]

    role = "arn:aws:iam::123456789012:role/hooks"
    hooks.put("queue", NotificationTargetARN=arns[0], RoleARN=role)
    hooks.put("topic", NotificationTargetARN=topic, RoleARN=role, NotificationMetadata="about")
    assert [[one["Event"] for one in told(url)] for url in urls] == [["autoscaling:TEST_NOTIFICATION"]] * 2
    hooks.resize(3)
    (new,) = hooks.waiting()
    (direct,), (subscribed,) = map(told, urls)
    assert (direct["EC2InstanceId"], direct["LifecycleTransition"], direct["LifecycleHookName"]) == (new, UP, "queue")
    assert subscribed["NotificationMetadata"] == "about"
    hooks.complete("queue", LifecycleActionToken=direct["LifecycleActionToken"])
    hooks.complete("topic", LifecycleActionToken=subscribed["LifecycleActionToken"], InstanceId=new)
    eventually(lambda: hooks.states()[new] == "InService")
    with refused("ValidationError", "Unable to publish test message to notification target"):
        hooks.put("gone", NotificationTargetARN=arns[0] + "-gone", RoleARN=role)


def test_what_aws_refuses_is_refused(hooks):
    with refused("ValidationError", "LifecycleTransition"):
        hooks.asg.put_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName="up")
    with refused("ValidationError", "HeartbeatTimeout"):
        hooks.put("up", HeartbeatTimeout=29)
    with refused("ValidationError", "at 'lifecycleHookName' failed to satisfy constraint"):
        hooks.put("a b")
    with refused("ValidationError", "AutoScalingGroup name not found"):
        hooks.asg.record_lifecycle_action_heartbeat(
            AutoScalingGroupName="none", LifecycleHookName="up", InstanceId="i-00000000"
        )
    with refused("ValidationError", "No active Lifecycle Action found with token 1234"):
        hooks.complete("up", LifecycleActionToken="1234".ljust(36, "0"))
    with refused("ValidationError", "not MAYBE"):
        hooks.complete("up", "MAYBE", InstanceId="i-0")


def test_a_group_has_fifty_hooks_at_most(web):
    """Put one by one, or created with it."""
    wanted = [{"LifecycleHookName": f"up-{number}", "LifecycleTransition": UP} for number in range(51)]
    with refused("LimitExceeded"):
        web.create(MinSize=0, LifecycleHookSpecificationList=wanted)
    assert web.asg.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    web.create(MinSize=0, LifecycleHookSpecificationList=wanted[:50])
    with refused("LimitExceeded"):
        Hooks(web).put("up-50")
