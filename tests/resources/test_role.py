"""Who gives one of our roles more than the stack says changes what the plan shows, and apply takes it back."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from pydantic import ValidationError

from runbook_lib.aws.client import Aws
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.observe import observe_all
from runbook_lib.engine.plan import Action
from runbook_lib.errors import RequestRejected
from runbook_lib.resources import role_details
from runbook_lib.resources.role import Role
from runbook_lib.resources.role_policy import RolePolicy
from runbook_lib.stacks.environment import whole
from runbook_lib.stacks.stack import Stack, in_order
from tests.conftest import ACCOUNT
from tests.stacks.test_compute import params
from tests.support.call_recorder import Wire

ROLE = Role(name="web", service="ec2.amazonaws.com", inline_policies=("web-config",))
CONFIG = RolePolicy(name="web-config", role=ROLE, actions=("ssm:GetParameter",), on=("arn:aws:ssm:*:*:parameter/x",))
STACK = Stack("roles", all=[ROLE, CONFIG])
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
DENIED = {
    "service": "iam", "operation": "GetAccountAuthorizationDetails", "kind": "refuse", "code": "AccessDenied",
    "message": "no", "status": 403,
}  # fmt: skip
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture
def iam(engine, aws):
    """The role is there, with its inline policy."""
    engine.apply(STACK)
    assert engine.plan(STACK, refresh=True).todo == ()
    return aws.client("iam")


def attach(iam):
    iam.attach_role_policy(RoleName="test-web", PolicyArn=ADMINISTRATOR)
    return ADMINISTRATOR


def put(iam):
    iam.put_role_policy(RoleName="test-web", PolicyName="by-hand", PolicyDocument=json.dumps(EVERYTHING))
    return "by-hand"


@pytest.mark.parametrize("give", [attach, put])
def test_a_policy_that_somebody_gave_the_role_is_drift_and_taken_back(engine, iam, give):
    more = give(iam)
    (change,) = engine.plan(STACK, refresh=True).todo
    assert (change.key, change.action) == ("role.web", Action.UPDATE)
    assert change.fields["policies"] == ([more], [])
    engine.apply(STACK)
    assert engine.plan(STACK, refresh=True).todo == ()
    assert iam.list_attached_role_policies(RoleName="test-web")["AttachedPolicies"] == []
    assert iam.list_role_policies(RoleName="test-web")["PolicyNames"] == ["test-web-config"]


def test_a_role_with_policies_by_hand_can_be_destroyed(engine, iam):
    """IAM deletes no role that has a policy."""
    attach(iam)
    put(iam)
    engine.destroy(STACK)
    assert engine.plan(STACK, present=False, refresh=True).todo == ()


class TestBoundary:
    """Every role that the runbook makes carries the boundary of the parameters."""

    LIMIT, OTHER = (f"arn:aws:iam::123456789012:policy/{name}" for name in ("limit", "other"))

    @pytest.fixture(autouse=True)
    def policies(self, aws):
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        for name in ("limit", "other"):
            aws.client("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(everything))

    def test_one_that_does_not_exist_is_a_mistake_that_is_not_repeated(self, engine, calls):
        """IAM has the same code for a role that it does not know everywhere yet."""
        with pytest.raises(RequestRejected, match=r"Scope ARN: .*policy/none does not exist"):
            engine.apply(self.stack("arn:aws:iam::123456789012:policy/none"))
        assert [call.operation for call in calls if call.operation == "CreateRole"] == ["CreateRole"]

    def stack(self, boundary):
        return Stack("roles", all=[replace(ROLE, boundary=boundary), CONFIG])

    def boundary_of(self, iam):
        role = iam.get_role(RoleName="test-web")["Role"]
        return role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")

    def test_a_new_role_has_it(self, engine, aws):
        engine.apply(self.stack(self.LIMIT))
        assert self.boundary_of(aws.client("iam")) == self.LIMIT
        assert engine.plan(self.stack(self.LIMIT), refresh=True).todo == ()

    @pytest.mark.parametrize("other", [None, OTHER])
    def test_a_role_with_another_or_none_is_drift(self, engine, iam, other):
        if other:
            iam.put_role_permissions_boundary(RoleName="test-web", PermissionsBoundary=other)
        (change,) = engine.plan(self.stack(self.LIMIT), refresh=True).todo
        assert (change.key, change.fields["boundary"]) == ("role.web", (other, self.LIMIT))
        engine.apply(self.stack(self.LIMIT))
        assert self.boundary_of(iam) == self.LIMIT

    def test_one_that_somebody_set_is_left_where_the_parameters_name_none(self, engine, iam):
        """Without it the role would be allowed more."""
        iam.put_role_permissions_boundary(RoleName="test-web", PermissionsBoundary=self.OTHER)
        assert engine.plan(STACK, refresh=True).todo == ()

    def test_each_role_of_the_environment_has_it(self):
        raw = params().model_dump(mode="json")
        raw |= {"permissions_boundary": self.LIMIT, "github": {"repository": "o/n", "environments": ["x"]}}
        roles = list(whole(type(params()).model_validate(raw)).every(Role))
        assert {role.boundary for role in roles} == {self.LIMIT}
        assert len(roles) == 6

    def test_something_else_than_a_policy_is_refused(self):
        with pytest.raises(ValidationError, match="permissions_boundary"):
            type(params()).model_validate(params().model_dump(mode="json") | {"permissions_boundary": "limit"})


def sources(env):
    """For which resources a service may assume each role, by AWS's documentation; account and region are the file's."""
    wanted = params(env)
    here = f"{wanted.region}:{wanted.account}"
    return {
        "vpc-flow-logs.amazonaws.com": f"arn:aws:ec2:{here}:vpc-flow-log/*",
        "monitoring.rds.amazonaws.com": f"arn:aws:rds:{here}:db:{env}-database",
        "codedeploy.amazonaws.com": f"arn:aws:codedeploy:{here}:deploymentgroup:{env}-web/*",
    }


@pytest.mark.parametrize("env", ["local", "dev", "prod"])
def test_a_service_assumes_a_role_for_our_resources_only(env, door):
    """Otherwise it could be made to use the role for somebody else; EC2 and Lambda do not tell for which resource.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    wanted = params(env)
    raw = wanted.model_dump(mode="json")
    raw["data"]["monitoring_seconds"] = 60
    roles = [r for r in whole(type(wanted).model_validate(raw)) if isinstance(r, Role)]
    statements = [statement for role in roles for statement in role.trust(door)["Statement"]]
    conditions = {s["Principal"]["Service"]: s.get("Condition") for s in statements}
    bound = {
        service: {"StringEquals": {"aws:SourceAccount": wanted.account}, "ArnLike": {"aws:SourceArn": source}}
        for service, source in sources(env).items()
    }
    unbound = {"ec2.amazonaws.com": None, **({"lambda.amazonaws.com": None} if wanted.deploy.rollback_function else {})}
    assert conditions == bound | unbound


