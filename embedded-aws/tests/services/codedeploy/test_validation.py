"""Validation of requests, which precedes the lookup of resources."""

import pytest

from services.deploy import Deploy
from services.errors import raises

APP = {"applicationName": "app"}
GROUP = APP | {"deploymentGroupName": "web"}
ZIP = {"bucket": "bundles", "key": "v1.zip", "bundleType": "zip"}
GITHUB = {"repository": "example/web", "commitId": "0" * 40}
TRAFFIC = {"deploymentOption": "WITH_TRAFFIC_CONTROL", "deploymentType": "IN_PLACE"}


@pytest.fixture(scope="module")
def deploy(aws_server):
    """The group `web` with an ended deployment, shared by all tests, because rejected calls change nothing."""
    aws_server.reset()
    deploy = Deploy(aws_server)
    deploy.create_group()
    deploy.create_group(deploymentGroupName="other", autoScalingGroups=[])
    deploy.cd.create_application(applicationName="shop")
    deploy.done = deploy.deploy()
    deploy.ended(deploy.done)
    return deploy


def s3(**changed):
    return {"revisionType": "S3", "s3Location": {key: value for key, value in (ZIP | changed).items() if value}}


def github(**changed):
    location = {key: value for key, value in (GITHUB | changed).items() if value}
    return {"revisionType": "GitHub", "gitHubLocation": location}


def hosts(kind, value):
    return {"deploymentConfigName": "ours", "minimumHealthyHosts": {"type": kind, "value": value}}


