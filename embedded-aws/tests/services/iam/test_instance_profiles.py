"""Instance profiles: list by path, list tags."""

import json

from services.errors import raises

TAGS = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}]


def test_profiles_are_listed_by_their_path(aws):
    """One call lists all profiles of an environment, and no others."""
    iam = aws.client("iam")
    iam.create_instance_profile(InstanceProfileName="ours", Path="/runbook/test/")
    iam.create_instance_profile(InstanceProfileName="theirs")

    def names(**request):
        return {p["InstanceProfileName"] for p in iam.list_instance_profiles(**request)["InstanceProfiles"]}

    assert names(PathPrefix="/runbook/test/") == {"ours"}
    assert names() == {"ours", "theirs"}


def test_tags_are_listed(aws):
    iam = aws.client("iam")
    iam.create_instance_profile(InstanceProfileName="ours", Tags=TAGS)
    answer = iam.list_instance_profile_tags(InstanceProfileName="ours")
    assert answer["Tags"] == sorted(TAGS, key=lambda tag: tag["Key"])
    with raises("NoSuchEntity"):
        iam.list_instance_profile_tags(InstanceProfileName="nobodys")


def test_lists_return_no_tags(aws):
    """IAM's lists return a part of the fields: no tags, boundary or last use of a role, nor a profile's tags."""
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
    iam.create_role(
        RoleName="app",
        AssumeRolePolicyDocument=json.dumps(document),
        Description="Web",
        PermissionsBoundary=boundary,
        Tags=TAGS,
    )
    iam.create_instance_profile(InstanceProfileName="app", Tags=TAGS)
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")

    (role,) = iam.list_roles()["Roles"]
    in_every_list = {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument", "Description"}
    assert role.keys() == in_every_list | {"MaxSessionDuration"}
    assert role["AssumeRolePolicyDocument"] == document
    of_profile = {"Path", "InstanceProfileName", "InstanceProfileId", "Arn", "CreateDate", "Roles"}
    for (profile,) in (
        iam.list_instance_profiles()["InstanceProfiles"],
        iam.list_instance_profiles_for_role(RoleName="app")["InstanceProfiles"],
    ):
        assert profile.keys() == of_profile
        assert profile["Roles"][0].keys() == in_every_list
        assert profile["Roles"][0]["RoleName"] == "app"
    assert {"Tags", "PermissionsBoundary", "RoleLastUsed"} <= iam.get_role(RoleName="app")["Role"].keys()
    assert iam.get_instance_profile(InstanceProfileName="app")["InstanceProfile"]["Tags"]
