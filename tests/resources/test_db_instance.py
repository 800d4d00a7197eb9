"""What the database asks of RDS, how it reads RDS's answers, and what it never does."""

from dataclasses import replace

import pytest

from runbook_lib.aws.client import Aws
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.plan import Action, Plan, make_plan
from runbook_lib.errors import Blocked, NotOwned, RequestRejected
from runbook_lib.journal.reader import events_of
from runbook_lib.resources.base import Observed, drifted_fields
from runbook_lib.stacks.stack import Stack, in_order

from .cases_data import database, errors, monitored, monitoring, parameter_group, security_group, slow, subnet_group

IDS = {
    subnet_group: "test-private",
    parameter_group: "test-mysql",
    security_group: "sg-1",
    monitoring: "arn:aws:iam::123456789012:role/test-monitoring",
    errors: "arn:aws:logs:us-west-2:123456789012:log-group:/aws/rds/instance/test-database/error",
}
SECRET = "arn:aws:secretsmanager:us-west-2:123456789012:secret:rds!db-1"


class Rds(Aws):
    """Answers with the instances that a test puts in, and keeps what is sent."""

    def __init__(self, *instances):
        super().__init__(env="test", region="us-west-2", account="123456789012")
        self.instances, self.sent = instances, {}

    def pages(self, service, operation, result, **request):
        assert (service, operation) == ("rds", "describe_db_instances")
        return list(self.instances)

    def client(self, service):
        return self

    def __getattr__(self, name):
        if name == "rds":
            return self
        return lambda **request: self.sent.update({name: request})


