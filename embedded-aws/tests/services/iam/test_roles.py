"""Roles, instance profiles and policies in use cannot be deleted."""

import json

import pytest

from services.errors import raises

MANAGED = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


def document(**more):
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def iam(aws):
    """IAM with a role `app`."""
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    iam.create_role(
        RoleName="app", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    return iam


def assert_delete_conflict(iam, message):
    with raises("DeleteConflict", message):
        iam.delete_role(RoleName="app")


def test_a_role_is_deleted_when_nothing_uses_it(iam):
    """It has no inline policy, no attached policy and no instance profile."""
    iam.put_role_policy(RoleName="app", PolicyName="inline", PolicyDocument=document())
    assert_delete_conflict(iam, "must delete policies first")
    iam.delete_role_policy(RoleName="app", PolicyName="inline")
    iam.attach_role_policy(RoleName="app", PolicyArn=MANAGED)
    assert_delete_conflict(iam, "must detach all policies first")
    iam.detach_role_policy(RoleName="app", PolicyArn=MANAGED)
    iam.create_instance_profile(InstanceProfileName="app")
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    assert_delete_conflict(iam, "must remove roles from instance profile first")
    with raises("DeleteConflict", "must remove roles from instance profile first"):
        iam.delete_instance_profile(InstanceProfileName="app")
    iam.remove_role_from_instance_profile(InstanceProfileName="app", RoleName="app")
    iam.delete_instance_profile(InstanceProfileName="app")
    iam.delete_role(RoleName="app")


def test_a_policy_is_deleted_when_nothing_uses_it(iam):
    """And when it has one version only."""
    arn = iam.create_policy(PolicyName="app", PolicyDocument=document())["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(Action="s3:PutObject"), SetAsDefault=True)
    iam.attach_role_policy(RoleName="app", PolicyArn=arn)
    with raises("DeleteConflict", "attached to entities"):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_role_policy(RoleName="app", PolicyArn=arn)
    with raises("DeleteConflict", "more than one version"):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)


def test_roles_users_and_groups_have_ten_managed_policies(iam):
    """A policy that is attached already can be attached again."""
    iam.create_user(UserName="app")
    iam.create_group(GroupName="app")
    arns = [
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=document())["Policy"]["Arn"] for number in range(11)
    ]
    for kind in ("Role", "User", "Group"):
        attach, who = getattr(iam, f"attach_{kind.lower()}_policy"), {f"{kind}Name": "app"}
        for arn in arns[:10]:
            attach(PolicyArn=arn, **who)
        with raises("LimitExceeded", f"Cannot exceed quota for PoliciesPer{kind}: 10"):
            attach(PolicyArn=arns[10], **who)
        attach(PolicyArn=arns[0], **who)
