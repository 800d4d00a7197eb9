"""Lifecycle hooks: an instance waits until its actions are completed, or their timeout is over."""

import json
import time
from types import SimpleNamespace

import pytest

from embedded_aws import pace
from embedded_aws.load_balancer import health
from embedded_aws.services.autoscaling.lifecycle_hooks import actions, leaving
from embedded_aws.testing import eventually
from services.errors import raises

LAUNCHING, TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"


class Hooks:
    """The hooks of the group `web`."""

    def __init__(self, web):
        self.web, self.asg = web, web.asg

    def put(self, name, transition=LAUNCHING, **more):
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
        """Return the instances that wait for a hook."""
        return [name for name, state in self.states().items() if state.endswith(":Wait")]

    def activity(self, instance):
        """Return the latest activity of an instance."""
        activities = self.asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
        return next(one for one in activities if instance in one["Description"])

    def ec2_state(self, instance):
        return self.web.instances([instance])[0]["State"]["Name"]


@pytest.fixture
def hooks(web):
    """A group of two instances in service, without hooks."""
    web.create()
    return Hooks(web)


@pytest.fixture
def fast(aws):
    """Sets the pace to a hundredth of AWS's durations: 30 seconds take 0.3 seconds."""
    yield lambda: aws.control("pace", 0.01)
    aws.control("pace", 0)


def test_all_fields_of_a_hook_are_described(hooks):
    """An update changes only the fields that it sends."""
    hooks.put("up", DefaultResult="CONTINUE", NotificationMetadata="about")
    hooks.put("up", HeartbeatTimeout=60)
    (hook,) = hooks.asg.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"]
    assert hook == {
        "LifecycleHookName": "up",
        "AutoScalingGroupName": "web",
        "LifecycleTransition": LAUNCHING,
        "NotificationMetadata": "about",
        "HeartbeatTimeout": 60,
        "GlobalTimeout": 6000,
        "DefaultResult": "CONTINUE",
    }


def test_a_launched_instance_waits_for_every_hook(hooks):
    """It gets no traffic before the last action is completed, by instance or by token."""
    hooks.put("one")
    hooks.put("two")
    hooks.resize(3)
    (new,) = hooks.waiting()
    assert hooks.states()[new] == "Pending:Wait"
    assert new not in hooks.web.targets()
    assert (hooks.activity(new)["StatusCode"], "EndTime" in hooks.activity(new)) == ("MidLifecycleAction", False)
    hooks.complete("one", InstanceId=new)
    with raises("ValidationError", f"No active Lifecycle Action found with instance ID {new}"):
        hooks.complete("one", InstanceId=new)
    assert hooks.waiting() == [new]
    hooks.complete("two", InstanceId=new)
    eventually(lambda: hooks.states()[new] == "InService")
    assert hooks.web.targets()[new] == "healthy"
    assert hooks.activity(new)["StatusCode"] == "Successful"


def test_an_abandoned_instance_is_replaced(hooks):
    """One ABANDON is enough, and the activities have the reason."""
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


def test_a_terminating_instance_is_deregistered_and_waits(hooks):
    """It runs until its action is completed; its replacement is launched at once."""
    hooks.put("down", TERMINATING)
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
    """Terminating hooks apply to scale-in and to replacement."""
    hooks.put("down", TERMINATING)
    unhealthy = max(hooks.states())
    hooks.asg.set_instance_health(InstanceId=unhealthy, HealthStatus="Unhealthy")
    eventually(lambda: hooks.waiting() == [unhealthy])
    eventually(lambda: list(hooks.states().values()).count("InService") == 2)
    hooks.asg.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=1, DesiredCapacity=1)
    assert sorted(hooks.states().values()) == ["InService", "Terminating:Wait", "Terminating:Wait"]


def test_a_timeout_completes_with_the_default_result(hooks, fast):
    """A hook's timeout is scaled by the pace; a heartbeat restarts it."""
    fast()
    hooks.put("down", TERMINATING, HeartbeatTimeout=100)
    old = min(hooks.states())
    hooks.asg.terminate_instance_in_auto_scaling_group(InstanceId=old, ShouldDecrementDesiredCapacity=False)
    began = time.monotonic()
    time.sleep(0.5)
    hooks.asg.record_lifecycle_action_heartbeat(AutoScalingGroupName="web", LifecycleHookName="down", InstanceId=old)
    eventually(lambda: old not in hooks.states())
    assert 1.4 < time.monotonic() - began < 60, "a hundred seconds at AWS's pace"


def test_a_launch_without_completion_is_abandoned(hooks, fast):
    """ABANDON is the default result, and the reason is the heartbeat timeout."""
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
        (0, "up", 600),  # clients have the whole timeout at pace 0
        (0.02, "up", 12),
        (1, "up", 600),
        (0, "CodeDeploy-managed-hook", 600),
        (0.02, "CodeDeploy-managed-hook", 120),  # hosts do not boot faster
        (1, "CodeDeploy-managed-hook", 600),
    ],
)
def test_how_long_a_hook_waits(factor, name, expected):
    """Its whole timeout at pace 0, else scaled by the pace; CodeDeploy's at least as long as a host needs."""
    hook = SimpleNamespace(name=name, heartbeat_timeout=600)
    pace.set_factor(factor)
    try:
        assert actions.timeout_seconds(hook) == expected
    finally:
        pace.set_factor(0)


