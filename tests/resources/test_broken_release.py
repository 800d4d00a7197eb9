"""A release that fails on every new server can be mended, and a new server never stays without a release."""

from types import SimpleNamespace

import pytest

from embedded_aws.testing import eventually
from runbook_lib.engine.approval import is_covered
from runbook_lib.engine.engine import Engine
from runbook_lib.engine.plan import Action
from runbook_lib.resources.auto_scaling_group import unhealthy_targets
from runbook_lib.resources.deployment_group import delete_hooks
from runbook_lib.stacks.stack import Stack
from tests.resources.cases_deploy import application, group, release
from tests.resources.test_contract import bring_about, grounds
from tests.support.call_recorder import Killed, Wire
from tests.support.stack_runs import Time

ONE, TWO = release(b"one"), release(b"two")
GROUP, NAMES = "test-web", {"applicationName": "test-web", "deploymentGroupName": "test-web"}


def whole(wanted):
    return Stack("deploy", application=(application, group), release=(wanted.bundle, wanted))


@pytest.fixture
def fast(door, journal):
    return Engine(door, journal, clock=Time(factor=1).clock)


@pytest.fixture
def broken(aws, fast):
    """The last revision is deployed, and then its bundle is lost: it fails on every server that is launched."""
    bring_about(fast, grounds(ONE))
    fast.apply(whole(ONE))
    aws.client("s3").delete_object(Bucket=bucket(aws), Key=f"bundles/{ONE.bundle.sha256}.zip")
    return aws


def bucket(aws):
    return aws.client("s3").list_buckets()["Buckets"][0]["Name"]


def servers(aws):
    found = aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])
    return {i["InstanceId"]: i["LifecycleState"] for i in found["AutoScalingGroups"][0]["Instances"]}


def lose(aws, count):
    for instance in list(servers(aws))[:count]:
        aws.client("ec2").terminate_instances(InstanceIds=[instance])
    eventually(lambda: len(abandoned(aws)) >= count, within=30)


def abandoned(aws):
    activities = aws.client("autoscaling").describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"]
    return [a for a in activities if a["StatusCode"] == "Cancelled" and "ABANDON" in a["StatusMessage"]]


def hooks(aws):
    found = aws.client("autoscaling").describe_lifecycle_hooks(AutoScalingGroupName=GROUP)["LifecycleHooks"]
    return [hook["LifecycleHookName"] for hook in found]


def deployment_group(aws):
    return aws.client("codedeploy").get_deployment_group(**NAMES)["deploymentGroupInfo"]


def has_two(aws, fast):
    """All servers are in service, each with the second revision, and the group launches with its hook again."""
    eventually(lambda: list(servers(aws).values()) == ["InService", "InService"], within=30)
    assert fast.plan(whole(TWO), refresh=True).todo == ()
    assert [each["hook"] for each in deployment_group(aws)["autoScalingGroups"]] == hooks(aws)


@pytest.mark.exhaustive
def test_one_server_in_service_is_enough_to_deploy(broken, fast):
    """The others are launched and abandoned until the new revision has been deployed to the one."""
    lose(broken, 1)
    fast.apply(whole(TWO))
    has_two(broken, fast)


@pytest.mark.exhaustive
def test_when_every_new_server_is_abandoned_the_fix_is_deployed(broken, fast, calls):
    """The plan says how; the group is detached until a server is in service, and attached again."""
    lose(broken, 2)
    plan = fast.plan(whole(ONE), refresh=True)
    assert "release.web" not in {c.key for c in plan.todo}  # to deploy it again would mend nothing
    plan = fast.plan(whole(TWO), refresh=True)
    change = next(c for c in plan.todo if c.resource == TWO)
    assert change.action is Action.UPDATE
    assert change.fields["servers"] == ("not every server gets it", "every server gets it")
    assert "every new server is abandoned" in change.reason
    assert "ABANDON" in change.reason
    calls.clear()
    fast.apply(whole(TWO))
    wrote = [c.operation for c in calls if c.write and c.operation not in ("PutObject", "StopDeployment")]
    assert wrote == ["UpdateDeploymentGroup", "UpdateDeploymentGroup", "CreateDeployment"]
    has_two(broken, fast)


@pytest.mark.exhaustive
def test_a_kill_while_the_group_is_detached_is_made_good(broken, fast, door, journal):
    """The next run attaches the group and deploys, under the same approval."""
    lose(broken, 2)
    approved = [c.as_dict() for c in fast.plan(whole(TWO), refresh=True).todo]
    wire = Wire()
    door._service_clients.clear()
    wire.tap(door)

    def kill(write, carry):
        answer = carry()
        if write.name.endswith("UpdateDeploymentGroup"):
            raise Killed
        return answer

    wire.fault = kill
    with pytest.raises(Killed):
        fast.apply(whole(TWO))
    assert (deployment_group(broken)["autoScalingGroups"], hooks(broken)) == ([], [])
    wire.fault = lambda write, carry: carry()

    def require_approval(change):
        assert any(is_covered(entry, change) for entry in approved), change

    again = Engine(door, journal, clock=Time(factor=1).clock)
    assert "release.web" in {c.key for c in again.plan(whole(ONE)).todo}  # nobody takes it for the wanted state
    again.apply(whole(TWO), require_approval=require_approval)
    has_two(broken, again)