INVALID = [
    ("create_application", {"applicationName": "my app"}, "InvalidApplicationNameException"),
    ("create_application", {"applicationName": "a" * 101}, "InvalidApplicationNameException"),
    ("create_application", {"applicationName": "new", "computePlatform": "Moon"}, "InvalidComputePlatformException"),
    ("update_application", APP | {"newApplicationName": "a/b"}, "InvalidApplicationNameException"),
    ("update_application", APP | {"newApplicationName": "shop"}, "ApplicationAlreadyExistsException"),
    ("get_application", {"applicationName": "no"}, "ApplicationDoesNotExistException"),
    ("create_deployment_group", APP | {"deploymentGroupName": "a b"}, "InvalidDeploymentGroupNameException"),
    ("create_deployment_group", GROUP | {"deploymentConfigName": "a b"}, "InvalidDeploymentConfigNameException"),
    ("create_deployment_group", {"deploymentStyle": TRAFFIC}, "InvalidLoadBalancerInfoException"),
    (
        "create_deployment_group",
        {"deploymentStyle": TRAFFIC, "loadBalancerInfo": {"targetGroupInfoList": []}},
        "InvalidLoadBalancerInfoException",
    ),
    ("create_deployment_group", {"deploymentStyle": {"deploymentType": "IN"}}, "InvalidDeploymentStyleException"),
    (
        "create_deployment_group",
        {"ec2TagFilters": [{"Key": "a"}], "ec2TagSet": {"ec2TagSetList": [[{"Key": "a"}]]}},
        "InvalidEC2TagCombinationException",
    ),
    ("create_deployment_group", {"autoRollbackConfiguration": {"enabled": True}}, "InvalidAutoRollbackConfigException"),
    (
        "create_deployment_group",
        {"autoRollbackConfiguration": {"enabled": True, "events": ["RAIN"]}},
        "InvalidAutoRollbackConfigException",
    ),
    ("create_deployment_group", {"alarmConfiguration": {"enabled": True}}, "InvalidAlarmConfigException"),
    (
        "create_deployment_group",
        {"alarmConfiguration": {"enabled": True, "alarms": [{"name": "a"}, {"name": "a"}]}},
        "InvalidAlarmConfigException",
    ),
    (
        "create_deployment_group",
        {"alarmConfiguration": {"enabled": True, "alarms": [{"name": "a" * 256}]}},
        "InvalidAlarmConfigException",
    ),
    (
        "create_deployment_group",
        {"alarmConfiguration": {"enabled": True, "alarms": [{"name": str(number)} for number in range(11)]}},
        "AlarmsLimitExceededException",
    ),
    (
        "update_deployment_group",
        APP | {"currentDeploymentGroupName": "web", "newDeploymentGroupName": "other"},
        "DeploymentGroupAlreadyExistsException",
    ),
    (
        "update_deployment_group",
        APP | {"currentDeploymentGroupName": "web", "deploymentStyle": TRAFFIC},
        "InvalidLoadBalancerInfoException",
    ),
    ("create_deployment", {"revision": s3(bundleType="rar")}, "InvalidRevisionException"),
    ("create_deployment", {"revision": s3(bundleType=None)}, "InvalidRevisionException"),
    ("create_deployment", {"revision": s3(key=None)}, "InvalidRevisionException"),
    ("create_deployment", {"revision": s3() | {"revisionType": "GitHub"}}, "InvalidRevisionException"),
    ("create_deployment", {"revision": s3() | {"revisionType": "FTP"}}, "InvalidRevisionException"),
    ("create_deployment", {"revision": github(commitId=None)}, "InvalidRevisionException"),
    ("create_deployment", {"revision": {"s3Location": ZIP, "gitHubLocation": GITHUB}}, "InvalidRevisionException"),
    (
        "create_deployment",
        {"revision": {"revisionType": "String", "string": {"content": "{}"}}},
        "InvalidRevisionException",
    ),
    ("create_deployment", {"fileExistsBehavior": "NO"}, "InvalidFileExistsBehaviorException"),
    ("create_deployment", {"overrideAlarmConfiguration": {"enabled": True}}, "InvalidAlarmConfigException"),
    ("create_deployment", {"deploymentGroupName": None}, "DeploymentGroupNameRequiredException"),
    ("create_deployment", {"revision": None}, "RevisionRequiredException"),
    ("create_deployment", {"deploymentConfigName": "no"}, "DeploymentConfigDoesNotExistException"),
    ("register_application_revision", APP | {"revision": s3(bundleType="rar")}, "InvalidRevisionException"),
    ("get_application_revision", APP | {"revision": github()}, "RevisionDoesNotExistException"),
    ("create_deployment_config", hosts("FLEET_PERCENT", 150), "InvalidMinimumHealthyHostValueException"),
    ("create_deployment_config", hosts("HOST_COUNT", -1), "InvalidMinimumHealthyHostValueException"),
    ("create_deployment_config", hosts("MOST", 1), "InvalidMinimumHealthyHostValueException"),
    ("create_deployment_config", {"deploymentConfigName": "a b"}, "InvalidDeploymentConfigNameException"),
    (
        "create_deployment_config",
        {"deploymentConfigName": "CodeDeployDefault.x"},
        "InvalidDeploymentConfigNameException",
    ),
    ("get_deployment_config", {"deploymentConfigName": "no"}, "DeploymentConfigDoesNotExistException"),
    ("delete_deployment_config", {"deploymentConfigName": "CodeDeployDefault.AllAtOnce"}, "InvalidOperationException"),
    ("get_deployment", {"deploymentId": "garbage"}, "InvalidDeploymentIdException"),
    ("batch_get_deployments", {"deploymentIds": ["garbage"]}, "InvalidDeploymentIdException"),
    ("get_deployment", {"deploymentId": "d-NOTHING00"}, "DeploymentDoesNotExistException"),
    ("get_deployment_target", {"targetId": "i-0"}, "DeploymentTargetDoesNotExistException"),
    ("get_deployment_instance", {"instanceId": "i-0"}, "InstanceDoesNotExistException"),
    ("list_applications", {"nextToken": "garbage"}, "InvalidNextTokenException"),
    ("list_tags_for_resource", {"ResourceArn": "garbage"}, "InvalidArnException"),
]


@pytest.mark.parametrize(("operation", "changes", "code"), INVALID)
def test_an_invalid_request_is_rejected_with_its_code(deploy, operation, changes, code):
    """Each field has its own code."""
    valid = {
        "create_deployment_group": APP | {"deploymentGroupName": "new", "serviceRoleArn": deploy.role},
        "create_deployment": GROUP | {"revision": s3()},
        "get_deployment_target": {"deploymentId": deploy.done},
        "get_deployment_instance": {"deploymentId": deploy.done},
    }
    params = valid.get(operation, {}) | changes
    with raises(code):
        getattr(deploy.cd, operation)(**{field: value for field, value in params.items() if value is not None})


def test_a_group_has_one_active_deployment(deploy):
    """An invalid field is reported first."""
    deploy.aws.control("pace", 10)
    try:
        deploy.deploy()
        with raises("DeploymentLimitExceededException", "already has an active Deployment"):
            deploy.deploy()
        with raises("InvalidRevisionException"):
            deploy.deploy(location={"bundleType": "rar"})
    finally:
        deploy.aws.control("pace", 0)
