"""CodeDeploy: all operations for EC2 instances, and the progress of deployments."""

import pytest
from botocore.exceptions import ClientError

from embedded_aws.services.codedeploy.configs import PREDEFINED
from embedded_aws.services.codedeploy.deployments import stop
from embedded_aws.services.codedeploy.model import Deployment, Event, Target
from embedded_aws.services.codedeploy.progress import too_many_failed
from embedded_aws.testing import eventually
from services.deploy import Deploy
from tests.support.trusted_keys import trust


@pytest.fixture
def deploy(aws):
    return Deploy(aws)


def code_of(raised):
    return raised.value.response["Error"]["Code"]


def test_a_group_is_described_with_all_its_fields(deploy):
    """As they were sent, after creation and after a change."""
    params = {
        "deploymentConfigName": "CodeDeployDefault.HalfAtATime",
        "alarmConfiguration": {"enabled": True, "ignorePollAlarmFailure": False, "alarms": [{"name": "errors"}]},
        "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
        "deploymentStyle": {"deploymentType": "IN_PLACE", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "loadBalancerInfo": {"targetGroupInfoList": [{"name": "web"}]},
        "outdatedInstancesStrategy": "IGNORE",
        "terminationHookEnabled": True,
        "ec2TagSet": {"ec2TagSetList": [[{"Key": "Name", "Value": "web", "Type": "KEY_AND_VALUE"}]]},
    }
    group = deploy.create_group(**params)
    assert params.items() <= group.items()
    assert [entry["name"] for entry in group["autoScalingGroups"]] == ["web"]
    hooks = deploy.asg.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"]
    assert [hook["LifecycleHookName"] for hook in hooks] == [group["autoScalingGroups"][0]["hook"]]
    changes = {"outdatedInstancesStrategy": "UPDATE", "alarmConfiguration": {"enabled": False, "alarms": []}}
    deploy.cd.update_deployment_group(
        applicationName="app", currentDeploymentGroupName="web", newDeploymentGroupName="new", **changes
    )
    renamed = deploy.deployment_group("new")
    changes["alarmConfiguration"]["ignorePollAlarmFailure"] = False  # AWS always says it
    assert (params | changes).items() <= renamed.items()
    assert renamed["deploymentGroupId"] == group["deploymentGroupId"]


def test_a_group_has_awss_defaults(deploy):
    """Fields that were not sent are described as on AWS."""
    group = deploy.create_group(autoScalingGroups=[])
    assert group["deploymentConfigName"] == "CodeDeployDefault.OneAtATime"
    assert group["deploymentStyle"] == {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}
    assert group["autoRollbackConfiguration"] == {"enabled": False}
    assert group["outdatedInstancesStrategy"] == "UPDATE"


def test_deletions_are_idempotent(deploy):
    """The hook on the Auto Scaling group is deleted with the deployment group."""
    deploy.create_group()
    for _ in range(2):
        deploy.cd.delete_deployment_group(applicationName="app", deploymentGroupName="web")
        deploy.cd.delete_application(applicationName="app")
    assert deploy.cd.list_applications()["applications"] == []
    assert deploy.asg.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"] == []


def test_applications_and_groups_are_listed_renamed_and_tagged(deploy):
    """Groups and tags follow a renamed application."""
    deploy.create_group(tags=[{"Key": "Environment", "Value": "local"}])
    cd = deploy.cd
    cd.update_application(applicationName="app", newApplicationName="shop")
    assert cd.list_applications()["applications"] == ["shop"]
    assert cd.list_deployment_groups(applicationName="shop")["deploymentGroups"] == ["web"]
    groups = cd.batch_get_deployment_groups(applicationName="shop", deploymentGroupNames=["web", "no"])
    assert [group["applicationName"] for group in groups["deploymentGroupsInfo"]] == ["shop"]
    arn = "arn:aws:codedeploy:us-west-2:123456789012:application:shop"
    cd.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    assert cd.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    cd.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert cd.list_tags_for_resource(ResourceArn=arn)["Tags"] == []


def test_a_deployment_continues_after_a_renaming(deploy):
    """Of its application and group; it succeeds, as does a deployment of another application."""
    cd = deploy.cd
    cd.create_application(applicationName="other", computePlatform="Server")
    for name in ("app", "other"):
        deploy.create_group(applicationName=name, tags=[{"Key": "of", "Value": name}])
    deploy.aws.control("pace", 10)
    try:
        first, second = deploy.deploy(), deploy.deploy(applicationName="other")
        cd.update_application(applicationName="app", newApplicationName="shop")
        cd.update_deployment_group(
            applicationName="shop", currentDeploymentGroupName="web", newDeploymentGroupName="servers"
        )
        assert cd.get_deployment(deploymentId=first)["deploymentInfo"]["status"] in ("Created", "InProgress")
    finally:
        deploy.aws.control("pace", 0)
    assert [deploy.ended(deployment)["status"] for deployment in (first, second)] == ["Succeeded"] * 2
    names = {"applicationName": "shop", "deploymentGroupName": "servers"}
    assert names.items() <= deploy.ended(first).items()
    assert cd.list_deployments(**names)["deployments"] == [first]
    assert cd.get_deployment_group(**names)["deploymentGroupInfo"]["lastSuccessfulDeployment"]["deploymentId"] == first
    (revision,) = cd.list_application_revisions(applicationName="shop")["revisions"]
    info = cd.get_application_revision(applicationName="shop", revision=revision)["revisionInfo"]
    assert info["deploymentGroups"] == ["servers"]
    arn = "arn:aws:codedeploy:us-west-2:123456789012:deploymentgroup:shop/servers"
    assert cd.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "of", "Value": "app"}]


