"""A secret of the application is looked up, and its value is never read."""

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.resources.application_secret import ApplicationSecret


@pytest.fixture
def observe(door):
    def look(known_as):
        return ApplicationSecret(name="KEY", known_as=known_as).observe(Snapshot(door), {})

    return look


def test_a_new_value_is_another_version(aws, observe):
    client = aws.client("secretsmanager")
    arn = client.create_secret(Name="prod/stripe", SecretString="one")["ARN"]
    first = observe("prod/stripe")
    assert first.id.startswith(f"{arn} version ")
    assert observe(arn).id == first.id
    client.put_secret_value(SecretId=arn, SecretString="two")
    assert observe(arn).id != first.id


def test_a_parameter_has_versions_too(aws, observe):
    client = aws.client("ssm")
    client.put_parameter(Name="/prod/stripe", Type="SecureString", Value="one")
    assert observe("/prod/stripe").id == "/prod/stripe version 1"
    client.put_parameter(Name="/prod/stripe", Type="SecureString", Value="two", Overwrite=True)
    assert observe("arn:aws:ssm:us-west-2:123456789012:parameter/prod/stripe").id == "/prod/stripe version 2"


@pytest.mark.parametrize("known_as", ["prod/none", "/prod/none"])
def test_one_that_is_not_there_is_missing(observe, known_as):
    assert observe(known_as) is None


def test_one_that_is_scheduled_for_deletion_is_missing(aws, observe):
    client = aws.client("secretsmanager")
    client.create_secret(Name="prod/old", SecretString="one")
    client.delete_secret(SecretId="prod/old")
    assert observe("prod/old") is None
