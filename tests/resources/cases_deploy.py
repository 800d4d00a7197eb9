"""What the contract is tested with, kind by kind: as first wanted, and as wanted later."""

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

from runbook_lib.resources.application import Application
from runbook_lib.resources.configuration_parameter import ConfigurationParameter
from runbook_lib.resources.deployment_group import DeploymentGroup
from runbook_lib.resources.event_rule import EventRule
from runbook_lib.resources.federated_role import FederatedRole
from runbook_lib.resources.lambda_function import LambdaFunction
from runbook_lib.resources.log_group import LogGroup
from runbook_lib.resources.master_secret_access import MasterSecretAccess
from runbook_lib.resources.master_user_secret import MasterUserSecret
from runbook_lib.resources.open_id_connect_provider import OpenIdConnectProvider
from runbook_lib.resources.release import Release
from runbook_lib.resources.role import Role
from runbook_lib.resources.role_policy import RolePolicy
from runbook_lib.resources.secret import RandomSecret
from runbook_lib.resources.stored_bundle import StoredBundle
from tests.resources.cases_compute import balancer, bucket, role, servers, targets
from tests.resources.cases_data import cache, database
from tests.support.changeable import SECRET_OF_RDS, Changed

codedeploy = Role(
    name="codedeploy",
    service="codedeploy.amazonaws.com",
    policies=("arn:aws:iam::aws:policy/service-role/AWSCodeDeployRole",),
    inline_policies=("codedeploy-pass",),
)
permission = RolePolicy(name="codedeploy-pass", role=codedeploy, actions=("iam:PassRole",), on=(("{}", role),))
application = Application(name="web")
group = DeploymentGroup(
    name="web",
    application=application,
    role=codedeploy,
    permissions=(permission,),
    servers=servers(),
    target_group=targets(),
    configuration="CodeDeployDefault.OneAtATime",
)
master = MasterUserSecret(name="database", database=database)
configuration = ConfigurationParameter(
    name="web/config",
    database=database,
    master_secret=master,
    app_secret=RandomSecret(name="web/database", random="password"),
    session_secret=RandomSecret(name="web/session", random="key"),
    bucket=bucket,
    balancer=balancer(),
    user="webapp",
)
access = MasterSecretAccess(
    name="web-master-secret", role=role, actions=("secretsmanager:GetSecretValue",), on=(("{}", master),),
    configuration=configuration,
)  # fmt: skip
provider = OpenIdConnectProvider(
    name="github", issuer="token.actions.githubusercontent.com", audience="sts.amazonaws.com"
)
workflow = FederatedRole(name="github-deploy", provider=provider, subjects=("repo:example/web:environment:test",))

caller = Role(name="rollback", service="lambda.amazonaws.com", inline_policies=("rollback-logs",))
log = LogGroup(name="rollback", path="/aws/lambda/test-rollback", days=30)
writes = RolePolicy(name="rollback-logs", role=caller, actions=("logs:PutLogEvents",), on=(("{}:*", log),))
function = LambdaFunction(
    name="rollback", role=caller, permissions=(writes,), logs=log, source=Path(__file__), variables=(("A", "1"),)
)
rule = EventRule(
    name="rollback", function=function, source="aws.codedeploy", detail_type="Any", detail=(("a", ("b",)),)
)


_folder = tempfile.TemporaryDirectory(prefix="bundles-")  # goes with this process