def instance(**changes):
    """As RDS describes the database of the cases, but for the changes."""
    tags = {"runbook:env": "test", "runbook:key": "db_instance.database"}
    described = {
        "DBInstanceIdentifier": "test-database",
        "DBInstanceStatus": "available",
        "DBInstanceClass": "db.t4g.micro",
        "Engine": "mysql",
        "EngineVersion": "8.4.6",
        "MasterUsername": "dbadmin",
        "DBName": "web",
        "Endpoint": {"Address": "test-database.abc.us-west-2.rds.amazonaws.com", "Port": 3306},
        "AllocatedStorage": 20,
        "StorageType": "gp3",
        "StorageEncrypted": True,
        "PreferredBackupWindow": "08:00-08:30",
        "PreferredMaintenanceWindow": "sun:09:00-sun:09:30",
        "BackupRetentionPeriod": 7,
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1", "Status": "active"}],
        "DBParameterGroups": [{"DBParameterGroupName": "test-mysql", "ParameterApplyStatus": "in-sync"}],
        "DBSubnetGroup": {"DBSubnetGroupName": "test-private"},
        "AvailabilityZone": "us-west-2a",
        "PendingModifiedValues": {},
        "MultiAZ": False,
        "AutoMinorVersionUpgrade": True,
        "PubliclyAccessible": False,
        "CopyTagsToSnapshot": True,
        "MonitoringInterval": 0,
        "IAMDatabaseAuthenticationEnabled": True,
        "EnabledCloudwatchLogsExports": ["error"],
        "DeletionProtection": False,
        "DbiResourceId": "db-ABC123",
        "MasterUserSecret": {"SecretArn": SECRET, "SecretStatus": "active"},
        "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "TagList": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    return described | changes


def without(described, *names):
    return {name: value for name, value in described.items() if name not in names}


def seen(wanted=database, **changes):
    return wanted.observe(Snapshot(Rds(instance(**changes))), IDS)


def drift(wanted=database, **changes):
    return drifted_fields(seen(wanted, **changes).state, wanted.desired(IDS))


def plan(wanted=database, **changes):
    grounds = {need: Observed(id, {}) for need, id in IDS.items()}
    (change,) = make_plan(Stack("s", it=wanted), grounds | {wanted: seen(wanted, **changes)}).changes
    return change


def created(wanted):
    rds = Rds()
    wanted.create(rds, IDS)
    return rds.sent["create_db_instance"]


def test_a_plan_says_that_parameters_wait_for_a_reboot():
    groups = [{"DBParameterGroupName": "test-mysql", "ParameterApplyStatus": "pending-reboot"}]
    change = plan(DBParameterGroups=groups)
    assert (change.action, change.reason) == (
        "keep",
        "Parameters of test-mysql take effect with a reboot"
        " (aws rds reboot-db-instance --db-instance-identifier test-database).",
    )
    assert not plan().reason
    # RDS says so while it creates an instance as well, and reboots it then by itself.
    assert not seen(DBInstanceStatus="creating", DBParameterGroups=groups).note


def test_create_asks_for_all_that_matters_at_once():
    """No public address, encrypted, gp3, a password that only RDS knows, no paid extended support."""
    sent = created(monitored)
    assert (
        sent
        | {
            "PubliclyAccessible": False,
            "StorageEncrypted": True,
            "StorageType": "gp3",
            "ManageMasterUserPassword": True,
            "MasterUsername": "dbadmin",
            "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
            "VpcSecurityGroupIds": ["sg-1"],
            "EnableCloudwatchLogsExports": ["error"],
            "EnableIAMDatabaseAuthentication": True,
            "CopyTagsToSnapshot": True,
            "MonitoringInterval": 60,
            "MonitoringRoleArn": IDS[monitoring],
        }
        == sent
    )
    assert "MasterUserPassword" not in sent
    assert {"Key": "runbook:key", "Value": "db_instance.database"} in sent["Tags"]


def test_without_monitoring_no_role_is_sent():
    """RDS refuses a role together with the interval 0."""
    sent = created(database)
    assert sent["MonitoringInterval"] == 0
    assert "MonitoringRoleArn" not in sent


def test_as_wanted_there_is_no_drift():
    assert drift() == set()


@pytest.mark.parametrize("wanted", ["8.4", "8.4.6"])
def test_a_version_is_met_by_its_minor_versions(wanted):
    found = seen(replace(database, engine_version=wanted))
    assert found.state["engine_version"] == wanted
    assert found.detail["engine_version"] == "8.4.6"


@pytest.mark.parametrize("running", ["8.4.10", "8.40.1"])
def test_a_version_is_not_met_by_one_that_only_begins_alike(running):
    wanted = replace(database, engine_version="8.4.1", minor_upgrades=False)
    assert "engine_version" in drift(wanted, EngineVersion=running)


def test_a_newer_version_is_an_update():
    change = plan(replace(database, engine_version="8.4.10"))
    assert (change.action, set(change.fields)) == (Action.UPDATE, {"engine_version"})


def test_an_older_version_is_blocked_and_the_plan_says_what_to_write():
    """Not to destroy the database."""
    change = plan(replace(database, engine_version="8.4.5", minor_upgrades=False), AutoMinorVersionUpgrade=False)
    assert change.action is Action.BLOCKED
    assert change.fields["engine_downgrade"] == ("from 8.4.6", "none")
    assert 'write data.engine_version: "8.4.6" or "8.4"' in change.fix
    with pytest.raises(Blocked) as caught:
        Plan("", "s", (change,)).raise_if_blocked()
    assert "destroy" not in str(caught.value)


def test_what_rds_has_upgraded_because_it_may_is_no_drift(engine, aws):
    """A pinned minor version with minor_upgrades: in its maintenance window RDS moves it forward, and never back."""
    engine.apply(Stack("grounds", all=in_order([database])[:-1]))
    pinned = Stack("s", it=replace(database, engine_version="8.4.5"))
    engine.apply(pinned)
    rds = aws.client("rds")
    rds.modify_db_instance(DBInstanceIdentifier="test-database", EngineVersion="8.4.6", ApplyImmediately=True)
    assert engine.plan(pinned, refresh=True).todo == ()
    assert engine.apply(pinned).todo == ()
    (instance,) = rds.describe_db_instances()["DBInstances"]
    assert instance["EngineVersion"] == "8.4.6"


def test_another_major_version_is_no_upgrade_that_rds_makes_by_itself():
    change = plan(replace(database, engine_version="8.3.2"))
    assert change.fields["engine_downgrade"] == ("from 8.4.6", "none")


@pytest.mark.parametrize(
    ("there", "wanted", "action"),
    [(100, 100, Action.KEEP), (100, 110, Action.UPDATE), (100, 109, Action.BLOCKED), (100, 99, Action.BLOCKED)],
)
def test_storage_only_grows_and_by_a_tenth_at_least(there, wanted, action):
    """RDS never shrinks it, and rounds a smaller step up to something that nobody asked for."""
    change = plan(replace(database, storage_gb=wanted), AllocatedStorage=there)
    assert change.action is action
    if action is Action.BLOCKED:
        assert change.fields["storage_gb"] == (there, wanted)
        assert f"{there} GB" in change.fields["storage_step"][0]


def test_what_is_pending_counts_as_asked_for():
    wanted = replace(database, instance_class="db.t4g.small", storage_gb=40, multi_az=True, logs=(slow,))
    logs = {"LogTypesToEnable": ["slowquery"], "LogTypesToDisable": ["error"]}
    pending = {"DBInstanceClass": "db.t4g.small", "AllocatedStorage": 40, "MultiAZ": True}
    assert drift(wanted, PendingModifiedValues=pending | {"PendingCloudwatchLogsExports": logs}) == set()


def test_a_security_group_on_its_way_out_is_gone():
    leaving = {"VpcSecurityGroupId": "sg-2", "Status": "removing"}
    assert drift(VpcSecurityGroups=[leaving, *instance()["VpcSecurityGroups"]]) == set()
    assert drift(VpcSecurityGroups=[leaving | {"Status": "active"}]) == {"security_group"}


def test_what_is_set_only_on_the_way_to_available_is_no_drift_before():
    """So an apply goes on to the next resource as soon as RDS has accepted the instance."""
    early = {"IAMDatabaseAuthenticationEnabled": False, "EnabledCloudwatchLogsExports": [], "MonitoringInterval": 0}
    assert drift(monitored, DBInstanceStatus="creating", **early) == set()
    assert drift(monitored, **early) == {"iam_auth", "log_exports", "monitoring_role", "monitoring_seconds"}


def test_while_it_is_created_it_has_no_endpoint_and_no_secret():
    described = without(instance(DBInstanceStatus="creating"), "Endpoint", "MasterUserSecret")
    found = database.observe(Snapshot(Rds(described)), IDS)
    assert drifted_fields(found.state, database.desired(IDS)) == set()
    assert (found.ready, found.detail["endpoint"], found.detail["master_secret"]) == (False, None, None)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("public", {"PubliclyAccessible": True}),
        ("managed_password", {"MasterUserSecret": None}),
        ("lifecycle_support", {"EngineLifecycleSupport": "open-source-rds-extended-support"}),
        ("tags_to_snapshots", {"CopyTagsToSnapshot": False}),
        ("storage_type", {"StorageType": "gp2"}),
        ("port", {"Endpoint": {"Address": "x", "Port": 3307}}),
    ],
)
def test_what_nobody_may_want_otherwise_is_set_back(field, change):
    described = {name: value for name, value in instance(**change).items() if value is not None}
    rds = Rds(described)
    found = database.observe(Snapshot(rds), IDS)
    assert drifted_fields(found.state, database.desired(IDS)) == {field}
    database.update(rds, IDS, found, frozenset({field}))
    (sent,) = rds.sent.values()
    assert len(sent) == 3  # which database, at once, and the one setting
    assert (sent["DBInstanceIdentifier"], sent["ApplyImmediately"]) == ("test-database", True)


