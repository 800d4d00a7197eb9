"""Databases: created, described, validated and deleted."""

from datetime import UTC, datetime

import pytest

from services.database import Database
from services.errors import raises
from services.network import Network
from tests.support.trusted_keys import trust


@pytest.fixture
def database(network):
    """The groups for a database, without a database."""
    return Database(network)


def test_a_managed_password_is_in_secrets_manager_only(database):
    """Random for each database, with the user's name, and deleted with the database."""
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


def test_without_backups_there_is_no_time_to_restore(database):
    assert "LatestRestorableTime" not in database.create(BackupRetentionPeriod=0)
    assert "LatestRestorableTime" in database.create(DBInstanceIdentifier="other", BackupRetentionPeriod=1)


def test_a_managed_password_rotates(database):
    """The secret stays the same one."""
    before = database.create()["MasterUserSecret"]["SecretArn"]
    (old,) = database.secrets().values()
    assert database.modify(RotateMasterUserPassword=True)["MasterUserSecret"]["SecretArn"] == before
    (new,) = database.secrets().values()
    assert new["username"] == old["username"]
    assert new["password"] != old["password"]


def create_role(network, **conditions):
    """Create a role with which RDS may write metrics; return its ARN."""
    created = network.aws.client("iam").create_role(
        RoleName="rds-monitoring", AssumeRolePolicyDocument=trust("monitoring.rds", **conditions)
    )
    return created["Role"]["Arn"]


def test_a_database_is_described_as_requested(database, network):
    """With all settings, and with the defaults of RDS."""
    params = {
        "AutoMinorVersionUpgrade": False,
        "BackupRetentionPeriod": 7,
        "CACertificateIdentifier": "rds-ca-rsa4096-g1",
        "CopyTagsToSnapshot": True,
        "DBName": "app",
        "DatabaseInsightsMode": "standard",
        "DeletionProtection": True,
        "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "MaxAllocatedStorage": 100,
        "MonitoringInterval": 60,
        "MonitoringRoleArn": create_role(network),
        "MultiAZ": True,
        "PerformanceInsightsRetentionPeriod": 7,
        "PreferredBackupWindow": "07:00-08:00",
        "PreferredMaintenanceWindow": "sun:09:00-sun:10:00",
        "PubliclyAccessible": False,
        "StorageEncrypted": True,
        "StorageType": "gp3",
    }
    logs, tags = ["error", "slowquery"], [{"Key": "env", "Value": "test"}]
    renamed = {"EnableIAMDatabaseAuthentication": True, "EnablePerformanceInsights": True, "Tags": tags}
    found = database.create(**params, **renamed, EnableCloudwatchLogsExports=logs)
    assert {name: found[name] for name in params} == params
    defaults = {
        "EngineVersion": "8.4.6",
        "Iops": 3000,
        "StorageThroughput": 125,
        "IAMDatabaseAuthenticationEnabled": True,
        "PerformanceInsightsEnabled": True,
        "PendingModifiedValues": {},
        "TagList": tags,
        "EnabledCloudwatchLogsExports": logs,
        "AvailabilityZone": "us-west-2a",
        "SecondaryAvailabilityZone": "us-west-2b",
        "DBParameterGroups": [{"DBParameterGroupName": "app", "ParameterApplyStatus": "in-sync"}],
        "VpcSecurityGroups": [{"VpcSecurityGroupId": network.group, "Status": "active"}],
    }
    assert {name: found[name] for name in defaults} == defaults
    assert found["KmsKeyId"].startswith("arn:aws:kms:us-west-2:123456789012:key/")
    assert found["DbiResourceId"] in found["EnhancedMonitoringResourceArn"]


def test_a_certificate_is_described_with_its_authority_and_its_end(database):
    details = database.create()["CertificateDetails"]
    assert details["CAIdentifier"] == "rds-ca-rsa2048-g1"
    assert (details["ValidTill"] - datetime.now(UTC)).days in (364, 365)


def test_a_large_volume_has_the_requested_performance(database):
    """gp3 from 400 GiB on."""
    found = database.create(AllocatedStorage=400, Iops=13000, StorageThroughput=600)
    assert (found["Iops"], found["StorageThroughput"]) == (13000, 600)


