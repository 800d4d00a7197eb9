"""Changes that are not to be made at once wait for the maintenance window, a reboot or the next change."""

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
    """An hour of maintenance around the time that is so many hours from now."""
    middle, half = datetime.now(UTC) + timedelta(hours=hours), timedelta(minutes=30)
    begin, end = middle - half, middle + half
    if begin.weekday() > end.weekday():  # moto takes no window over the end of the week
        night = middle.weekday() == begin.weekday()
        begin, end = (begin, begin.replace(hour=23, minute=59)) if night else (end.replace(hour=0, minute=0), end)
    return "-".join(f"{time:%a:%H:%M}".lower() for time in (begin, end))


@pytest.fixture
def database(network):
    """One whose maintenance is three days away, and its backups two hours."""
    database, backups = Database(network), datetime.now(UTC) + timedelta(hours=2)
    hours = f"{backups:%H:%M}-{backups + timedelta(hours=1):%H:%M}"
    asked = {"PreferredMaintenanceWindow": window(72), "PreferredBackupWindow": hours}
    database.before = database.create(EngineVersion="8.4.5", BackupRetentionPeriod=1, **asked)
    return database


def later(database, **changes):
    database.rds.modify_db_instance(DBInstanceIdentifier="app", **changes)
    return database.described()


def test_what_waits_is_told(database):
    """As pending, while the rest stays as it is; what takes no outage is made at once, and so is the port."""
    found = later(database, **CHANGES, EnableIAMDatabaseAuthentication=True)
    assert found["PendingModifiedValues"] == CHANGES | {"IAMDatabaseAuthenticationEnabled": True}
    assert {name: found[name] for name in CHANGES} == {name: database.before[name] for name in CHANGES}
    at_once = {"BackupRetentionPeriod": 7, "DeletionProtection": True, "CopyTagsToSnapshot": True}
    found = later(database, **at_once, DBPortNumber=3307)
    assert {name: found[name] for name in at_once} == at_once
    assert found["Endpoint"]["Port"] == 3307
    assert found["PendingModifiedValues"] == CHANGES | {"IAMDatabaseAuthenticationEnabled": True}
    assert later(database, BackupRetentionPeriod=0)["PendingModifiedValues"]["BackupRetentionPeriod"] == 0


def test_what_waits_is_taken_back(database):
    """By asking for what there is."""
    later(database, DBInstanceClass="db.t4g.small", MultiAZ=True)
    found = later(database, DBInstanceClass="db.t4g.micro")
    assert found["PendingModifiedValues"] == {"MultiAZ": True}


def in_place(database):
    found = database.described()
    return found["PendingModifiedValues"] == {} and CHANGES.items() <= found.items()


def test_a_reboot_makes_what_waits(database):
    later(database, **CHANGES)
    database.rds.reboot_db_instance(DBInstanceIdentifier="app")
    assert in_place(database)


def test_the_next_change_at_once_makes_what_waits(database):
    later(database, **CHANGES)
    database.modify(DeletionProtection=True)
    assert in_place(database)


def test_the_maintenance_window_makes_what_waits(database):
    later(database, **CHANGES)
    later(database, PreferredMaintenanceWindow=window(0))
    eventually(lambda: in_place(database))


@pytest.mark.parametrize(
    ("day", "time", "opened"),
    [(22, "23:29", False), (22, "23:30", True), (23, "00:29", True), (23, "00:30", False), (25, "00:00", False)],
)
def test_a_window_may_go_over_the_end_of_the_week(day, time, opened):
    """The 22nd is a Sunday."""
    now = datetime.fromisoformat(f"2026-11-{day}T{time}:00+00:00")
    assert is_open("sun:23:30-mon:00:30", now) is opened


def test_a_stopped_database_neither_reboots_nor_changes(database):
    """Until it is started again."""
    database.rds.stop_db_instance(DBInstanceIdentifier="app")
    with raises("InvalidDBInstanceState", "stopped"):
        database.rds.reboot_db_instance(DBInstanceIdentifier="app")
    with raises("InvalidDBInstanceState", "stopped"):
        database.modify(MultiAZ=True)
    database.rds.start_db_instance(DBInstanceIdentifier="app")
    database.rds.reboot_db_instance(DBInstanceIdentifier="app")


def test_a_change_names_security_groups_of_its_vpc(database, network):
    """That there are."""
    other = network.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    elsewhere = network.ec2.create_security_group(GroupName="else", Description="else", VpcId=other)["GroupId"]
    wrong = [
        ("sg-00000000", "InvalidParameterValue", "groupId= sg-00000000"),
        (elsewhere, "InvalidParameterCombination", "are in different VPCs"),
    ]
    with unchanged(lambda: {"groups": database.described()["VpcSecurityGroups"]}):
        for group, code, words in wrong:
            with raises(code, words):
                database.modify(VpcSecurityGroupIds=[group])