def test_logs_are_exported_and_no_longer_exported_in_one_change():
    rds, wanted = Rds(instance()), replace(database, logs=(slow,))
    wanted.update(rds, IDS, wanted.observe(Snapshot(rds), IDS), frozenset({"log_exports"}))
    sent = rds.sent["modify_db_instance"]["CloudwatchLogsExportConfiguration"]
    assert sent == {"EnableLogTypes": ["slowquery"], "DisableLogTypes": ["error"]}


@pytest.mark.parametrize(
    ("status", "ready", "failed", "deleting"),
    [
        ("available", True, False, False),
        ("storage-optimization", True, False, False),
        ("creating", False, False, False),
        ("backing-up", False, False, False),
        ("configuring-enhanced-monitoring", False, False, False),
        ("deleting", False, False, True),
        ("failed", False, True, False),
        ("incompatible-network", False, True, False),
        ("incompatible-parameters", False, True, False),
        ("inaccessible-encryption-credentials-recoverable", False, True, False),
        ("stopped", False, True, False),
        ("storage-full", True, True, False),
    ],
)
def test_a_status_says_what_to_expect(status, ready, failed, deleting):
    found = seen(DBInstanceStatus=status)
    assert (found.status, found.ready, bool(found.failed), found.deleting) == (status, ready, failed, deleting)


def test_full_storage_can_be_grown():
    """Nothing else mends it, so it must not wait for the instance to settle."""
    change = plan(replace(database, storage_gb=40), DBInstanceStatus="storage-full")
    assert change.action is Action.UPDATE
    assert plan(DBInstanceStatus="storage-full").action is Action.BLOCKED