def test_a_role_that_trusted_without_a_condition_gets_one(engine, aws):
    """As those do that an older version made."""
    before = Role(name="codedeploy", service="codedeploy.amazonaws.com")
    source = "arn:aws:codedeploy:us-west-2:123456789012:deploymentgroup:test-web/*"
    after = Stack("s", all=[Role(name="codedeploy", service="codedeploy.amazonaws.com", source=source)])
    engine.apply(Stack("s", all=[before]))
    (change,) = engine.plan(after, refresh=True).todo
    assert set(change.fields) == {"trust"}
    engine.apply(after)
    assert engine.plan(after, refresh=True).todo == ()


@pytest.mark.parametrize("env", ["local", "dev", "prod"])
def test_each_role_knows_the_inline_policies_of_the_stacks(env):
    """One that it did not know would be removed by the role's next update."""
    wanted = params(env)
    github = {"github": {"repository": "example/web", "environments": [f"{env}-deploy"]}}
    resources = list(whole(type(wanted).model_validate(wanted.model_dump(mode="json") | github)))
    policies = [r for r in resources if isinstance(r, RolePolicy)]
    for role in (r for r in resources if isinstance(r, Role)):
        assert set(role.inline_policies) == {p.name for p in policies if p.role.key == role.key}, role.key
    names = {"role.flow-logs", "role.web", "role.bastion", "role.codedeploy", "federated_role.github-deploy"}
    assert {p.role.key for p in policies} == names | ({"role.rollback"} if wanted.deploy.rollback_function else set())


def surveyed(aws):
    """How a survey sees the roles of the stack, and what it asked IAM."""
    wire = Wire()
    snapshot = Snapshot(wire.tap(Aws(env="test", region="us-west-2", account=ACCOUNT, connection=aws.connection)), {})
    observed = observe_all(in_order(STACK), snapshot)
    return observed, [call.name.removeprefix("iam.") for call in wire.asked]


def test_a_survey_reads_all_roles_in_one_call(iam, aws):
    """It sees what single looks see: trust, attached and inline policies and tags."""
    attach(iam), put(iam)
    observed, asked = surveyed(aws)
    assert asked == ["GetAccountAuthorizationDetails"]
    assert observed[ROLE].state["policies"] == {ADMINISTRATOR, "by-hand"}
    assert observed[ROLE].state["trust"] == ROLE.trusts
    assert observed[ROLE].tag_drift == {}
    assert observed[CONFIG].state["allows"]["actions"] == {"ssm:GetParameter"}


def test_who_may_not_read_all_roles_reads_them_one_by_one(iam, aws):
    """A read-only role in CI may have no permission for the others' policies; it is asked once."""
    attach(iam), put(iam)
    together, _ = surveyed(aws)
    aws.control("faults", DENIED)
    single, asked = surveyed(aws)
    assert single == together
    assert Counter(asked) == {
        "GetAccountAuthorizationDetails": 1, "GetRole": 1, "ListAttachedRolePolicies": 1, "ListRolePolicies": 1,
        "GetRolePolicy": 1,
    }  # fmt: skip


def test_a_role_that_is_not_listed_yet_is_asked_for_by_name(iam, aws, monkeypatch):
    monkeypatch.setattr(role_details, "_all", lambda snapshot: [])
    observed, asked = surveyed(aws)
    assert observed[ROLE]
    assert "GetRole" in asked
