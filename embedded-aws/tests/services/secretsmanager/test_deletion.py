"""Secrets: scheduled for deletion, restored and deleted."""

import pytest

from services.errors import raises


@pytest.fixture
def manager(aws):
    """Secrets Manager with one secret `app` that is scheduled for deletion."""
    manager = aws.client("secretsmanager")
    manager.create_secret(Name="app", SecretString="one")
    manager.delete_secret(SecretId="app", RecoveryWindowInDays=7)
    return manager


def test_a_scheduled_secret_keeps_its_name(manager):
    """Until it is deleted without recovery."""
    with raises("InvalidRequestException", "a secret with this name is already scheduled for deletion."):
        manager.create_secret(Name="app", SecretString="two")
    assert manager.describe_secret(SecretId="app")["DeletedDate"]
    assert manager.list_secrets()["SecretList"] == []
    manager.delete_secret(SecretId="app", ForceDeleteWithoutRecovery=True)
    with raises("ResourceNotFoundException"):
        manager.describe_secret(SecretId="app")
    manager.create_secret(Name="app", SecretString="two")


def test_a_scheduled_secret_cannot_be_used(manager):
    """Until it is restored."""
    uses = {
        manager.get_secret_value: {},
        manager.put_secret_value: {"SecretString": "two"},
        manager.update_secret: {"SecretString": "two"},
        manager.tag_resource: {"Tags": [{"Key": "env", "Value": "test"}]},
        manager.delete_secret: {"RecoveryWindowInDays": 7},
    }
    for use, params in uses.items():
        with raises("InvalidRequestException", "marked for deletion"):
            use(SecretId="app", **params)
    manager.restore_secret(SecretId="app")
    assert manager.get_secret_value(SecretId="app")["SecretString"] == "one"
    assert "DeletedDate" not in manager.describe_secret(SecretId="app")