def test_changes_are_described(database):
    """Only the changed settings are different."""
    before = database.create(EnableCloudwatchLogsExports=["error"])
    changed = {
        "BackupRetentionPeriod": 14,
        "DBInstanceClass": "db.t4g.small",
        "DeletionProtection": True,
        "MultiAZ": True,
        "PreferredBackupWindow": "03:00-04:00",
    }
    logs = {"EnableLogTypes": ["slowquery", "error"], "DisableLogTypes": ["general"]}
    found = database.modify(**changed, CloudwatchLogsExportConfiguration=logs, EnableIAMDatabaseAuthentication=True)
    expected = before | changed
    expected |= {"IAMDatabaseAuthenticationEnabled": True, "EnabledCloudwatchLogsExports": ["error", "slowquery"]}
    expected |= {"SecondaryAvailabilityZone": "us-west-2b", "LatestRestorableTime": found["LatestRestorableTime"]}
    assert found == expected
    none = {"DisableLogTypes": ["error", "slowquery"]}
    assert not database.modify(CloudwatchLogsExportConfiguration=none).get("EnabledCloudwatchLogsExports")


def test_storage_grows_by_at_least_a_tenth(database):
    """It cannot shrink."""
    database.create()
    assert database.modify(AllocatedStorage=21)["AllocatedStorage"] == 22
    with raises("InvalidParameterCombination"):
        database.modify(AllocatedStorage=20)


def test_a_version_cannot_be_downgraded(database):
    """A major upgrade needs a flag."""
    database.create(EngineVersion="8.4.5")
    assert database.modify(EngineVersion="8.4")["EngineVersion"] == "8.4.5"
    assert database.modify(EngineVersion="8.4.6")["EngineVersion"] == "8.4.6"
    with raises("InvalidParameterCombination", "Cannot upgrade mysql from 8.4.6 to 8.4.5"):
        database.modify(EngineVersion="8.4.5")
    plain = {"DBParameterGroupName": "default.mysql8.0", "EngineVersion": "8.0.43"}
    database.create(DBInstanceIdentifier="old", **plain)
    with raises("InvalidParameterCombination", "AllowMajorVersionUpgrade flag must be present"):
        database.rds.modify_db_instance(DBInstanceIdentifier="old", EngineVersion="8.4.6")


INVALID = [
    ("InvalidParameterCombination", "storage type gp3: 19", {"AllocatedStorage": 19}),
    ("InvalidParameterCombination", "storage size less than 400", {"Iops": 3000}),
    ("InvalidParameterCombination", "Cannot find version 8.4.99 for mysql", {"EngineVersion": "8.4.99"}),
    ("InvalidParameterCombination", "Cannot find version 9.9 for mysql", {"EngineVersion": "9.9"}),
    ("InvalidParameterCombination", "DBInstanceClass=db.t2.micro", {"DBInstanceClass": "db.t2.micro"}),
    ("InvalidParameterCombination", "DBParameterGroupFamily mysql8.0", {"EngineVersion": "8.0.43"}),
    ("InvalidParameterCombination", "log types 'slow'", {"EnableCloudwatchLogsExports": ["slow"]}),
    ("InvalidParameterCombination", "Multi-AZ", {"MultiAZ": True, "AvailabilityZone": "us-west-2a"}),
    ("InvalidParameterCombination", "MonitoringRoleARN", {"MonitoringInterval": 60}),
    ("InvalidParameterCombination", "requires `iops`", {"StorageType": "io1", "AllocatedStorage": 100}),
    ("InvalidParameterCombination", "MasterUserPassword together", {"MasterUserPassword": "long-enough"}),
    ("InvalidParameterValue", "MasterUsername must be provided", {"MasterUsername": ""}),
    ("InvalidParameterValue", "Invalid storage type: gp9", {"StorageType": "gp9"}),
    ("InvalidParameterValue", "Invalid monitoring interval: 7", {"MonitoringInterval": 7}),
    ("InvalidParameterValue", "Invalid engine lifecycle support: none", {"EngineLifecycleSupport": "none"}),
    ("InvalidParameterValue", "ENHANCED_MONITORING", {"MonitoringRoleArn": "arn:aws:iam::123456789012:role/none"}),
    ("InvalidParameterValue", "Invalid DB Instance class: db.t4g.tiny", {"DBInstanceClass": "db.t4g.tiny"}),
    ("InvalidParameterValue", "99", {"BackupRetentionPeriod": 99}),
    ("InvalidParameterValue", "groupId= sg-00000000", {"VpcSecurityGroupIds": ["sg-00000000"]}),
    (
        "InvalidParameterValue",
        "overlap",
        {"PreferredBackupWindow": "06:00-07:00", "PreferredMaintenanceWindow": "sun:06:00-sun:07:00"},
    ),
    (
        "InvalidVPCNetworkStateFault",
        "choose from these availability zones: us-west-2a",
        {"AvailabilityZone": "us-west-2c"},
    ),
    ("InvalidParameterValue", "MasterUserPassword", {"ManageMasterUserPassword": False}),
    ("CertificateNotFound", "rds-ca-none", {"CACertificateIdentifier": "rds-ca-none"}),
    ("DBSubnetGroupNotFoundFault", "none", {"DBSubnetGroupName": "none"}),
    ("DBParameterGroupNotFound", "none", {"DBParameterGroupName": "none"}),
]