def test_a_deployment_succeeds_and_is_marked_as_simulated(deploy):
    """On every instance, with all lifecycle events."""
    deploy.create_group()
    deployment = deploy.deploy(description="first")
    info = deploy.ended(deployment)
    assert info["status"] == "Succeeded"
    assert info["additionalDeploymentStatusInfo"] == "simulated: no instance executed this bundle"
    assert info["deploymentOverview"]["Succeeded"] == 2
    assert info["creator"] == "user"
    assert info["createTime"] <= info["startTime"] <= info["completeTime"]
    assert set(deploy.cd.list_deployment_targets(deploymentId=deployment)["targetIds"]) == set(deploy.members())
    for instance in deploy.members():
        target = deploy.target(deployment, instance)
        assert target["status"] == "Succeeded"
        assert [event["status"] for event in target["lifecycleEvents"]] == ["Succeeded"] * 7
        assert "simulated" in target["lifecycleEvents"][-1]["diagnostics"]["message"]


def test_of_several_deployments_those_that_exist_are_described(deploy):
    """As AWS's model has it: the operation has no error for one that does not."""
    deploy.create_group()
    first = deploy.deploy()
    deploy.ended(first)
    found = deploy.cd.batch_get_deployments(deploymentIds=["d-NOTHING00", first])["deploymentsInfo"]
    assert found == [deploy.cd.get_deployment(deploymentId=first)["deploymentInfo"]]


def test_a_group_has_its_last_successful_revision(deploy):
    """Also after a failed deployment."""
    deploy.create_group()
    first = deploy.deploy()
    deploy.ended(first)
    group = deploy.deployment_group()
    assert group["lastSuccessfulDeployment"]["deploymentId"] == first
    assert group["targetRevision"]["s3Location"]["key"] == "v1.zip"
    second = deploy.deploy("missing.zip")
    deploy.ended(second)
    group = deploy.deployment_group()
    assert group["lastSuccessfulDeployment"]["deploymentId"] == first
    assert group["lastAttemptedDeployment"]["deploymentId"] == second
    assert group["lastAttemptedDeployment"]["status"] == "Failed"


def test_traffic_control_adds_its_events(deploy):
    """To block and allow the traffic of an instance behind a load balancer."""
    style = {"deploymentType": "IN_PLACE", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
    deploy.create_group(deploymentStyle=style, loadBalancerInfo={"targetGroupInfoList": [{"name": "web"}]})
    deployment = deploy.deploy()
    deploy.ended(deployment)
    names = [e["lifecycleEventName"] for e in deploy.target(deployment, min(deploy.members()))["lifecycleEvents"]]
    assert (names[1], names[-2], len(names)) == ("BlockTraffic", "AllowTraffic", 13)


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ({"key": "missing.zip"}, "The specified key does not exist."),
        ({"bucket": "no-such-bucket"}, "The specified key does not exist."),
        ({"eTag": "0" * 32}, "etag"),
    ],
)
def test_a_missing_bundle_fails_the_deployment(deploy, location, message):
    """The deployment starts, and DownloadBundle fails with the message of the agent."""
    deploy.create_group()
    deployment = deploy.deploy(location=location)
    info = deploy.ended(deployment)
    assert (info["status"], info["errorInformation"]["code"]) == ("Failed", "HEALTH_CONSTRAINTS")
    failed, skipped = (
        deploy.target(deployment, i) for i in deploy.cd.list_deployment_targets(deploymentId=deployment)["targetIds"]
    )
    events = {event["lifecycleEventName"]: event for event in failed["lifecycleEvents"]}
    assert events["DownloadBundle"]["diagnostics"]["errorCode"] == "UnknownError"
    assert message in events["DownloadBundle"]["diagnostics"]["message"]
    assert events["Install"]["status"] == "Skipped"
    assert skipped["status"] == "Skipped"


