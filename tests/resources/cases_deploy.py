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
