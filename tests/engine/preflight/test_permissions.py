"""Whose policies are simulated, with what, and what a row makes of the decisions."""

import pytest

from runbook_lib.aws.permissions import Permission
from runbook_lib.engine.preflight.permissions import check_permissions, find_source
from runbook_lib.engine.preflight.row import FAILED, NOT_ASKED, PASSED
from tests.engine.preflight.answers import Answers

ANN = "arn:aws:iam::123456789012:user/ann"


def decided(action, decision, resource="*", specific=()):
    """A result of a simulation, with those for each resource."""
    each = [{"EvalResourceName": name, "EvalResourceDecision": own} for name, own in specific]
    return {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision,
            "ResourceSpecificResults": each}  # fmt: skip


def check(*results, permissions=(), only_plans=False, caller=ANN):
    account = Answers(simulate_principal_policy=[*results])
    own = permissions or (Permission(("apply",), ("ec2:CreateVpc",), ("*",)),)
    (row,) = check_permissions(account, caller, own, only_plans=only_plans)
    return row, account


def test_what_is_allowed_passes():
    row, _ = check(decided("ec2:CreateVpc", "allowed"))
    assert (row.name, row.result) == ("permissions", PASSED)
    assert row.finding == f"{ANN} may make the 1 kinds of calls of this plan"


def test_a_denial_is_named_with_what_it_is_about():
    row, _ = check(
        decided("ec2:CreateVpc", "allowed"),
        decided("s3:PutObject", "implicitDeny", "arn:aws:s3:::a/*"),
        decided("s3:PutObject", "explicitDeny", "arn:aws:s3:::b/*"),
        decided("ec2:RunInstances", "explicitDeny", "*"),
    )
    told = "s3:PutObject on arn:aws:s3:::a/*; ec2:RunInstances on * (denied explicitly)"
    assert (row.result, row.finding) == (FAILED, f"{ANN} may not: {told}")
    assert "`runbook permissions` prints the policy" in row.fix


def test_the_decision_for_each_resource_counts_where_there_is_one():
    """That for all of them together is a denial as soon as one is denied."""
    specific = [("arn:aws:ec2:*:*:vpc/*", "allowed"), ("arn:aws:ec2:*:*:subnet/*", "implicitDeny")]
    row, _ = check(decided("ec2:CreateSubnet", "implicitDeny", specific=specific))
    assert row.finding == f"{ANN} may not: ec2:CreateSubnet on arn:aws:ec2:*:*:subnet/*"
    row, _ = check(decided("ec2:CreateSubnet", "implicitDeny", specific=specific[:1]))
    assert row.result == PASSED


@pytest.mark.parametrize(("count", "rest"), [(6, ""), (7, "; 1 more"), (9, "; 3 more")])
def test_six_are_named_and_the_others_counted(count, rest):
    row, _ = check(*(decided(f"ec2:Act{n}", "implicitDeny") for n in range(count)))
    assert row.finding.startswith(f"{ANN} may not: ec2:Act0 on *; ec2:Act1 on *")
    assert row.finding.count(" on *") == 6
    assert row.finding.endswith(f"ec2:Act5 on *{rest}")


@pytest.mark.parametrize("only_plans", [True, False])
def test_who_may_nothing_may_plan_and_not_apply(only_plans):
    row, _ = check(decided("ec2:CreateVpc", "implicitDeny"), only_plans=only_plans)
    assert row.result == (NOT_ASKED if only_plans else FAILED)
    assert ("may only look: who applies the plan is asked then" in row.finding) is only_plans
    row, _ = check(
        decided("ec2:CreateVpc", "implicitDeny"), decided("ec2:CreateSubnet", "allowed"), only_plans=only_plans
    )
    assert row.result == FAILED


def test_what_is_alike_is_asked_together_with_what_is_known_of_the_call():
    """Services without regions count as in us-east-1.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    role = "arn:aws:iam::123456789012:role/local-*"
    passed = (("StringEquals", "iam:PassedToService", "ec2.amazonaws.com"),)
    row, account = check(permissions=(
        Permission(("apply",), ("ec2:CreateVpc", "ec2:CreateSubnet"), ("*",)),
        Permission(("apply",), ("ec2:CreateVpc", "route53:GetHostedZone"), ("*",)),
        Permission(("apply",), ("iam:PassRole",), (role,), passed),
    ))  # fmt: skip
    assert row.finding == f"{ANN} may make the 4 kinds of calls of this plan"

    def context(region, **more):
        keys = {"aws:RequestedRegion": region, "aws:SecureTransport": "true", **more}
        kinds = {"aws:SecureTransport": "boolean"}
        return [
            {"ContextKeyName": key, "ContextKeyType": kinds.get(key, "string"), "ContextKeyValues": [value]}
            for key, value in sorted(keys.items())
        ]

    asked = account.requests("simulate_principal_policy")
    assert {each["PolicySourceArn"] for each in asked} == {ANN}
    assert [(each["ActionNames"], each["ResourceArns"], each["ContextEntries"]) for each in asked] == [
        (["route53:GetHostedZone"], ["*"], context("us-east-1")),
        (["iam:PassRole"], [role], context("us-east-1", **{"iam:PassedToService": "ec2.amazonaws.com"})),
        (["ec2:CreateSubnet", "ec2:CreateVpc"], ["*"], context("us-west-2")),
    ]


@pytest.mark.parametrize(
    ("caller", "source"),
    [
        (ANN, ANN),
        ("arn:aws:iam::123456789012:user/path/ann", "arn:aws:iam::123456789012:user/path/ann"),
        ("arn:aws:sts::123456789012:assumed-role/op/session/more", "arn:aws:iam::123456789012:role/a/op"),
        ("arn:aws:sts::123456789012:user/moto", ""),
        ("arn:aws:iam::123456789012:root", ""),
        ("arn:aws:sts::123456789012:federated-user/ann", ""),
        ("", ""),
    ],
)
def test_users_and_roles_have_policies_to_simulate(caller, source):
    account = Answers(get_role={"Role": {"Arn": "arn:aws:iam::123456789012:role/a/op"}})
    assert find_source(account, caller) == source
    assert account.requests("get_role") == ([{"RoleName": "op"}] if "assumed" in caller else [])


def test_a_role_that_is_gone_has_none():
    assert find_source(Answers(), "arn:aws:sts::123456789012:assumed-role/op/session") == ""


@pytest.mark.parametrize(
    ("caller", "told"), [("arn:aws:iam::123456789012:root", "the caller is arn:aws:iam"), ("", "not known")]
)
def test_anybody_else_could_not_be_asked(caller, told):
    row, account = check(caller=caller)
    assert row.result == NOT_ASKED
    assert row.finding.startswith("IAM simulates users and roles, and the caller is ")
    assert told in row.finding
    assert account.requests("simulate_principal_policy") == []