def test_a_matching_etag_is_accepted(deploy):
    """The revision is deployed."""
    deploy.create_group()
    etag = deploy.s3.head_object(Bucket="bundles", Key="v1.zip")["ETag"].strip('"')
    assert deploy.ended(deploy.deploy(location={"eTag": etag}))["status"] == "Succeeded"


def test_a_failed_deployment_is_rolled_back(deploy):
    """A new deployment deploys the last successful revision, if so configured."""
    deploy.create_group(autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]})
    deploy.ended(deploy.deploy())
    failed = deploy.deploy("missing.zip")
    rollback = deploy.ended(failed)["rollbackInfo"]["rollbackDeploymentId"]
    info = deploy.ended(rollback)
    assert (info["status"], info["creator"]) == ("Succeeded", "codeDeployRollback")
    assert info["revision"]["s3Location"]["key"] == "v1.zip"
    assert deploy.cd.list_deployments(applicationName="app", deploymentGroupName="web")["deployments"][:2] == [
        rollback,
        failed,
    ]


class Alarmed(Deploy):
    """A deployment group with the alarm `errors`, and with one successful deployment."""

    def __init__(self, aws):
        super().__init__(aws)
        self.cloudwatch = aws.client("cloudwatch")
        self.cloudwatch.put_metric_alarm(
            AlarmName="errors",
            Namespace="App",
            MetricName="Errors",
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=5.0,
            ComparisonOperator="GreaterThanThreshold",
        )
        self.create_group(
            alarmConfiguration={"enabled": True, "alarms": [{"name": "errors"}]},
            autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"]},
        )
        self.good = self.deploy()
        assert self.ended(self.good)["status"] == "Succeeded"
        self.s3.put_object(Bucket="bundles", Key="v2.zip", Body=b"two")

    def raise_alarm(self):
        datum = {"MetricName": "Errors", "Value": 9.0}
        self.cloudwatch.put_metric_data(Namespace="App", MetricData=[datum])
        eventually(lambda: self.cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"])


@pytest.fixture
def alarmed(aws):
    return Alarmed(aws)


def test_a_deployment_under_an_active_alarm_is_stopped_and_rolled_back(alarmed):
    """The alarm does not stop the rollback; both deployments have the id of the other."""
    alarmed.raise_alarm()
    bad = alarmed.deploy("v2.zip")
    stopped = alarmed.ended(bad)
    assert (stopped["status"], stopped["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert stopped["errorInformation"]["message"].endswith("have been stopped. Activated alarms: <errors>")
    rollback = stopped["rollbackInfo"]["rollbackDeploymentId"]
    message = f"Deployment {bad} terminated. Automatic rollback is triggered with a DeploymentId {rollback}."
    assert stopped["rollbackInfo"]["rollbackMessage"] == message
    info = alarmed.ended(rollback)
    assert (info["status"], info["creator"], info["revision"]["s3Location"]["key"]) == (
        "Succeeded",
        "codeDeployRollback",
        "v1.zip",
    )
    assert info["rollbackInfo"] == {
        "rollbackTriggeringDeploymentId": bad,
        "rollbackMessage": f"Deployment {rollback} is triggered to roll back deployment {bad}.",
    }
    statuses = {alarmed.target(bad, instance)["status"] for instance in alarmed.members()}
    assert statuses == {"Skipped"}


def test_a_deployment_may_name_other_alarms_or_none(alarmed):
    """They override those of the group; an unknown alarm stops it, unless that is ignored."""
    alarmed.raise_alarm()
    for override, status in (
        ({"enabled": False}, "Succeeded"),
        ({"enabled": True, "alarms": [{"name": "gone"}]}, "Stopped"),
        ({"enabled": True, "alarms": [{"name": "gone"}], "ignorePollAlarmFailure": True}, "Succeeded"),
    ):
        changes = {"overrideAlarmConfiguration": override, "autoRollbackConfiguration": {"enabled": False}}
        assert alarmed.ended(alarmed.deploy("v2.zip", **changes))["status"] == status


def test_an_alarm_stops_targets_in_progress():
    """The event in progress fails, those after it are skipped."""
    deployment = Deployment({"status": "InProgress"})
    events = [Event("Install", "InProgress"), Event("ApplicationStart")]
    deployment.targets["now"] = Target("now", events, "InProgress")
    stop(deployment, "ALARM_ACTIVE", "errors")
    assert deployment.info["errorInformation"] == {"code": "ALARM_ACTIVE", "message": "errors"}
    assert [event.status for event in events] == ["Failed", "Skipped"]


def test_a_group_without_instances_fails_its_deployment(deploy):
    """With the error NO_INSTANCES."""
    deploy.create_group(autoScalingGroups=[])
    assert deploy.ended(deploy.deploy())["errorInformation"]["code"] == "NO_INSTANCES"


def test_tags_choose_instances(deploy):
    """A group may name its instances by tags instead of by Auto Scaling group."""
    tags = [{"Key": "Name", "Value": "web", "Type": "KEY_AND_VALUE"}]
    deploy.create_group(autoScalingGroups=[], ec2TagFilters=tags)
    deployment = deploy.deploy()
    deploy.ended(deployment)
    assert set(deploy.cd.list_deployment_instances(deploymentId=deployment)["instancesList"]) == set(deploy.members())


def test_an_ended_deployment_cannot_be_stopped(deploy):
    """The call is rejected."""
    deploy.create_group()
    deployment = deploy.deploy()
    deploy.ended(deployment)
    with pytest.raises(ClientError) as raised:
        deploy.cd.stop_deployment(deploymentId=deployment)
    assert code_of(raised) == "DeploymentAlreadyCompletedException"


def test_a_stopped_deployment_has_ended_for_its_group_too(deploy, aws):
    """GetDeploymentGroup has its status and its end."""
    deploy.create_group()
    aws.control("pace", 10)  # so that it is in progress
    deployment = deploy.deploy()
    deploy.cd.stop_deployment(deploymentId=deployment)
    aws.control("pace", 0)
    last = deploy.deployment_group()["lastAttemptedDeployment"]
    assert (last["deploymentId"], last["status"]) == (deployment, "Stopped")
    assert last["endTime"] >= last["createTime"]


def test_a_stopped_deployment_skips_pending_targets():
    """Targets that have ended stay as they are, and those in progress fail."""
    deployment = Deployment({"status": "InProgress"})
    for name, status in (("done", "Succeeded"), ("now", "InProgress"), ("next", "Pending")):
        deployment.targets[name] = Target(name, [Event("Install")], status)
    stop(deployment)
    assert (deployment.status, deployment.info["errorInformation"]["code"]) == ("Stopped", "MANUAL_STOP")
    assert [target.status for target in deployment.targets.values()] == ["Succeeded", "Failed", "Skipped"]


@pytest.mark.parametrize(
    ("config", "statuses", "too_many"),
    [
        ("OneAtATime", ["Failed"], True),
        ("OneAtATime", ["Succeeded", "Failed"], False),  # tolerated on the last one
        ("OneAtATime", ["Failed", "Pending"], True),
        ("HalfAtATime", ["Failed", "Succeeded"], False),
        ("HalfAtATime", ["Failed", "Failed", "Pending"], True),
        ("AllAtOnce", ["Failed", "Failed", "Succeeded"], False),
        ("AllAtOnce", ["Failed", "Failed"], True),
    ],
)
def test_the_configuration_limits_failures(config, statuses, too_many):
    """By the number of healthy hosts."""
    assert too_many_failed({"minimumHealthyHosts": PREDEFINED[f"CodeDeployDefault.{config}"]}, statuses) is too_many


def test_revisions_are_registered_and_described(deploy):
    """With the groups in which they were used."""
    deploy.create_group()
    unused = {"revisionType": "S3", "s3Location": {"bucket": "bundles", "key": "v0.zip", "bundleType": "zip"}}
    deploy.cd.register_application_revision(applicationName="app", revision=unused, description="older")
    deploy.ended(deploy.deploy())
    listed = deploy.cd.list_application_revisions(applicationName="app", deployed="include")["revisions"]
    assert [revision["s3Location"]["key"] for revision in listed] == ["v1.zip"]
    info = deploy.cd.get_application_revision(applicationName="app", revision=unused)["revisionInfo"]
    assert (info["description"], info["deploymentGroups"]) == ("older", [])
    both = deploy.cd.batch_get_application_revisions(applicationName="app", revisions=[unused, listed[0]])["revisions"]
    assert both[1]["genericRevisionInfo"]["deploymentGroups"] == ["web"]


def test_configurations_are_created_and_deleted(deploy):
    """One can be created once, and deleted when it is unused; predefined ones exist."""
    cd = deploy.cd
    half = cd.get_deployment_config(deploymentConfigName="CodeDeployDefault.HalfAtATime")["deploymentConfigInfo"]
    assert half["minimumHealthyHosts"] == {"type": "FLEET_PERCENT", "value": 50}
    custom = {"deploymentConfigName": "ours", "minimumHealthyHosts": {"type": "HOST_COUNT", "value": 1}}
    cd.create_deployment_config(**custom)
    with pytest.raises(ClientError) as raised:
        cd.create_deployment_config(**custom)
    assert code_of(raised) == "DeploymentConfigAlreadyExistsException"
    deploy.create_group(deploymentConfigName="ours")
    with pytest.raises(ClientError) as raised:
        cd.delete_deployment_config(deploymentConfigName="ours")
    assert code_of(raised) == "DeploymentConfigInUseException"
    cd.delete_deployment_group(applicationName="app", deploymentGroupName="web")
    cd.delete_deployment_config(deploymentConfigName="ours")
    assert "ours" not in cd.list_deployment_configs()["deploymentConfigsList"]


HERE = "arn:aws:codedeploy:us-west-2:123456789012:deploymentgroup:"


@pytest.mark.parametrize(
    ("service", "conditions", "is_taken"),
    [
        ("codedeploy", {"ArnLike": {"aws:SourceArn": f"{HERE}app/*"}}, True),
        ("codedeploy", {"StringEquals": {"aws:SourceAccount": "123456789012"}}, True),
        ("codedeploy", {"ArnLike": {"aws:SourceArn": f"{HERE}other/*"}}, False),
        ("codedeploy", {"StringEquals": {"aws:SourceAccount": "210987654321"}}, False),
        ("ec2", {}, False),
    ],
)
def test_a_role_is_taken_that_codedeploy_can_assume_for_the_group(deploy, service, conditions, is_taken):
    """https://docs.aws.amazon.com/codedeploy/latest/userguide/security_confused_deputy.html."""
    deploy.role = deploy.aws.client("iam").create_role(
        RoleName="another", AssumeRolePolicyDocument=trust(service, **conditions)
    )["Role"]["Arn"]
    if is_taken:
        assert deploy.create_group()["serviceRoleArn"] == deploy.role
    else:
        with pytest.raises(ClientError) as raised:
            deploy.create_group()
        assert code_of(raised) == "InvalidRoleException"


def test_errors_have_the_codes_of_aws(deploy):
    """For names that are taken, unknown or invalid."""
    deploy.create_group()
    cd, group = deploy.cd, {"applicationName": "app", "deploymentGroupName": "other"}
    revision = {"revisionType": "S3", "s3Location": {"bucket": "b", "key": "k", "bundleType": "zip"}}
    calls = {
        "ApplicationAlreadyExistsException": lambda: cd.create_application(applicationName="app"),
        "ApplicationDoesNotExistException": lambda: cd.get_application(applicationName="no"),
        "DeploymentGroupAlreadyExistsException": deploy.create_group,
        "DeploymentGroupDoesNotExistException": lambda: cd.get_deployment_group(**group),
        "InvalidRoleException": lambda: cd.create_deployment_group(
            **group, serviceRoleArn="arn:aws:iam::123456789012:role/no"
        ),
        "InvalidAutoScalingGroupException": lambda: cd.create_deployment_group(
            **group, serviceRoleArn=deploy.role, autoScalingGroups=["no"]
        ),
        "DeploymentConfigDoesNotExistException": lambda: deploy.deploy(deploymentConfigName="no"),
        "DeploymentDoesNotExistException": lambda: cd.get_deployment(deploymentId="d-NOTHING00"),
        "RevisionDoesNotExistException": lambda: cd.get_application_revision(applicationName="app", revision=revision),
    }
    for code, call in calls.items():
        with pytest.raises(ClientError) as raised:
            call()
        assert code_of(raised) == code
