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


def test_a_role_has_ten_managed_policies(iam):
    """A policy that is attached already can be attached again."""
    arns = [
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=document())["Policy"]["Arn"] for number in range(11)
    ]
    for arn in arns[:10]:
        iam.attach_role_policy(PolicyArn=arn, RoleName="app")
    with raises("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10"):
        iam.attach_role_policy(PolicyArn=arns[10], RoleName="app")
    iam.attach_role_policy(PolicyArn=arns[0], RoleName="app")


@pytest.mark.parametrize("value", ["R&D, Platform", "a#b", "x" * 257, "5 € a day"])
def test_a_tag_has_fewer_characters_than_ec2_takes(iam, value):
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_Tag.html"""
    with raises("ValidationError", "failed to satisfy constraint"):
        iam.tag_role(RoleName="app", Tags=[{"Key": "owner", "Value": value}])
    assert iam.list_role_tags(RoleName="app")["Tags"] == []
    iam.tag_role(RoleName="app", Tags=[{"Key": "Größe", "Value": "名 42: a_b/c=d+e-f@g.h"}])
