"""What a workflow's role allows is what a deployment asks for: no more, no less.

The environment is built by somebody with more rights; then `04_deploy` deploys another revision, and one that
fails. Every call of that is held against the role's policies as they are in the account: where the evidence stays with
the workflow, and where it is signed by a key in KMS and stored in the bucket, under a lock.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import pytest

from embedded_aws.testing import eventually
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.orphans import find_orphans
from runbook_lib.errors import Failed
from runbook_lib.evidence.topology import discover
from runbook_lib.resources.federated_role import FederatedRole
from runbook_lib.runs import finish as closing
from runbook_lib.runs.orphans import KnownOrphans
from runbook_lib.runs.start import environment_lock
from runbook_lib.stacks.application.bundle import Bundle
from runbook_lib.stacks.checks.claims import claims
from runbook_lib.stacks.checks.controls import controls
from runbook_lib.stacks.deploy import deploy
from tests.support.asked_permissions import ACCOUNT, FREE, GROUP, HERE, REGION, Asked, asked_by, statements_of
from tests.support.call_recorder import Wire
from tests.support.stack_runs import (
    PARAMS,
    Runs,
    environment,
    lose_a_server,
    replace_the_server,
    roles_one_by_one,
    with_sessions,
)

BUCKET = f"arn:aws:s3:::local-runbook-{ACCOUNT}-{REGION}"


class Deployments:
    """`04_deploy` in apply mode, again and again, with what each asks AWS for."""

    def __init__(self, aws, folder):
        self.aws, self.runs, self.folder = aws, Runs(aws, folder, Wire()), folder
        self.content, self.params, self.asked = 0, PARAMS, set()

    def want(self, evidence):
        """Somebody with more rights builds it so; what was noted before is another environment's."""
        more = {"github": {"repository": "example/web", "environments": ["local"]}, "evidence": evidence}
        self.params = type(PARAMS).model_validate(with_sessions().model_dump(mode="json") | more)
        self.runs.build(*environment(self.params, self.folder))
        self.asked = set()

    def apply(self):
        """What the notebook's cells do, one after the other, and the command when they have ended."""
        engine = self._engine(ensure_lock=lambda **how: lock.acquire(**how))
        engine.aws.require_account(ACCOUNT)
        lock = environment_lock(self.params, engine.aws, "a workflow", lambda *a, **k: None)
        app = deploy(self.params, self._bundle())
        try:
            engine.plan(app)
            engine.apply(app)
            seen = engine.survey(app, refresh=True)
            engine.wait_until_ready(app, seen)
            for check in (*claims(app, self.params), *controls(app, self.params)):
                check.probe(Snapshot(engine.aws), seen)
            find_orphans(Snapshot(engine.aws), {r.key for r in app})
            with roles_one_by_one():
                engine.survey(app, refresh=True)
                find_orphans(Snapshot(engine.aws), {r.key for r in app})
            known = KnownOrphans(self.params, engine.aws, BUCKET.rpartition(":")[2])
            known.add_parameters()
            known.forget()
            assert discover(Snapshot(engine.aws), datetime.now(UTC)).denied == ()
        finally:
            lock.release()
            self._close(engine.aws)

    def replace_a_server(self):
        """Auto Scaling launches it, and a deployment of its own brings it the revision; then somebody plans."""
        scaling, name = self.aws.client("autoscaling"), f"{PARAMS.env}-web"

        def serving():
            (group,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
            return {i["InstanceId"] for i in group["Instances"] if i["LifecycleState"] == "InService"}

        before = serving()
        scaling.terminate_instance_in_auto_scaling_group(InstanceId=min(before), ShouldDecrementDesiredCapacity=False)
        eventually(lambda: len(serving()) == len(before) and serving() != before, within=30)
        self.content -= 1
        assert "release.web" not in {c.key for c in self._engine().plan(deploy(self.params, self._bundle())).todo}

    def _engine(self, **more):
        engine = self.runs.engine(**more)
        engine.aws._service_clients = {}  # clients of its own: the recording begins here
        engine.aws._session.events.register("provide-client-params", self._note)
        return engine

    def _close(self, aws):
        """The run's evidence is signed and stored; twice, as when the answer to the first try is lost."""
        packed = self.folder / f"run-{self.content}.zip"
        packed.write_bytes(b"PK")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(closing, "aws_client", lambda *_: aws)
            closing.signer_of_run(self.params, self.folder, aws.run).sign(b"what the run came to")
            for _ in range(2 if self.params.evidence.store == "bucket" else 0):
                closing.upload(self.params, self.folder, aws.run, packed)

    def take_away(self, write, carry):
        """The newest bundle, before the servers fetch it."""
        if write.name.endswith("CreateDeployment"):
            s3, bucket = self.aws.client("s3"), BUCKET.rpartition(":")[2]
            bundles = s3.list_objects_v2(Bucket=bucket, Prefix="bundles/")["Contents"]
            s3.delete_object(Bucket=bucket, Key=max(bundles, key=lambda one: one["LastModified"])["Key"])
        return carry()

    def _note(self, params, model, **_):
        self.asked |= asked_by(model.service_model.service_name, model.name, dict(params))
        if model.name == "DescribeScalingActivities":  # the library has noticed it
            replace_the_server(self.aws)

    def _bundle(self):
        """Each time another one."""
        self.content += 1
        path = self.folder / "bundle.zip"
        path.write_bytes(b"PK\5\6" + bytes(17) + bytes([self.content]))
        return Bundle(path, hashlib.sha256(path.read_bytes()).hexdigest(), 22, "1" * 64)


@pytest.fixture(scope="module")
def world(aws_server, tmp_path_factory):
    """The one environment, in which the one kind of evidence follows the other."""
    aws_server.reset()
    return Deployments(aws_server, tmp_path_factory.mktemp("deployments"))


@pytest.fixture(scope="module")
def key(world):
    """That signs, and is none of the environment's own."""
    return world.aws.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module", params=["local", pytest.param("bucket", marks=pytest.mark.exhaustive)])
def deployments(request, world, key):
    """A revision deployed while a server is replaced, and one whose bundle is gone before the servers fetch it."""
    kept = {"store": "bucket", "kms_key": key, "object_lock": {"mode": "GOVERNANCE", "days": 1}}
    world.runs.wire.fault = Wire().fault
    world.want(kept if request.param == "bucket" else {"store": "local"})
    lose_a_server(world.aws)
    world.apply()
    world.replace_a_server()
    world.runs.wire.fault = world.take_away
    with pytest.raises(Failed):
        world.apply()
    return world


@pytest.fixture(scope="module")
def statements(deployments, aws_server):
    """What the role has got, all of it."""
    iam = aws_server.client("iam")
    name = deployments.runs.engine().aws.name(deploy(deployments.params).github.the(FederatedRole))
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    found = []
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        found += statements_of(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"], policy)
    return found


def test_a_deployment_is_refused_nothing(deployments, statements):
    refused = {each for each in deployments.asked if not any(s.allows(each) for s in statements)}
    assert {each.action for each in refused} == {FREE}


ATTACHED = {"iam:GetPolicy", "iam:GetPolicyVersion"}
"""A control reads the policies that are attached to roles; here none is."""


def test_nothing_is_allowed_that_a_deployment_does_not_ask_for(deployments, statements):
    """Each action, in each of the places that name it; a policy of ours names no action twice."""
    idle = {
        (statement.name, action)
        for statement in statements
        for action in statement.actions
        if not any(statement.allows(each) for each in deployments.asked if each.action == action)
        and action not in ATTACHED
    }
    assert idle == set()


def test_no_place_is_named_that_a_deployment_does_not_touch(deployments, statements):
    """But what has no path: roles and profiles that do not exist, and strays; there are none here."""
    idle = {
        pattern
        for statement in statements
        for pattern in statement.on
        if not set(statement.actions) <= ATTACHED
        and not any(fnmatchcase(a.arn, pattern) for a in deployments.asked if a.action in statement.actions)
    }
    names = ("instance-profile/local-*", "role/AWSServiceRoleForElastiCache", "role/AWSServiceRoleForRDS")
    assert idle == {f"arn:aws:iam::{ACCOUNT}:{name}" for name in (*names, "role/local-*")}


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("s3:DeleteObject", f"{BUCKET}/evidence/x.zip"),
        ("s3:DeleteObjectVersion", f"{BUCKET}/evidence/x.zip"),
        ("s3:BypassGovernanceRetention", f"{BUCKET}/evidence/x.zip"),
        ("s3:PutObjectRetention", f"{BUCKET}/bundles/x.zip"),
        ("s3:PutObject", f"arn:aws:s3:::prod-runbook-{ACCOUNT}-{REGION}/evidence/x.zip"),
        ("s3:GetObject", f"{BUCKET}/bundles/x.zip"),
        ("s3:DeleteObject", f"{BUCKET}/bundles/x.zip"),
        ("s3:PutObject", f"arn:aws:s3:::prod-runbook-{ACCOUNT}-{REGION}/bundles/x.zip"),
        ("s3:PutBucketPolicy", BUCKET),
        ("kms:Sign", f"arn:aws:kms:{HERE}:key/00000000-0000-0000-0000-000000000000"),
        ("codedeploy:CreateDeployment", f"arn:aws:codedeploy:{HERE}:deploymentgroup:prod-web/prod-web"),
        ("codedeploy:CreateDeployment", f"arn:aws:codedeploy:eu-west-1:{ACCOUNT}:deploymentgroup:local-web/local-web"),
        ("codedeploy:UpdateDeploymentGroup", GROUP),
        ("elasticache:ModifyReplicationGroup", f"arn:aws:elasticache:{HERE}:replicationgroup:local-sessions"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/runbook/local/local-github-deploy"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/runbook/local/local-codedeploy"),
        ("iam:GetRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/runbook/prod/prod-web"),
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{HERE}:secret:local/web/database-abcdef"),
        ("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/local/web/config"),
        ("ssm:PutParameter", f"arn:aws:ssm:{HERE}:parameter/local/web/config"),
        ("ec2:RunInstances", "*"),
    ],
)
def test_what_lies_beside_it_is_refused(statements, action, arn):
    assert not any(statement.allows(Asked(action, arn)) for statement in statements)


def test_evidence_is_stored_and_signed_only_where_the_parameters_ask_for_it(deployments, statements, key):
    asked_for = deployments.params.evidence.store == "bucket"
    for action, arn in (
        ("s3:PutObject", f"{BUCKET}/evidence/x.zip"),
        ("s3:GetObject", f"{BUCKET}/evidence/x.zip"),
        ("s3:PutObjectRetention", f"{BUCKET}/evidence/x.zip"),
        ("kms:Sign", key),
    ):
        assert any(statement.allows(Asked(action, arn)) for statement in statements) is asked_for


def test_another_region_is_not_even_looked_at(statements):
    """What has no place of its own is bound to the region, but for IAM and the list of buckets."""
    seen = {s.name for s in statements if "*" in s.on and any(s.allows(Asked(a, "*"), "eu-west-1") for a in s.actions)}
    assert seen == {"local-github-look-global"}
