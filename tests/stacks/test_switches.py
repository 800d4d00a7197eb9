"""Each addition goes on and off on an environment that runs: only the changes it needs, and nothing is left."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from runbook_lib.engine.orphans import find_orphans
from runbook_lib.engine.plan import Action
from runbook_lib.params import Params
from runbook_lib.stacks.checks.claims import claims
from runbook_lib.stacks.environment import stacks
from runbook_lib.stacks.orphans import known_orphans
from runbook_lib.stacks.stack import Stack
from tests.support.call_recorder import Wire
from tests.support.stack_runs import PARAMS, Runs, environment

ENDPOINTS = {
    f"interface_endpoint.{service}" for service in
    ("codedeploy", "codedeploy-commands-secure", "ec2messages", "logs", "monitoring", "secretsmanager", "ssm",
     "ssmmessages", "sts")
}  # fmt: skip
BY_SSH = {
    "instance.bastion", "key_pair.bastion", "security_group_rule.bastion-ssh-203.0.113.0/24",
    "ssh_key.bastion-ssh-key",
}  # fmt: skip
SERVER = {"instance_profile.bastion", "role.bastion", "role_policy.bastion-session-manager"}
SITE = {"elb-5xx", "response-time", "target-5xx", "unhealthy-hosts"}
ALARMS = {"database-connections", "database-cpu", "database-storage", "nat-us-west-2a-packets-dropped",
          "nat-us-west-2a-ports", *(f"site-{name}" for name in SITE)}  # fmt: skip
TOPIC = "arn:aws:sns:us-west-2:123456789012:alerts"
DAY = {"name": "day", "recurrence": "0 7 * * *", "minimum": 3, "maximum": 8, "time_zone": "Europe/Zurich"}

# What is switched on, what comes, what goes, and what changes.
SWITCHES = {
    "scaling on the processors": (
        {"compute": {"scaling": {"metric": "cpu", "target": 50}}}, {"scaling_policy.web"}, set(), set()
    ),
    "scaling on requests, with other sizes": (
        {"compute": {"scaling": {"metric": "requests_per_target", "target": 100, "minimum": 3, "maximum": 9}}},
        {"scaling_policy.web"}, set(), {"auto_scaling_group.web"},
    ),
    "a schedule": ({"compute": {"schedules": [DAY]}}, {"scheduled_action.day"}, set(), set()),
    "alarms": ({"alarms": {"topic": TOPIC}}, {f"alarm.{name}" for name in ALARMS}, set(), set()),
    "a dashboard": ({"dashboard": True}, {"dashboard.overview"}, set(), set()),
    "a bastion by Session Manager": ({"compute": {"bastion": "ssm"}}, {"instance.bastion-ssm"}, BY_SSH, set()),
    "an endpoint for SSH": (
        {"compute": {"bastion": "instance_connect_endpoint"}}, {"instance_connect_endpoint.bastion"},
        {*BY_SSH, *SERVER}, set(),
    ),
    "no bastion": (
        {"compute": {"bastion": "none"}}, set(),
        {*BY_SSH, *SERVER, "security_group.bastion", "security_group_rule.web-ssh"}, set(),
    ),
    "no way to the internet": (
        {"network": {"nat": "none"}},
        {*ENDPOINTS, "role_policy.web-commands", "security_group.endpoints", "security_group_rule.endpoints-bastion",
         "security_group_rule.endpoints-web"},
        {"elastic_ip.nat-us-west-2a", "nat_gateway.us-west-2a", "route.private-us-west-2a"},
        {"launch_template.web", "instance_refresh.web"},
    ),
}  # fmt: skip


def params(**changed):
    raw = PARAMS.model_dump(mode="json")
    for section, fields in changed.items():
        raw[section] = {**raw[section], **fields} if isinstance(fields, dict) else fields
    return Params.model_validate(raw)


@pytest.fixture(scope="module")
def running(aws_server, tmp_path_factory):
    """The environment `local`, applied once; every test leaves it as it was."""
    aws_server.reset()
    aws_server.client("sns").create_topic(Name="alerts")
    folder = tmp_path_factory.mktemp("switches")
    runs = Runs(aws_server, folder, Wire())
    runs.build(*environment(PARAMS, folder))
    return SimpleNamespace(runs=runs, aws=aws_server, folder=folder)


def bring(running, before, after):
    """From one version of the parameters to another, as the notebooks do; what came, what went and what changed.

    Each notebook proves its claims before the next begins, the last one when what left the parameters is gone.
    """
    came, gone, changed = set(), set(), set()
    for stack in environment(after, running.folder):
        engine = running.runs.engine()
        done = engine.apply(stack)
        engine.wait_until_ready(stack, engine.survey(stack, refresh=True))
        came |= {change.key for change in done.todo if change.action is Action.CREATE}
        gone |= {change.key for change in done.todo if change.action is Action.DELETE}
        changed |= {change.key for change in done.todo if change.action is Action.UPDATE}
        assert stack.name == "deploy" or failing(running, after, stack) == {}
    orphans = known_orphans(after, [before])
    removed = running.runs.engine().destroy(Stack("orphans", all=[one for layer in orphans.values() for one in layer]))
    return came, gone | {change.key for change in removed.todo}, changed


def left_over(running, wanted):
    """What is still to do, and what carries our tags without being asked for."""
    engine = running.runs.engine()
    todo = [str(change) for stack in environment(wanted, running.folder) for change in engine.plan(stack).todo]
    known = {resource.key for stack in environment(wanted, running.folder) for resource in stack}
    return todo, [orphan for orphan in find_orphans(engine.snapshot, known) if orphan.key]


def failing(running, wanted, *some):
    """The claims that do not hold, of all stacks or of these."""
    engine = running.runs.engine()
    found = {}
    for stack in some or environment(wanted, running.folder):
        state = engine.survey(stack, refresh=True)
        found |= {check.claim: check.probe(engine.snapshot, state) for check in claims(stack, wanted)}
    return {claim: finding for claim, (ok, finding) in found.items() if not ok}


TOGETHER = ("scaling on requests, with other sizes", "a schedule", "alarms", "a dashboard", "an endpoint for SSH",
            "no way to the internet")  # fmt: skip
OPEN = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.20.0.0/16"}]}]


def test_many_go_on_and_off_together(running):
    """And while they are on, the claims see what somebody opens or closes."""
    settings, came, gone, changed = {}, set(), set(), set()
    for name in TOGETHER:
        more, *rest = SWITCHES[name]
        settings |= {key: {**settings.get(key, {}), **one} if isinstance(one, dict) else one
                     for key, one in more.items()}  # fmt: skip
        came, gone, changed = (known | one for known, one in zip((came, gone, changed), rest, strict=True))
    wanted = params(**settings)
    came = {key for key in came if not key.startswith("alarm.nat-")}
    assert bring(running, PARAMS, wanted) == (came, gone, changed)
    assert left_over(running, wanted) == ([], [])
    assert failing(running, wanted) == {}
    ec2 = running.aws.client("ec2")
    groups = {group["GroupName"]: group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"]}
    ec2.authorize_security_group_ingress(GroupId=groups["local-bastion"], IpPermissions=OPEN)
    assert _numbers(failing(running, wanted)) == ["11"]
    ec2.revoke_security_group_ingress(GroupId=groups["local-bastion"], IpPermissions=OPEN)
    closed = [each for each in ec2.describe_security_group_rules()["SecurityGroupRules"]
              if each["GroupId"] == groups["local-endpoints"] and not each["IsEgress"]]  # fmt: skip
    ec2.revoke_security_group_ingress(
        GroupId=groups["local-endpoints"], SecurityGroupRuleIds=[each["SecurityGroupRuleId"] for each in closed]
    )
    assert _numbers(failing(running, wanted)) == ["5"]
    bring(running, wanted, PARAMS)
    assert left_over(running, PARAMS) == ([], [])
    assert failing(running, PARAMS) == {}


def _numbers(found):
    return sorted(claim.partition(".")[0] for claim in found)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SWITCHES)
def test_it_goes_on_and_off_with_only_the_changes_it_needs(running, name):
    settings, came, gone, changed = SWITCHES[name]
    wanted = params(**settings)
    assert bring(running, PARAMS, wanted) == (came, gone, changed)
    assert left_over(running, wanted) == ([], [])
    assert failing(running, wanted) == {}
    of_role = came & {"role_policy.web-commands"}  # a policy that leaves a role is a change of the role
    back = changed | {"role.web" for _ in of_role}
    assert bring(running, wanted, PARAMS) == (gone, came - of_role, back)
    assert left_over(running, PARAMS) == ([], [])
    assert failing(running, PARAMS) == {}


@pytest.mark.exhaustive
def test_sizes_that_scaling_or_a_schedule_has_set_are_no_drift(running):
    """Between minimum and maximum the desired capacity is the policy's; the scheduled sizes are the schedule's."""
    scaling = running.aws.client("autoscaling")
    wanted = params(compute={"scaling": {"metric": "cpu", "target": 50, "maximum": 6}, "schedules": [DAY]})
    bring(running, PARAMS, wanted)
    scaling.set_desired_capacity(AutoScalingGroupName="local-web", DesiredCapacity=3)
    assert left_over(running, wanted)[0] == []
    scaling.update_auto_scaling_group(AutoScalingGroupName="local-web", MinSize=3, MaxSize=8)
    assert left_over(running, wanted)[0] == []
    scaling.update_auto_scaling_group(AutoScalingGroupName="local-web", HealthCheckGracePeriod=77)
    running.runs.build(*environment(wanted, running.folder))
    (group,) = scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (group["MinSize"], group["MaxSize"], group["HealthCheckGracePeriod"]) == (3, 8, 300)
    scaling.update_auto_scaling_group(AutoScalingGroupName="local-web", MinSize=1, MaxSize=8)
    assert [change.split("'")[0] for change in left_over(running, wanted)[0]] != []
    _, gone, changed = bring(running, wanted, PARAMS)
    assert (gone, changed) == ({"scaling_policy.web", "scheduled_action.day"}, {"auto_scaling_group.web"})
    (group,) = scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (group["MinSize"], group["MaxSize"], group["DesiredCapacity"]) == (2, 4, 2)
    assert left_over(running, PARAMS) == ([], [])


def test_a_topic_that_does_not_exist_is_told_by_the_plan(running):
    wanted = params(alarms={"topic": f"{TOPIC}-typo"})
    (topic,) = [change for change in running.runs.engine().plan(Stack("alarms", all=[
        each for stack in stacks(wanted) for each in stack if each.key.startswith(("topic.", "alarm."))])).todo
        if change.action is Action.BLOCKED]  # fmt: skip
    assert "does not exist, and this runbook does not create it" in topic.explanation
