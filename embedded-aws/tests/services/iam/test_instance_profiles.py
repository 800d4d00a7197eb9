"""Instance profiles: list by path, list tags."""

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
