"""Databases are made, read back, refused and deleted as on RDS."""

import pytest

from tests.local.overlays.database import Database


@pytest.fixture
def database(network):
    """Groups for a database, and no database yet."""
    return Database(network)


def test_a_managed_password_is_in_secrets_manager_only(database):
    """Random for each database, under the user's name, and gone with the database."""
    first = database.create()
    database.create(DBInstanceIdentifier="other")
    secret = first["MasterUserSecret"]
    assert (secret["SecretStatus"], secret["KmsKeyId"].split(":")[2]) == ("active", "kms")
    contents = database.secrets()
    assert len(contents) == 2
    assert all(name.startswith("rds!db-") for name in contents)
    assert {content["username"] for content in contents.values()} == {"app_admin"}
    assert len({content["password"] for content in contents.values()}) == 2
    database.delete()
    (left,) = database.secrets()
    assert left not in secret["SecretArn"]


def test_a_managed_password_rotates(database):
    """At once, and the secret stays the same one."""
    before = database.create()["MasterUserSecret"]["SecretArn"]
    (old,) = database.secrets().values()
    assert database.modify(RotateMasterUserPassword=True)["MasterUserSecret"]["SecretArn"] == before
    (new,) = database.secrets().values()
    assert new["username"] == old["username"]
    assert new["password"] != old["password"]