def test_the_last_snapshot_has_a_name_that_no_other_database_has():
    rds, wanted = Rds(instance()), replace(database, final_snapshot=True)
    wanted.delete(rds, IDS, wanted.observe(Snapshot(rds), IDS))
    sent = rds.sent["delete_db_instance"]
    assert sent["SkipFinalSnapshot"] is False
    assert sent["FinalDBSnapshotIdentifier"] == "test-database-final-db-abc123"
    assert wanted.left_behind(wanted.observe(Snapshot(rds), IDS)).id == sent["FinalDBSnapshotIdentifier"]


@pytest.mark.parametrize("status", ["failed", "incompatible-restore", "incompatible-network"])
def test_a_broken_database_with_a_last_snapshot_is_reported_at_once(status):
    """AWS refuses it for ever, with the code of a database that is only busy."""
    rds, wanted = Rds(instance(DBInstanceStatus=status)), replace(database, final_snapshot=True)
    found = wanted.observe(Snapshot(rds), IDS)
    with pytest.raises(Blocked, match=rf"db_instance\.database \(test-database\) is {status}") as caught:
        wanted.delete(rds, IDS, found)
    assert "guards.final_snapshot: false" in caught.value.fix
    assert rds.sent == {}
    database.delete(rds, IDS, found)
    assert rds.sent["delete_db_instance"]["SkipFinalSnapshot"] is True


def test_without_a_last_snapshot_nothing_is_left():
    rds = Rds(instance())
    database.delete(rds, IDS, database.observe(Snapshot(rds), IDS))
    assert rds.sent["delete_db_instance"]["SkipFinalSnapshot"] is True
    assert "FinalDBSnapshotIdentifier" not in rds.sent["delete_db_instance"]
    assert database.left_behind(database.observe(Snapshot(rds), IDS)) is None


def test_deletion_protection_guards():
    assert replace(database, deletion_protection=True).prevent_destroy == "guards.deletion_protection is true"
    assert database.prevent_destroy == ""


def test_its_logs_are_there_before_it_and_leave_after_it():
    """RDS would make the groups itself, and those would keep their lines for ever."""
    order = in_order([database])
    assert order.index(errors) < order.index(database)


def test_somebody_elses_database_of_that_name_is_left_alone():
    with pytest.raises(NotOwned, match="test-database"):
        seen(TagList=[])


def test_rds_keeps_a_protected_database_and_the_final_snapshot(engine, aws, journal):
    """The wishes reach RDS: it refuses to delete while protected, and has the snapshot afterwards.

    The journal has the id by which RDS lists it.
    """
    engine.apply(Stack("grounds", all=in_order([database])[:-1]))
    engine.apply(Stack("s", it=replace(database, deletion_protection=True)))
    with pytest.raises(RequestRejected, match="delet"):
        engine.destroy(Stack("s", it=database))
    last = Stack("s", it=replace(database, final_snapshot=True))
    engine.apply(last)
    engine.destroy(last)
    rds = aws.client("rds")
    assert rds.describe_db_instances()["DBInstances"] == []
    (snapshot,) = rds.describe_db_snapshots()["DBSnapshots"]
    assert snapshot["DBSnapshotIdentifier"].startswith("test-database-final-db-")
    assert [(e["key"], e["id"], e["reason"]) for e in events_of(journal.path) if e["event"] == "left"] == [
        (database.key, snapshot["DBSnapshotIdentifier"], "the final snapshot of its data")
    ]


def test_an_apply_that_would_shrink_storage_stops_before_it_does_anything(engine, calls):
    engine.apply(Stack("all", all=in_order([replace(database, storage_gb=40)])))
    calls.clear()
    with pytest.raises(Blocked, match="storage_step"):
        engine.apply(Stack("s", it=replace(database, multi_az=True)))
    assert [c.operation for c in calls if c.operation.startswith("Modify")] == []


def test_the_password_is_nowhere_but_in_secrets_manager(engine, aws, journal):
    """Neither state nor detail nor the journal holds it; the detail says where it is."""
    stack = Stack("all", all=in_order([database]))
    engine.apply(stack)
    found = engine.survey(stack, refresh=True)[database]
    secret = aws.client("secretsmanager").get_secret_value(SecretId=found.detail["master_secret"])["SecretString"]
    password = secret.partition('"password": "')[2].rstrip('"}')
    assert len(password) > 8
    assert password not in str(found)
    assert password not in journal.path.read_text()
