"""Each call of a whole life of an environment is allowed by the policy that the command prints, on its resource.

One environment with every addition is applied, looked at, loses a server, deploys a revision that fails,
and is destroyed.  Every call is held against the policy of the verb that made it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from runbook_lib.aws.permissions import policy
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.orphans import find_orphans, require_nothing_in_the_way
from runbook_lib.engine.preflight.check import preflight
from runbook_lib.errors import Failed
from runbook_lib.evidence.topology import discover
from runbook_lib.params import Params
from runbook_lib.runs import finish
from runbook_lib.runs.start import environment_lock
from runbook_lib.stacks.application.bundle import Bundle
from runbook_lib.stacks.checks.claims import claims
from runbook_lib.stacks.checks.controls import controls
from runbook_lib.stacks.deploy import deploy
from runbook_lib.stacks.permissions import statements_for
from runbook_lib.stacks.run_permissions import change_permissions
from tests.support.asked_permissions import FREE, asked_by, statements_of
from tests.support.call_recorder import Wire
from tests.support.stack_runs import (
    PARAMS,
    THIRD,
    Runs,
    environment,
    lose_a_server,
    replace_the_server,
    roles_one_by_one,
    with_sessions,
)

DAY = {"name": "day", "recurrence": "0 7 * * *", "minimum": 3, "maximum": 8}
# What AWS asks along with a call, beyond what the request tells.
ALONG = {
    "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
    "iam:CreateServiceLinkedRole", "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey",
    "logs:CreateLogDelivery", "logs:DeleteLogDelivery",
}  # fmt: skip
# What is only needed where the parameters changed, or where somebody changed a setting by hand.
# What controls read of policies that are attached to roles and of snapshots, where there are any.
UNMET = {"iam:GetPolicy", "iam:GetPolicyVersion", "rds:DescribeDBSnapshotAttributes"}
CHANGED = {
    # The first once a server was replaced: tests/stacks/test_github_policy.py
    "plan": {
        "codedeploy:ListDeployments", "elasticache:ListAllowedNodeTypeModifications",
        "servicequotas:GetAWSDefaultServiceQuota",  # where no quota was ever applied to the account
    },
    "apply": {
        "servicequotas:GetAWSDefaultServiceQuota",
        "codedeploy:ListDeployments", "autoscaling:DeleteLifecycleHook", "autoscaling:StartInstanceRefresh",
        "codedeploy:StopDeployment", "iam:DeleteRolePolicy", "elasticache:ListAllowedNodeTypeModifications",
        "autoscaling:AttachLoadBalancerTargetGroups", "autoscaling:DetachLoadBalancerTargetGroups",
        "autoscaling:UpdateAutoScalingGroup", "codedeploy:UpdateDeploymentGroup", "ec2:AuthorizeSecurityGroupEgress",
        "ec2:CreateLaunchTemplateVersion", "ec2:DetachInternetGateway", "ec2:ModifyInstanceAttribute",
        "ec2:ModifyInstanceMetadataOptions", "ec2:ModifyLaunchTemplate", "ec2:ModifySecurityGroupRules",
        "ec2:ModifySubnetAttribute", "ec2:ReplaceRoute", "ec2:ReplaceRouteTableAssociation",
        "ec2:RevokeSecurityGroupIngress", "ec2:StartInstances", "elasticache:DecreaseReplicaCount",
        "elasticache:IncreaseReplicaCount", "elasticache:ModifyCacheSubnetGroup", "elasticache:ModifyReplicationGroup",
        "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:SetSecurityGroups", "elasticloadbalancing:SetSubnets",
        "iam:AddClientIDToOpenIDConnectProvider", "iam:DetachRolePolicy", "iam:RemoveClientIDFromOpenIDConnectProvider",
        "iam:RemoveRoleFromInstanceProfile", "iam:UpdateAssumeRolePolicy", "rds:ModifyDBInstance",
        "rds:ModifyDBSubnetGroup", "rds:ResetDBParameterGroup", "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "secretsmanager:RestoreSecret",
        # What somebody added or changed by hand is taken back: tests/engine/test_changes_by_hand.py
        "autoscaling:ResumeProcesses", "ec2:DeleteRoute", "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DeleteRule", "secretsmanager:ListSecretVersionIds",
        "secretsmanager:UpdateSecretVersionStage",
    },
    "destroy": {
        "autoscaling:DeleteLifecycleHook", "codedeploy:ListDeployments",
        "autoscaling:SetDesiredCapacity",  # where scaling has added servers
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "s3:GetObjectRetention", "s3:GetObjectVersion",  # of locked evidence, where the bucket is not kept
    },
}  # fmt: skip


class Life:
    """An operator's verbs on the one environment, with what each asks AWS for."""

    def __init__(self, aws, folder):
        self.aws, self.folder, self.runs = aws, folder, Runs(aws, folder, Wire())
        self.verb, self.asked = "", {"plan": set(), "apply": set(), "destroy": set()}
        self.params = self._parameters()
        self.stacks = environment(self.params, folder)

    def _parameters(self):
        zone = self.aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"][
            "Id"
        ]
        key = self.aws.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
        raw = with_sessions().model_dump(mode="json")
        raw["network"] |= {"nat": "per_zone", "zones": {**raw["network"]["zones"], **THIRD}}
        raw["data"] |= {"multi_az": True}
        raw["compute"]["certificate"] = {"domain": "www.example.com", "hosted_zone": "Z1"}
        raw["compute"] |= {"scaling": {"metric": "requests_per_target", "target": 100}, "schedules": [DAY]}
        raw |= {"alarms": {"topic": self.aws.client("sns").create_topic(Name="alerts")["TopicArn"]}, "dashboard": True}
        raw["github"] = {"repository": "example/web", "environments": ["local"]}
        raw["evidence"] = {"store": "bucket", "kms_key": key, "object_lock": {"mode": "GOVERNANCE", "days": 1}}
        params = Params.model_validate(raw)
        certificate = params.compute.certificate.model_copy(update={"hosted_zone": zone.rpartition("/")[2]})
        compute = params.compute.model_copy(update={"certificate": certificate})
        return params.model_copy(update={"compute": compute})

    def engine(self):
        """A run's engine, that notes what is asked, and holds the lock while it changes something."""
        engine = self.runs.engine(ensure_lock=lambda **how: lock.acquire(**how))
        engine.aws._service_clients = {}
        engine.aws._session.events.register("provide-client-params", self._note)
        lock = environment_lock(self.params, engine.aws, "an operator", lambda *a, **k: None)
        return engine, lock

    def look(self):
        """A plan and a verify of everything, and what the runs show at their end."""
        self.verb = "plan"
        engine, _ = self.engine()
        engine.aws.require_account(self.params.account)
        for stack in self.stacks:
            seen = engine.survey(stack, refresh=True)
            self._preflight(engine, engine.plan(stack), seen)
            for check in (*claims(stack, self.params), *controls(stack, self.params)):
                check.probe(engine.snapshot, seen)
        find_orphans(Snapshot(engine.aws), set())
        with roles_one_by_one():
            engine.survey([resource for stack in self.stacks for resource in stack], refresh=True)
            find_orphans(Snapshot(engine.aws), set())
        discover(Snapshot(engine.aws), datetime.now(UTC))
        self._close(engine.aws, "plan")

    def _preflight(self, engine, plan, seen):
        """As a user, and as a role that is looked up first."""
        for who in ("iam::{}:user/ann", "sts::{}:assumed-role/operator/ann"):
            caller = f"arn:aws:{who.format(PARAMS.account)}"
            needed = change_permissions(self.params, [change.resource for change in plan.todo], [])
            preflight(engine.snapshot, plan.todo, seen, caller=caller, permissions=needed)

    def apply(self, *stacks):
        """Apply, wait until it is ready, and store the evidence; twice, as when the first answer is lost."""
        self.verb = "apply"
        engine, lock = self.engine()
        try:
            for stack in stacks:
                engine.apply(stack)
                engine.wait_until_ready(stack, engine.survey(stack, refresh=True))
        finally:
            lock.release()
            for _ in range(2):
                self._close(engine.aws, "apply")

    def destroy(self):
        """Somebody with more rights removes the locked evidence: it would keep the bucket."""
        self.verb = "destroy"
        engine, lock = self.engine()
        for _ in range(2):
            self._close(engine.aws, "destroy")
        s3, bucket = self.aws.client("s3"), f"local-runbook-{PARAMS.account}-{PARAMS.region}"
        for one in s3.list_object_versions(Bucket=bucket, Prefix="evidence/")["Versions"]:
            s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"], BypassGovernanceRetention=True)
        seen = engine.survey([resource for stack in self.stacks for resource in stack], refresh=True)
        require_nothing_in_the_way(Snapshot(engine.aws), {resource.key for resource in seen}, seen)
        for stack in reversed(self.stacks):
            engine.destroy(stack)
        lock.release()
        self.verb = ""

    def fail_to_deploy(self):
        """Another revision, whose bundle somebody takes away before the servers fetch it."""
        path = self.folder / "next.zip"
        path.write_bytes(b"PK\5\6" + bytes(17) + b"2")
        bundle = Bundle(path, hashlib.sha256(path.read_bytes()).hexdigest(), 22, "1" * 64)
        self.runs.wire.fault = self._take_away
        with pytest.raises(Failed):
            self.apply(deploy(self.params, bundle))
        self.runs.wire.fault = Wire().fault

    def _take_away(self, write, carry):
        if write.name.endswith("CreateDeployment"):
            s3, bucket = self.aws.client("s3"), f"local-runbook-{PARAMS.account}-{PARAMS.region}"
            bundles = s3.list_objects_v2(Bucket=bucket, Prefix="bundles/")["Contents"]
            s3.delete_object(Bucket=bucket, Key=max(bundles, key=lambda one: one["LastModified"])["Key"])
        return carry()

    def _close(self, aws, mode):
        run = f"20260101T000000Z-{mode}-1a2b"
        packed = self.folder / f"{run}.zip"
        packed.write_bytes(b"PK")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(finish, "aws_client", lambda *_: aws)
            finish.signer_of_run(self.params, self.folder, run).sign(b"what the run came to")
            finish._store(self.params, self.folder, run, packed)

    def _note(self, params, model, **_):
        """But a dry run: who may only look is refused, which is the answer."""
        if self.verb and not params.get("DryRun"):
            self.asked[self.verb] |= asked_by(model.service_model.service_name, model.name, dict(params))


