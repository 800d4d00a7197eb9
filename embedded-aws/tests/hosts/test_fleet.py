"""Instances of Auto Scaling groups have hosts, and deployments reach all of them."""

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from embedded_aws import pace, services
from embedded_aws.account import backends
from embedded_aws.load_balancer.probe import AGENT
from embedded_aws.services.autoscaling import launching
from embedded_aws.services.autoscaling.lifecycle_hooks import actions
from hosts.bundle import zipped
from hosts.cloud import TRAFFIC, Cloud
from hosts.host import answer, user_data

FAILING = {"ValidateService": "#!/bin/sh\nexit 1\n"}
BEHIND = {"deploymentStyle": TRAFFIC, "loadBalancerInfo": {"targetGroupInfoList": [{"name": "web"}]}}


@pytest.fixture
def cloud(tmp_path, registry, monkeypatch):
    """An account of its own, whose hosts end with the test."""
    services.install()
    with mock_aws():
        cloud = Cloud(tmp_path / "machines", registry, monkeypatch)
        yield cloud
        cloud.fleet.stop()
        assert registry.running() == []


def versions(cloud):
    return [answer(cloud.fleet.port(name), "/version")[1] for name in cloud.members()]


def test_every_instance_has_a_host(cloud, request):
    """It boots with its template's user data, on a port of its own, and answers."""
    cloud.launch(user_data(request.config.rootpath))
    names = cloud.up()
    assert len({cloud.fleet.port(name) for name in names}) == 2
    for name in names:
        port = cloud.fleet.port(name)
        cloud.until(lambda: answer(port, agent=AGENT)[0] == 200)  # noqa: B023 - asked at once
        settings = cloud.fleet.hosts()[name].root / "etc/webapp/instance.env"
        assert f"ZONE={cloud.members()[name]}" in settings.read_text()


def test_a_terminated_instance_loses_its_processes_and_its_disk(cloud, request, registry):
    cloud.launch(user_data(request.config.rootpath))
    one, other = cloud.up()
    cloud.ec2.terminate_instances(InstanceIds=[one])
    cloud.until(lambda: not registry.running(one) and not (cloud.folder / one).exists())
    assert cloud.fleet.port(one) is None
    assert registry.running(other)


def test_a_stopped_instance_keeps_its_disk(cloud):
    """Started again, it runs what was deployed to it."""
    cloud.launch()
    one, _ = cloud.up()
    cloud.ended(cloud.deploy(zipped()))
    cloud.ec2.stop_instances(InstanceIds=[one])
    cloud.until(lambda: not cloud.registry.running(one) and cloud.fleet.port(one) is None)
    cloud.ec2.start_instances(InstanceIds=[one])
    cloud.up()
    cloud.until(lambda: versions(cloud) == ["v1", "v1"])


def test_a_killed_host_can_be_revived(cloud):
    """It boots from its disk, and runs what was deployed to it."""
    cloud.launch()
    one, _ = cloud.up()
    cloud.ended(cloud.deploy(zipped()))
    assert cloud.fleet.kill(one)
    assert not cloud.registry.running(one)
    assert cloud.fleet.revive(one)
    cloud.up()
    cloud.until(lambda: versions(cloud) == ["v1", "v1"])
    assert not cloud.fleet.has_died(one)
    assert not cloud.fleet.revive("i-1")


def test_a_deployment_reaches_every_host(cloud):
    """It is not marked as simulated, and each event runs on each host."""
    cloud.launch()
    deployment = cloud.deploy(zipped())
    info = cloud.ended(deployment)
    assert (info["status"], info["deploymentOverview"]["Succeeded"]) == ("Succeeded", 2), info
    assert "additionalDeploymentStatusInfo" not in info
    assert versions(cloud) == ["v1", "v1"]
    said = cloud.events(deployment, min(cloud.members()))["AfterInstall"]["diagnostics"]
    assert said == {"errorCode": "Success", "scriptName": "", "message": "Succeeded", "logTail": ""}
    logs = [log.read_text() for log in cloud.folder.rglob(f"{deployment}/logs/scripts.log")]
    assert [f"[stdout]AfterInstall of {deployment}" in log for log in logs] == [True, True]


def test_without_an_agent_no_event_begins(cloud):
    """CodeDeploy waits for it, an hour at AWS's own pace, and then says that the event was not received."""
    cloud.launch()
    for name in cloud.up():
        cloud.fleet.get(name).host.agent_missing.touch()
    deployment = cloud.deploy(zipped())
    assert cloud.ended(deployment)["status"] == "Failed"
    events = [cloud.events(deployment, name)["ApplicationStop"] for name in cloud.members()]
    (failed,) = [event for event in events if event["status"] == "Failed"]
    assert "not able to receive the lifecycle event" in failed["diagnostics"]["message"]
    cloud_pace = pace.current_factor()
    pace.set_factor(1.0)
    try:
        waiting = cloud.deploy(zipped())
        cloud.tick()
        cloud.tick()
        assert cloud.info(waiting)["status"] == "InProgress"
    finally:
        pace.set_factor(cloud_pace)


