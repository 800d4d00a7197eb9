"""The list of secrets is minutes late; the description of one is not."""

from services.errors import raises


def test_a_new_secret_is_described_before_it_is_listed(aws):
    manager = aws.client("secretsmanager")
    aws.control("pace", 1)
    try:
        manager.create_secret(Name="app", SecretString="one")
        assert manager.describe_secret(SecretId="app")["Name"] == "app"
        assert manager.list_secrets()["SecretList"] == []
    finally:
        aws.control("pace", 0)
    assert [secret["Name"] for secret in manager.list_secrets()["SecretList"]] == ["app"]


def test_a_deleted_secret_is_gone_before_it_leaves_the_list(aws):
    """With a filter, too."""
    manager = aws.client("secretsmanager")
    manager.create_secret(Name="app", SecretString="one")
    aws.control("pace", 1)
    try:
        manager.delete_secret(SecretId="app", ForceDeleteWithoutRecovery=True)
        with raises("ResourceNotFoundException"):
            manager.describe_secret(SecretId="app")
        named = manager.list_secrets(Filters=[{"Key": "name", "Values": ["app"]}])["SecretList"]
        assert [secret["Name"] for secret in named] == ["app"]
    finally:
        aws.control("pace", 0)
    assert manager.list_secrets()["SecretList"] == []