def bundle(content):
    """A stored bundle of these bytes; a real one is packed by `runbook_lib.stacks.application.bundle`."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = Path(_folder.name) / f"{sha256}.zip"
    path.write_bytes(content)
    return StoredBundle(name="web", bucket=bucket, sha256=sha256, path=path)


def release(content, **changed):
    given = {"group": group, "servers": servers(), "configuration": configuration, "bundle": bundle(content)}
    return Release(**{"name": "web"} | given | changed)


CASES = {
    "application": (application, None),
    "deployment group": (group, replace(group, configuration="CodeDeployDefault.AllAtOnce", alarms=("site-errors",))),
    "master user secret": (master, None),
    "configuration parameter": (
        replace(configuration, cache=cache),
        replace(configuration, domain="www.example.com"),
    ),
    "master secret access": (access, None),
    "stored bundle": (bundle(b"one"), None),
    "open id connect provider": (provider, replace(provider, audience="sts.example.com")),
    "lambda function": (
        function,
        replace(function, source=Path(__file__).with_name("cases_data.py"), variables=(("B", "2"),)),
    ),
    "event rule": (rule, replace(rule, detail=(("a", ("b", "c")),))),
    "federated role": (
        workflow,
        replace(workflow, subjects=("repo:example/web:environment:test", "repo:example/web:environment:test-2")),
    ),
    "release": (release(b"one"), release(b"two")),
    "release from github": (
        release(b"one"),
        release(b"one", bundle=None, commit="example/web@0123456789abcdef0123456789abcdef01234567"),
    ),
}

# What a person can change of each, and what of that is compared: tests/support/changeable.py.
BY_HAND = {
    Application: Changed(
        "codedeploy", "applicationName", {},
        {"its name: under another one it is missing": "UpdateApplication",
         "another resource of ours compares it": "UpdateDeploymentGroup"}, also="UpdateApplication",
    ),
    ConfigurationParameter: Changed(
        "ssm", "Name", {"database": "Value"},
        {"another kind of thing": "ModifyDocumentPermission UpdateAssociationStatus UpdateDocument"
         " UpdateDocumentDefaultVersion UpdateDocumentMetadata",
         "changes nothing that the application reads": "Description Type KeyId AllowedPattern Tier Policies DataType"},
    ),
    DeploymentGroup: Changed(
        "codedeploy", "applicationName currentDeploymentGroupName",
        {"configuration": "deploymentConfigName", "servers": "autoScalingGroups", "role": "serviceRoleArn",
         "rollback": "alarmConfiguration autoRollbackConfiguration", "outdated": "outdatedInstancesStrategy",
         "traffic": "deploymentStyle", "target_group": "loadBalancerInfo", "launch_hook": "terminationHookEnabled"},
        {"its name: under another one it is missing": "newDeploymentGroupName",
         "of servers elsewhere, of ECS, and of other types of deployment": "ec2TagFilters onPremisesTagSet"
         " onPremisesInstanceTagFilters blueGreenDeploymentConfiguration ec2TagSet ecsServices ec2DeploymentOptions",
         "who is told": "triggerConfigurations"},
    ),
    EventRule: Changed(
        "events", "Rule", {"targets": "Targets", "pattern": "EventPattern", "status": "State"},
        {"ours has a pattern and the default bus": "ScheduleExpression EventBusName",
         "its name, and a text": "Name Description",
         "of targets in other accounts": "RoleArn"}, also="PutRule",
    ),
    FederatedRole: Changed(
        "iam", "RoleName", {"trust": "UpdateAssumeRolePolicy", "policies": "PutRolePolicy"},
        {"compared where the parameters have one: taking away somebody's would give the role more":
         "PutRolePermissionsBoundary",
         "says for whom it is, and how long a session may last; it gives nothing": "Description MaxSessionDuration"},
    ),
    LambdaFunction: Changed(
        "lambda", "FunctionName",
        {"code": "ZipFile S3Bucket S3Key S3ObjectVersion S3ObjectStorageMode ImageUri Architectures",
         "role": "Role", "timeout": "Timeout", "memory": "MemorySize", "variables": "Environment",
         "runtime": "Runtime"},
        {"follows the code": "Handler SourceKMSKeyArn", "a text": "Description",
         "an alias or a version, which nothing here calls": "UpdateAlias PutProvisionedConcurrencyConfig"
         " PutFunctionScalingConfig",
         "it needs a network, files or layers that there are none of": "VpcConfig Layers FileSystemConfigs ImageConfig"
         " EphemeralStorage SnapStart CapacityProviderConfig DurableConfig RuntimeConfig AcceleratorConfig",
         "where failures are told, and how it is traced": "DeadLetterConfig KMSKeyArn TracingConfig LoggingConfig"
         " PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig",
         "a call more for each; its alarm tells that it does not run": "PutFunctionCodeSigningConfig"
         " PutFunctionConcurrency PutFunctionRecursionConfig PutRuntimeManagementConfig UpdateFunctionUrlConfig"},
    ),
    MasterSecretAccess: Changed(
        "iam", "PolicyName", {"allows": "PolicyDocument", "role": "RoleName"},
        {"a policy of a user or a group, which this is not": "PutGroupPolicy PutUserPolicy"},
    ),
    MasterUserSecret: SECRET_OF_RDS,
    OpenIdConnectProvider: Changed(
        "iam", "OpenIDConnectProviderArn", {},
        {"AWS does not use it for GitHub": "ThumbprintList"},
    ),
    Release: Changed(),
    StoredBundle: Changed(),
}  # fmt: skip
