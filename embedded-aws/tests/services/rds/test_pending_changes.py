"""Pending changes are applied in the maintenance window, at a reboot or with the next immediate change."""

from datetime import UTC, datetime, timedelta

import pytest

from embedded_aws.services.rds.pending_changes import is_open
from embedded_aws.testing import eventually
from services.database import Database
from services.errors import raises, unchanged

CHANGES = {
    "AllocatedStorage": 40,
    "DBInstanceClass": "db.t4g.small",
    "EngineVersion": "8.4.6",
    "MultiAZ": True,
}


def window(hours):
    """Return a maintenance window of one hour around the time in some hours."""
    middle, half = datetime.now(UTC) + timedelta(hours=hours), timedelta(minutes=30)
    begin, end = middle - half, middle + half
    if begin.weekday() > end.weekday():  # moto rejects a window over the end of the week
        night = middle.weekday() == begin.weekday()
        begin, end = (begin, begin.replace(hour=23, minute=59)) if night else (end.replace(hour=0, minute=0), end)
    return "-".join(f"{time:%a:%H:%M}".lower() for time in (begin, end))


@pytest.fixture
def database(network):
    """A database whose maintenance window is in three days, and its backup window in two hours."""
    database, backups = Database(network), datetime.now(UTC) + timedelta(hours=2)
    hours = f"{backups:%H:%M}-{backups + timedelta(hours=1):%H:%M}"
    params = {"PreferredMaintenanceWindow": window(72), "PreferredBackupWindow": hours}
    database.before = database.create(EngineVersion="8.4.5", BackupRetentionPeriod=1, **params)
    return database


def modify_later(database, **changes):
    database.rds.modify_db_instance(DBInstanceIdentifier="app", **changes)
    return database.described()


def test_pending_changes_are_described(database):
    """Changes without an outage, and that of the port, are applied immediately."""
    found = modify_later(database, **CHANGES, EnableIAMDatabaseAuthentication=True)
    assert found["PendingModifiedValues"] == CHANGES | {"IAMDatabaseAuthenticationEnabled": True}
    assert {name: found[name] for name in CHANGES} == {name: database.before[name] for name in CHANGES}
    immediate = {"BackupRetentionPeriod": 7, "DeletionProtection": True, "CopyTagsToSnapshot": True}
    found = modify_later(database, **immediate, DBPortNumber=3307)
    assert {name: found[name] for name in immediate} == immediate
    assert found["Endpoint"]["Port"] == 3307
    assert found["PendingModifiedValues"] == CHANGES | {"IAMDatabaseAuthenticationEnabled": True}
    assert modify_later(database, BackupRetentionPeriod=0)["PendingModifiedValues"]["BackupRetentionPeriod"] == 0


def test_pending_changes_are_cancelled(database):
    """By requesting the present value."""
    modify_later(database, DBInstanceClass="db.t4g.small", MultiAZ=True)
    found = modify_later(database, DBInstanceClass="db.t4g.micro")
    assert found["PendingModifiedValues"] == {"MultiAZ": True}


def is_applied(database):
    found = database.described()
    return found["PendingModifiedValues"] == {} and CHANGES.items() <= found.items()


def test_a_reboot_applies_pending_changes(database):
    modify_later(database, **CHANGES)
    database.rds.reboot_db_instance(DBInstanceIdentifier="app")
    assert is_applied(database)


def test_the_next_immediate_change_applies_pending_changes(database):
    modify_later(database, **CHANGES)
    database.modify(DeletionProtection=True)
    assert is_applied(database)


def test_the_maintenance_window_applies_pending_changes(database):
    modify_later(database, **CHANGES)
    modify_later(database, PreferredMaintenanceWindow=window(0))
    eventually(lambda: is_applied(database))


@pytest.mark.parametrize(
    ("day", "time", "opened"),
    [(22, "23:29", False), (22, "23:30", True), (23, "00:29", True), (23, "00:30", False), (25, "00:00", False)],
)
def test_a_window_can_span_the_end_of_the_week(day, time, opened):
    """The 22nd is a Sunday."""
    now = datetime.fromisoformat(f"2026-11-{day}T{time}:00+00:00")
    assert is_open("sun:23:30-mon:00:30", now) is opened


def test_a_stopped_database_cannot_be_rebooted_or_changed(database):
    """It can be rebooted after a start."""
    database.rds.stop_db_instance(DBInstanceIdentifier="app")
    with raises("InvalidDBInstanceState", "stopped"):
        database.rds.reboot_db_instance(DBInstanceIdentifier="app")
    with raises("InvalidDBInstanceState", "stopped"):
        database.modify(MultiAZ=True)
    database.rds.start_db_instance(DBInstanceIdentifier="app")
    database.rds.reboot_db_instance(DBInstanceIdentifier="app")


def test_a_change_requires_security_groups_of_the_vpc(database, network):
    """They also have to exist."""
    other = network.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    elsewhere = network.ec2.create_security_group(GroupName="else", Description="else", VpcId=other)["GroupId"]
    invalid = [
        ("sg-00000000", "InvalidParameterValue", "groupId= sg-00000000"),
        (elsewhere, "InvalidParameterCombination", "are in different VPCs"),
    ]
    with unchanged(lambda: {"groups": database.described()["VpcSecurityGroups"]}):
        for group, code, words in invalid:
            with raises(code, words):
                database.modify(VpcSecurityGroupIds=[group])