def test_a_server_that_was_launched_without_the_hook_gets_the_release(broken, fast):
    """It came into service without a revision, so what is in service is not what is wanted."""
    codedeploy, s3 = broken.client("codedeploy"), broken.client("s3")
    s3.put_object(Bucket=bucket(broken), Key=f"bundles/{ONE.bundle.sha256}.zip", Body=ONE.bundle.path.read_bytes())
    before = set(servers(broken))
    codedeploy.update_deployment_group(
        applicationName="test-web", currentDeploymentGroupName="test-web", autoScalingGroups=[]
    )
    broken.client("ec2").terminate_instances(InstanceIds=[min(before)])
    eventually(lambda: {s for s, state in servers(broken).items() if state == "InService"} - before, within=30)
    codedeploy.update_deployment_group(
        applicationName="test-web", currentDeploymentGroupName="test-web", autoScalingGroups=[GROUP]
    )
    (new,) = set(servers(broken)) - before
    (change,) = fast.plan(whole(ONE), refresh=True).todo
    assert change.key == "release.web"
    assert new in change.reason
    fast.apply(whole(ONE))
    assert fast.plan(whole(ONE), refresh=True).todo == ()


def test_launch_hooks_are_what_codedeploy_knows(broken, fast):
    """A missing one lets servers into service without a release; for one too many, every launch waits in vain."""
    (hook,) = hooks(broken)
    broken.client("autoscaling").delete_lifecycle_hook(AutoScalingGroupName=GROUP, LifecycleHookName=hook)
    (change,) = [c for c in fast.plan(whole(ONE), refresh=True).todo if c.key == "deployment_group.web"]
    assert set(change.fields) == {"launch_hook"}
    fast.apply(Stack("deploy", application=(application, group)))
    assert [each["hook"] for each in deployment_group(broken)["autoScalingGroups"]] == hooks(broken) != [hook]
    assert "deployment_group.web" not in {c.key for c in fast.plan(whole(ONE), refresh=True).todo}
    left = hook[:-36] + "11112222-3333-4444-5555-666677778888"
    other = left.replace("hook-test-web-", "hook-test-web-2-")
    for name in (left, other):
        broken.client("autoscaling").put_lifecycle_hook(
            AutoScalingGroupName=GROUP, LifecycleHookName=name,
            LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
        )  # fmt: skip
    assert "deployment_group.web" in {c.key for c in fast.plan(whole(ONE), refresh=True).todo}
    fast.apply(Stack("deploy", application=(application, group)))
    assert left not in hooks(broken)
    assert other in hooks(broken)
    assert "deployment_group.web" not in {c.key for c in fast.plan(whole(ONE), refresh=True).todo}


def test_what_codedeploy_says_it_left_behind_is_deleted():
    """In its answer to an update or a deletion of the group."""
    deleted = []
    aws = SimpleNamespace(autoscaling=SimpleNamespace(delete_lifecycle_hook=lambda **request: deleted.append(request)))
    delete_hooks(aws, {"hooksNotCleanedUp": [{"name": GROUP, "hook": "launch", "terminationHook": "end"}]})
    assert [request["LifecycleHookName"] for request in deleted] == ["launch", "end"]
    delete_hooks(aws, {})


def test_a_server_that_the_load_balancer_does_not_find_healthy_is_not_ready():
    """Auto Scaling calls it healthy for as long as the grace period: its agent may not be installed."""
    instances = [{"InstanceId": f"i-{n}", "LifecycleState": "InService", "HealthStatus": "Healthy"} for n in "1234"]
    health = [
        {"Target": {"Id": "i-1"}, "TargetHealth": {"State": "healthy"}},
        {
            "Target": {"Id": "i-2"},
            "TargetHealth": {
                "State": "unhealthy",
                "Reason": "Target.ResponseCodeMismatch",
                "Description": "Health checks failed with these codes: [404]",
            },
        },
        {"Target": {"Id": "i-3"}, "TargetHealth": {"State": "draining"}},
    ]
    snapshot = SimpleNamespace(get=lambda *args, **request: {"TargetHealthDescriptions": health})
    assert unhealthy_targets(snapshot, {"Instances": instances, "TargetGroupARNs": ["arn"]}) == {
        "i-2": "unhealthy (Target.ResponseCodeMismatch: Health checks failed with these codes: [404])",
        "i-3": "draining",
        "i-4": "not registered with the load balancer",
    }