@pytest.fixture(scope="module")
def life(aws_server, tmp_path_factory):
    aws_server.reset()
    life = Life(aws_server, tmp_path_factory.mktemp("life"))
    life.look()
    life.apply(*life.stacks)
    life.look()
    lose_a_server(aws_server)
    life.look()
    replace_the_server(aws_server)
    life.fail_to_deploy()
    life.destroy()
    return life


def _statements(life, *verbs):
    return statements_of(policy(statements_for(life.params, verbs)))


@pytest.mark.parametrize("verb", ["plan", "apply", "destroy"])
def test_each_call_is_allowed_on_its_resource(life, verb):
    statements = _statements(life, verb)
    assert life.asked[verb]
    refused = {each for each in life.asked[verb] if not any(statement.allows(each) for statement in statements)}
    assert {each for each in refused if each.action != FREE} == set()


@pytest.mark.parametrize("verb", ["plan", "apply", "destroy"])
def test_no_action_is_allowed_that_no_call_asks_for(life, verb):
    """But what AWS asks for along with a call, and what only a changed setting makes necessary."""
    planned = _actions(life, "plan")
    looked = {each for asked in life.asked.values() for each in asked if each.action in planned}
    idle = _actions(life, verb) - {each.action for each in looked | life.asked[verb]}
    assert idle - ALONG - CHANGED[verb] - UNMET == set()


def _actions(life, verb):
    return {action for statement in _statements(life, verb) for action in statement.actions}