def test_a_failing_hook_leaves_the_other_hosts_alone(cloud):
    """OneAtATime: the first host fails with its script's output, the second keeps its revision."""
    cloud.launch()
    cloud.ended(cloud.deploy(zipped("v1")))
    failed = cloud.deploy(zipped("v2", **FAILING), "v2.zip")
    info = cloud.ended(failed)
    assert (info["status"], info["deploymentOverview"]["Skipped"]) == ("Failed", 1)
    one = next(name for name in cloud.members() if cloud.events(failed, name)["Install"]["status"] == "Succeeded")
    assert cloud.events(failed, one)["ValidateService"]["diagnostics"]["errorCode"] == "ScriptFailed"
    assert sorted(versions(cloud)) == ["v1", "v2"]


def test_a_failed_deployment_is_rolled_back_for_real(cloud):
    """The host with the bad revision gets the good one again."""
    cloud.launch(autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]})
    cloud.ended(cloud.deploy(zipped("v1")))
    back = cloud.ended(cloud.deploy(zipped("v2", **FAILING), "v2.zip"))["rollbackInfo"]["rollbackDeploymentId"]
    assert cloud.ended(back)["status"] == "Succeeded"
    assert versions(cloud) == ["v1", "v1"]


@pytest.mark.exhaustive
def test_an_alarm_stops_a_deployment_and_the_good_revision_comes_back(cloud):
    """The host that has the new revision gets the old one again; the other keeps it."""
    alarms = {"enabled": True, "alarms": [{"name": "errors"}]}
    back_on_alarm = {"enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"]}
    cloud.launch(alarmConfiguration=alarms, autoRollbackConfiguration=back_on_alarm)
    watch = cloud.client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName="errors", Namespace="app", MetricName="errors", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=0, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    cloud.ended(cloud.deploy(zipped("v1")))
    bad = cloud.deploy(zipped("v2"), "v2.zip")
    cloud.until(lambda: sorted(versions(cloud)) == ["v1", "v2"])
    watch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
    stopped = cloud.ended(bad)
    assert (stopped["status"], stopped["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert cloud.ended(stopped["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    assert versions(cloud) == ["v1", "v1"]


@pytest.mark.exhaustive
def test_a_failing_application_stop_can_be_ignored(cloud):
    """For when the old bundle's own script fails."""
    cloud.launch()
    cloud.ended(cloud.deploy(zipped("v1", ApplicationStop="#!/bin/sh\nexit 1\n", BeforeInstall="#!/bin/sh\n")))
    assert cloud.ended(cloud.deploy(zipped("v2"), "v2.zip"))["status"] == "Failed"
    kill = zipped("v2", BeforeInstall='#!/bin/sh\n. "$(dirname "$0")/ApplicationStop.sh"\n')
    forgiven = cloud.ended(cloud.deploy(kill, "v2.zip", ignoreApplicationStopFailures=True))
    assert forgiven["status"] == "Succeeded"
    assert versions(cloud) == ["v2", "v2"]


def test_a_host_is_drained_before_and_healthy_after(cloud):
    """Traffic control waits for the load balancer in both events."""
    cloud.launch(**BEHIND)
    one, other = cloud.up()
    cloud.health = {one: "draining", other: "healthy"}
    deployment = cloud.deploy(zipped())
    cloud.until(lambda: one not in cloud.targets())
    for _ in range(5):
        cloud.tick()
    first = cloud.events(deployment, one)
    assert (first["BlockTraffic"]["status"], first["ApplicationStop"]["status"]) == ("InProgress", "Pending")
    cloud.health[one] = "initial"
    cloud.until(lambda: cloud.events(deployment, one)["AllowTraffic"]["status"] == "InProgress")
    assert one in cloud.targets()
    cloud.health[one] = "healthy"
    assert cloud.ended(deployment)["status"] == "Succeeded"
    assert set(cloud.targets()) == {one, other}


@pytest.mark.exhaustive
def test_an_instances_deployment_takes_its_time(cloud):
    """Also where the load balancer finds it healthy at once: a minute at AWS's own pace, all events together."""
    cloud.launch(**BEHIND)
    cloud.health = dict.fromkeys(cloud.up(), "healthy")
    cloud_pace = pace.current_factor()
    pace.set_factor(0.05)
    try:
        deployment = cloud.deploy(zipped())
        assert cloud.ended(deployment)["status"] == "Succeeded"
    finally:
        pace.set_factor(cloud_pace)
    for name in cloud.members():
        events = cloud.events(deployment, name).values()
        took = max(event["endTime"] for event in events) - min(event["startTime"] for event in events)
        assert 3 <= took.total_seconds() < 20


def test_a_host_that_is_never_healthy_fails_its_deployment(cloud):
    """AllowTraffic times out; the message has the state of the target."""
    cloud.launch(**BEHIND)
    one, _ = cloud.up()
    cloud.health[one] = "unhealthy"
    deployment = cloud.deploy(zipped())
    assert cloud.ended(deployment)["status"] == "Failed"
    assert "unhealthy in web" in cloud.events(deployment, one)["AllowTraffic"]["diagnostics"]["message"]


def test_a_terminated_instance_fails_its_deployment(cloud):
    cloud.launch()
    one, _ = cloud.up()
    deployment = cloud.deploy(zipped(AfterInstall="#!/bin/sh\nsleep 600\n"))
    cloud.until(
        lambda: cloud.info(deployment)["status"] == "InProgress" and _at(cloud, deployment, one) == "AfterInstall"
    )
    cloud.ec2.terminate_instances(InstanceIds=[one])
    assert cloud.ended(deployment)["status"] == "Failed"


def _at(cloud, deployment, name):
    return next(
        (event for event, found in cloud.events(deployment, name).items() if found["status"] == "InProgress"), ""
    )


def test_a_stopped_deployment_does_not_block_the_next(cloud):
    """The running script completes, nothing follows it, and the next deployment starts."""
    cloud.launch()
    one, _ = cloud.up()
    deployment = cloud.deploy(zipped(AfterInstall='#!/bin/sh\nuntil [ -e "$WEBAPP_ROOT/go" ]; do sleep 0.05; done\n'))
    cloud.until(
        lambda: cloud.info(deployment)["status"] == "InProgress" and _at(cloud, deployment, one) == "AfterInstall"
    )
    cloud.cd.stop_deployment(deploymentId=deployment)
    (cloud.fleet.hosts()[one].root / "go").touch()
    assert cloud.ended(cloud.deploy(zipped("v2"), "v2.zip"))["status"] == "Succeeded"
    assert cloud.events(deployment, one)["ApplicationStart"]["status"] == "Skipped"
    assert versions(cloud) == ["v2", "v2"]


@pytest.mark.exhaustive
def test_after_a_restart_the_hosts_boot_again(cloud, monkeypatch):
    """With what was deployed to them, on the same ports."""
    cloud.launch()
    cloud.up()
    cloud.ended(cloud.deploy(zipped()))
    ports = [cloud.fleet.port(name) for name in cloud.members()]
    cloud.fleet.stop()
    (cloud.folder / "i-gone" / "root").mkdir(parents=True)
    cloud.new_fleet(monkeypatch)
    cloud.up()
    assert [cloud.fleet.port(name) for name in cloud.members()] == ports
    cloud.until(lambda: versions(cloud) == ["v1", "v1"])
    cloud.until(lambda: not (cloud.folder / "i-gone").exists())


def test_a_killed_host_has_died(cloud, request):
    """Auto Scaling replaces its instance."""
    cloud.launch(user_data(request.config.rootpath))
    one, other = cloud.up()
    assert cloud.fleet.kill(one)
    assert (cloud.fleet.has_died(one), cloud.fleet.has_died(other)) == (True, False)
    assert not cloud.fleet.kill("i-unknown")


def test_the_first_instances_are_in_service_at_once(cloud):
    """Before the first deployment there is nothing to wait for."""
    cloud.launch()
    assert cloud.launch_one().lifecycle_state == "InService"


def test_a_later_instance_gets_the_last_revision_before_it_is_in_service(cloud):
    """It waits in Pending:Wait, behind no load balancer, until a deployment of Auto Scaling's own has succeeded."""
    cloud.launch(**BEHIND)
    first = cloud.ended(cloud.deploy(zipped()))
    state = cloud.launch_one()
    name = state.instance.id
    assert cloud.group()["Instances"][-1]["LifecycleState"] == "Pending:Wait"
    assert len(launching.counted_instances(state.auto_scaling_group)) == 3
    assert name not in cloud.targets()
    cloud.until(lambda: state.lifecycle_state == "InService")
    assert name in cloud.targets()
    assert versions(cloud) == ["v1", "v1", "v1"]
    latest = cloud.cd.list_deployments(applicationName="app", deploymentGroupName="web")["deployments"][0]
    info = cloud.info(latest)
    assert (info["creator"], info["revision"]) == ("autoscaling", first["revision"])
    assert cloud.cd.list_deployment_targets(deploymentId=latest)["targetIds"] == [name]
    assert "BlockTraffic" not in cloud.events(latest, name)


def test_two_instances_are_deployed_to_side_by_side(cloud):
    """One does not wait for the other; a deployment by hand waits for both, as on AWS."""
    cloud.launch()
    cloud.ended(cloud.deploy(zipped()))
    states = [cloud.launch_one(), cloud.launch_one()]
    cloud.tick()
    active = [one for one in backends.backend("codedeploy").deployments.values() if one.status not in ("Succeeded",)]
    assert [one.info["creator"] for one in active] == ["autoscaling", "autoscaling"]
    with pytest.raises(ClientError, match="DeploymentLimitExceeded"):
        cloud.deploy(zipped("v2"), "v2.zip")
    cloud.until(lambda: all(state.lifecycle_state == "InService" for state in states))
    assert versions(cloud) == ["v1"] * 4


@pytest.mark.exhaustive
def test_an_instance_launched_during_a_deployment_gets_the_new_revision(cloud):
    """It waits until the deployment has ended, and does not come into service with the old one."""
    cloud.launch()
    cloud.ended(cloud.deploy(zipped("v1")))
    deployment = cloud.deploy(zipped("v2"), "v2.zip")
    state = cloud.launch_one()
    cloud.until(lambda: state.lifecycle_state == "InService")
    assert cloud.info(deployment)["status"] == "Succeeded"
    assert versions(cloud) == ["v2"] * 3


@pytest.mark.exhaustive
def test_an_instance_launched_during_the_very_first_deployment_gets_it_afterwards(cloud):
    """There was nothing to wait for when it was launched: CodeDeploy's automatic update brings it up to date."""
    cloud.launch()
    first = cloud.deploy(zipped())
    cloud.until(lambda: cloud.info(first)["status"] == "InProgress")
    late = cloud.launch_one().instance.id
    update = cloud.ended(first)["relatedDeployments"]["autoUpdateOutdatedInstancesDeploymentIds"][0]
    assert cloud.ended(update)["creator"] == "CodeDeployAutoUpdate"
    assert cloud.cd.list_deployment_targets(deploymentId=update)["targetIds"] == [late]
    assert versions(cloud) == ["v1"] * 3


def test_an_instance_whose_deployment_fails_is_abandoned(cloud):
    """It never takes traffic: Auto Scaling terminates it, and says why; the group's others keep running."""
    cloud.launch(autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]})
    once = '#!/bin/sh\ncase $(ls "$WEBAPP_ROOT/../.." | wc -l) in *2) ;; *) echo three >&2; exit 1 ;; esac\n'
    assert cloud.ended(cloud.deploy(zipped(ValidateService=once)))["status"] == "Succeeded"
    state = cloud.launch_one()
    cloud.until(lambda: state.instance.state != "running")
    assert state.instance.id not in cloud.members()
    causes = cloud.asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    assert "launch failure" in causes[0]["Cause"]
    assert "abandoned" in next(one["StatusMessage"] for one in causes if one["StatusCode"] == "Cancelled")
    assert len(cloud.cd.list_deployments(applicationName="app", deploymentGroupName="web")["deployments"]) == 2