def test_an_instance_drains_before_its_hooks_start(monkeypatch):
    """It is Terminating while it drains, and Terminating:Wait afterwards."""
    draining = ["i-1"]
    monkeypatch.setattr(health, "installed", lambda: SimpleNamespace(is_draining=draining.__contains__))
    hook = SimpleNamespace(
        name="down",
        lifecycle_transition=TERMINATING,
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


def test_a_deleted_hook_completes_its_actions(hooks):
    """Launching instances are abandoned, terminating ones continue."""
    hooks.put("down", TERMINATING)
    hooks.put("up")
    hooks.resize(3)
    (new,) = hooks.waiting()
    old = next(name for name, state in hooks.states().items() if state == "InService")
    hooks.asg.terminate_instance_in_auto_scaling_group(InstanceId=old, ShouldDecrementDesiredCapacity=True)
    for name in ("up", "down"):
        hooks.asg.delete_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName=name)
    eventually(lambda: not {new, old} & set(hooks.states()))


def test_a_group_deleted_by_force_does_not_wait(hooks):
    """And its hooks are deleted with it."""
    hooks.put("down", TERMINATING)
    members = list(hooks.states())
    hooks.asg.terminate_instance_in_auto_scaling_group(InstanceId=members[0], ShouldDecrementDesiredCapacity=False)
    hooks.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    assert {hooks.ec2_state(name) for name in members} == {"terminated"}
    hooks.web.create()
    assert hooks.asg.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"] == []


def test_a_group_is_created_with_its_hooks(web):
    """Its first instances wait."""
    hook = {"LifecycleHookName": "up", "LifecycleTransition": LAUNCHING}
    web.create(LifecycleHookSpecificationList=[hook])
    assert {one["LifecycleState"] for one in web.group()["Instances"]} == {"Pending:Wait"}


def test_queue_and_topic_are_notified(aws, hooks):
    """A test notification first, then one for each instance, with its token."""
    sqs, sns = aws.client("sqs"), aws.client("sns")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("direct", "subscribed")]
    arns = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] for url in urls
    ]
    topic = sns.create_topic(Name="hooks")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arns[1], Attributes={"RawMessageDelivery": "true"})

    def receive(url):
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    role = "arn:aws:iam::123456789012:role/hooks"
    hooks.put("queue", NotificationTargetARN=arns[0], RoleARN=role)
    hooks.put("topic", NotificationTargetARN=topic, RoleARN=role, NotificationMetadata="about")
    assert [[one["Event"] for one in receive(url)] for url in urls] == [["autoscaling:TEST_NOTIFICATION"]] * 2
    hooks.resize(3)
    (new,) = hooks.waiting()
    (direct,), (subscribed,) = map(receive, urls)
    assert (direct["EC2InstanceId"], direct["LifecycleTransition"], direct["LifecycleHookName"]) == (
        new,
        LAUNCHING,
        "queue",
    )
    assert subscribed["NotificationMetadata"] == "about"
    hooks.complete("queue", LifecycleActionToken=direct["LifecycleActionToken"])
    hooks.complete("topic", LifecycleActionToken=subscribed["LifecycleActionToken"], InstanceId=new)
    eventually(lambda: hooks.states()[new] == "InService")
    with raises("ValidationError", "Unable to publish test message to notification target"):
        hooks.put("gone", NotificationTargetARN=arns[0] + "-gone", RoleARN=role)


def test_invalid_requests_are_rejected(hooks):
    with raises("ValidationError", "LifecycleTransition"):
        hooks.asg.put_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName="up")
    with raises("ValidationError", "HeartbeatTimeout"):
        hooks.put("up", HeartbeatTimeout=29)
    with raises("ValidationError", "at 'lifecycleHookName' failed to satisfy constraint"):
        hooks.put("a b")
    with raises("ValidationError", "AutoScalingGroup name not found"):
        hooks.asg.record_lifecycle_action_heartbeat(
            AutoScalingGroupName="none", LifecycleHookName="up", InstanceId="i-00000000"
        )
    with raises("ValidationError", "No active Lifecycle Action found with token 1234"):
        hooks.complete("up", LifecycleActionToken="1234".ljust(36, "0"))
    with raises("ValidationError", "not MAYBE"):
        hooks.complete("up", "MAYBE", InstanceId="i-0")


def test_a_group_has_fifty_hooks_at_most(web):
    """Put one by one, or created with the group."""
    specifications = [{"LifecycleHookName": f"up-{number}", "LifecycleTransition": LAUNCHING} for number in range(51)]
    with raises("LimitExceeded"):
        web.create(MinSize=0, LifecycleHookSpecificationList=specifications)
    assert web.asg.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    web.create(MinSize=0, LifecycleHookSpecificationList=specifications[:50])
    with raises("LimitExceeded"):
        Hooks(web).put("up-50")
