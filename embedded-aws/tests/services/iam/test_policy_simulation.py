"""SimulatePrincipalPolicy decides as IAM does when the call is made."""

import json

import pytest
from botocore.exceptions import ClientError

_EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [_EC2]})


def statement(effect, action, resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def decide(iam, source, *actions, **more):
    results = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=list(actions), **more)
    return [(r["EvalActionName"], r["EvalResourceName"], r["EvalDecision"]) for r in results["EvaluationResults"]]


def test_each_action_on_each_resource(aws):
    iam = aws.client("iam")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    own = policy(statement("Allow", "s3:*", "arn:aws:s3:::a"), statement("Deny", "s3:PutObject"))
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=own)
    found = decide(iam, role, "s3:GetObject", "s3:PutObject", ResourceArns=["arn:aws:s3:::a", "arn:aws:s3:::b"])
    assert [(action, arn[-1], decision) for action, arn, decision in found] == [
        ("s3:GetObject", "a", "allowed"), ("s3:GetObject", "b", "implicitDeny"),
        ("s3:PutObject", "a", "explicitDeny"), ("s3:PutObject", "b", "explicitDeny"),
    ]  # fmt: skip


def test_a_condition_holds_only_with_the_context_that_is_given(aws):
    iam = aws.client("iam")
    user = iam.create_user(UserName="u")["User"]["Arn"]
    here = statement("Allow", "ec2:*", Condition={"StringEquals": {"aws:RequestedRegion": "us-west-2"}})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=policy(here))
    entry = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyType": "string", "ContextKeyValues": ["us-west-2"]}
    assert decide(iam, user, "ec2:CreateVpc") == [("ec2:CreateVpc", "*", "implicitDeny")]
    assert decide(iam, user, "ec2:CreateVpc", ContextEntries=[entry]) == [("ec2:CreateVpc", "*", "allowed")]


def test_a_boundary_limits_and_a_group_gives(aws):
    iam = aws.client("iam")
    limit = iam.create_policy(PolicyName="limit", PolicyDocument=policy(statement("Allow", "ec2:*")))["Policy"]["Arn"]
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=limit)["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=policy(statement("Allow", "*")))
    assert [d for *_, d in decide(iam, role, "ec2:CreateVpc", "s3:GetObject")] == ["allowed", "implicitDeny"]
    user = iam.create_user(UserName="u")["User"]["Arn"]
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=policy(statement("Allow", "ec2:CreateVpc")))
    assert decide(iam, user, "ec2:CreateVpc") == [("ec2:CreateVpc", "*", "allowed")]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("arn:aws:sts::123456789012:assumed-role/r/ann", "InvalidInput"),
        ("arn:aws:iam::123456789012:root", "InvalidInput"),
        ("arn:aws:iam::123456789012:role/nobody", "NoSuchEntity"),
    ],
)
def test_only_users_and_roles_are_simulated(aws, source, code):
    with pytest.raises(ClientError) as refused:
        decide(aws.client("iam"), source, "ec2:CreateVpc")
    assert refused.value.response["Error"]["Code"] == code