@pytest.mark.exhaustive
def test_an_instance_whose_deployment_does_not_end_in_time_is_abandoned(cloud, monkeypatch):
    """CodeDeploy's hook waits for ten minutes, and not for ever."""
    cloud.launch()
    cloud.ended(cloud.deploy(zipped()))
    (hook,) = cloud.asg.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"]
    assert (hook["HeartbeatTimeout"], hook["DefaultResult"]) == (600, "ABANDON")
    monkeypatch.setattr(actions, "timeout_seconds", lambda hook: 0.0)
    state = cloud.launch_one()
    cloud.tick()
    assert state.instance.id not in cloud.members()
    activities = cloud.asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    assert (
        "abandoned: Heartbeat Timeout" in next(a for a in activities if a["StatusCode"] == "Cancelled")["StatusMessage"]
    )


@pytest.mark.exhaustive
def test_a_rebooted_instance_boots_its_host_again(cloud):
    """With what is installed, on the same port; the instance is running all the while."""
    cloud.launch()
    one, other = cloud.up()
    cloud.ended(cloud.deploy(zipped()))
    before = {name: cloud.fleet.get(name) for name in (one, other)}
    port = cloud.fleet.port(one)
    cloud.ec2.reboot_instances(InstanceIds=[one])
    cloud.until(lambda: cloud.fleet.get(one) not in (None, before[one]) and cloud.fleet.booted(one))
    cloud.until(lambda: versions(cloud) == ["v1", "v1"])
    assert (cloud.fleet.port(one), cloud.fleet.get(other)) == (port, before[other])