@pytest.mark.parametrize(("name", "is_taken"), [("app", True), ("another", False)])
def test_a_role_is_taken_that_monitoring_can_assume_for_the_database(database, name, is_taken):
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html."""
    source = {"aws:SourceArn": f"arn:aws:rds:us-west-2:123456789012:db:{name}"}
    params = {"MonitoringInterval": 60, "MonitoringRoleArn": create_role(database.network, StringLike=source)}
    if is_taken:
        assert database.create(**params)["MonitoringRoleArn"] == params["MonitoringRoleArn"]
    else:
        with raises("InvalidParameterValue", "ENHANCED_MONITORING"):
            database.create(**params)


@pytest.mark.parametrize(("code", "words", "params"), INVALID, ids=[f"{next(iter(r[2]))}-{r[1]}" for r in INVALID])
def test_invalid_databases_are_rejected(empty, code, words, params):
    """No secret is left."""
    with raises(code, words):
        empty.create(**params)
    assert empty.secrets() == {}


@pytest.fixture(scope="module")
def empty(aws_server):
    """Shared by all tests, because rejected calls create nothing."""
    aws_server.reset()
    return Database(Network(aws_server))


def test_a_database_and_its_security_groups_are_in_one_network(database, network):
    vpc = network.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    far = network.ec2.create_security_group(GroupName="far", Description="far", VpcId=vpc)["GroupId"]
    with raises("InvalidParameterCombination", "The DB instance and EC2 security group are in different VPCs."):
        database.create(VpcSecurityGroupIds=[far])


def test_a_name_is_unique(database):
    """Case-insensitively."""
    database.create()
    with raises("DBInstanceAlreadyExists"):
        database.create(DBInstanceIdentifier="APP")


def test_a_protected_database_cannot_be_deleted(database):
    """It can without the protection."""
    database.create(DeletionProtection=True)
    message = "Cannot delete protected DB Instance, please disable deletion protection and try again."
    with raises("InvalidParameterCombination", message):
        database.delete()
    database.modify(DeletionProtection=False)
    database.delete()
    with raises("DBInstanceNotFound"):
        database.described()


def test_a_final_snapshot_is_kept(database):
    """With the tags of the database, if it copies them."""
    tags = [{"Key": "env", "Value": "test"}]
    database.create(CopyTagsToSnapshot=True, Tags=tags)
    with raises("InvalidParameterCombination", "FinalDBSnapshotIdentifier is required"):
        database.delete(SkipFinalSnapshot=False)
    with raises("InvalidParameterCombination", "can not be specified when SkipFinalSnapshot is true"):
        database.delete(FinalDBSnapshotIdentifier="app-final")
    database.delete(SkipFinalSnapshot=False, FinalDBSnapshotIdentifier="app-final")
    (found,) = database.rds.describe_db_snapshots(DBSnapshotIdentifier="app-final")["DBSnapshots"]
    assert (found["Status"], found["SnapshotType"], found["TagList"]) == ("available", "manual", tags)
    listed = database.rds.describe_db_snapshots()["DBSnapshots"]
    assert [snapshot["DBSnapshotIdentifier"] for snapshot in listed] == ["app-final"]
    database.rds.delete_db_snapshot(DBSnapshotIdentifier="app-final")


def test_a_failover_swaps_the_zones(database):
    """Of a Multi-AZ database."""
    database.create(MultiAZ=True)
    database.rds.reboot_db_instance(DBInstanceIdentifier="app", ForceFailover=True)
    found = database.described()
    assert (found["AvailabilityZone"], found["SecondaryAvailabilityZone"]) == ("us-west-2b", "us-west-2a")
