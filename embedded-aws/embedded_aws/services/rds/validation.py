"""What RDS does not take when a database is made, changed or deleted.

The ranges: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.rds.responses import RDSResponse

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.rds.engines import VERSIONS, family, refuse_class, whole_version

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html
STORAGE = {"gp2": (20, 65536), "gp3": (20, 65536), "io1": (100, 65536), "io2": (100, 65536), "standard": (5, 3072)}
STRIPED = 400  # GiB, from which on gp3 has IOPS and throughput of one's choice
LOGS = {
    "mysql": {"audit", "error", "general", "slowquery", "iam-db-auth-error"},
    "mariadb": {"audit", "error", "general", "slowquery", "iam-db-auth-error"},
    "postgres": {"postgresql", "upgrade", "iam-db-auth-error"},
}
AUTHORITIES = ("rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1")
SUPPORT = ("open-source-rds-extended-support", "open-source-rds-extended-support-disabled")
INTERVALS = (0, 1, 5, 10, 15, 30, 60)

VALUE, COMBINATION = "InvalidParameterValue", "InvalidParameterCombination"


@patch(RDSResponse, "create_db_instance")
def create_db_instance(moto: Method, response: Any) -> Any:
    """Instances of a cluster have nothing of this of their own."""
    rds, sent = response.backend, response.params
    if sent["Engine"] in VERSIONS and not sent.get("DBClusterIdentifier"):
        if sent["DBInstanceIdentifier"] in rds.databases:
            raise ServiceError("DBInstanceAlreadyExists", "DB instance already exists")
        version = whole_version(sent["Engine"], sent.get("EngineVersion"))
        for name in ("AllocatedStorage", "MasterUsername"):
            if not sent.get(name):
                raise ServiceError(VALUE, f"The parameter {name} must be provided and must not be blank.")
        _refuse_password(sent)
        _refuse_place(rds, sent)
        _refuse_storage(sent["Engine"], sent)
        _refuse_settings(rds, sent["Engine"], version, sent)
    return moto(response)


@patch(RDSResponse, "modify_db_instance")
def modify_db_instance(moto: Method, response: Any) -> Any:
    """The same, of what the database is afterwards."""
    rds, sent = response.backend, response.params
    (database,) = rds.describe_db_instances(sent["DBInstanceIdentifier"])
    if database.engine in VERSIONS and database.db_cluster_identifier is None:
        version = _next_version(database, sent)
        present = {"StorageType": database.storage_type, "AllocatedStorage": database.allocated_storage}
        if (wanted := sent.get("AllocatedStorage")) and wanted < database.allocated_storage:
            sizes = f"from {database.allocated_storage} to {wanted} GiB"
            raise ServiceError(COMBINATION, f"The allocated storage of a DB instance can't be reduced: {sizes}.")
        if any(sent.get(name) for name in ("AllocatedStorage", "StorageType", "Iops", "StorageThroughput")):
            _refuse_storage(database.engine, {**present, **sent})
        _refuse_settings(rds, database.engine, version, sent)
        if place := getattr(database, "db_subnet_group", None):
            _refuse_security_groups(rds, place, sent)
    return moto(response)


@patch(RDSResponse, "delete_db_instance")
def delete_db_instance(moto: Method, response: Any) -> Any:
    """A last snapshot has a name, unless there shall be none.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
    """
    (database,) = response.backend.describe_db_instances(response.params["DBInstanceIdentifier"])
    name, skipped = (response.params.get(key) for key in ("FinalDBSnapshotIdentifier", "SkipFinalSnapshot"))
    if not name and not skipped and not database.is_replica and not database.db_cluster_identifier:
        why = "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
        raise ServiceError(COMBINATION, why)
    if name and skipped:
        raise ServiceError(
            COMBINATION, "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is true."
        )
    return moto(response)


def _next_version(database: Any, sent: Mapping[str, Any]) -> str:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Upgrading.html."""
    present, asked = str(database.engine_version), sent.get("EngineVersion")
    if not asked or asked == present.rpartition(".")[0]:
        return present
    wanted = whole_version(database.engine, asked)
    before, after = _numbers(present), _numbers(wanted)
    if after < before:
        raise ServiceError(COMBINATION, f"Cannot upgrade {database.engine} from {present} to {wanted}")
    if after[:-1] != before[:-1] and not sent.get("AllowMajorVersionUpgrade"):
        why = "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version."
        raise ServiceError(COMBINATION, why)
    return wanted


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def _refuse_password(sent: Mapping[str, Any]) -> None:
    managed, password = sent.get("ManageMasterUserPassword"), sent.get("MasterUserPassword")
    if managed and password:
        raise ServiceError(COMBINATION, "You can't specify MasterUserPassword and ManageMasterUserPassword together.")
    if not managed and not password:
        raise ServiceError(VALUE, "The parameter MasterUserPassword must be provided and must not be blank.")


def _refuse_place(rds: Any, sent: Mapping[str, Any]) -> None:
    if sent.get("MultiAZ") and sent.get("AvailabilityZone"):
        why = "Requesting a specific availability zone is not valid for Multi-AZ instances."
        raise ServiceError(COMBINATION, why)
    if not sent.get("DBSubnetGroupName"):
        return
    (place,) = rds.describe_db_subnet_groups(sent["DBSubnetGroupName"])
    _refuse_zone(place, sent)
    _refuse_security_groups(rds, place, sent)


def _refuse_zone(place: Any, sent: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html."""
    zone, zones = sent.get("AvailabilityZone"), sorted({subnet.availability_zone for subnet in place._subnets})
    if zone and zone not in zones:
        why = f"because there is not a subnet in {zone}, the targeted availability zone"
        instead = f"or choose from these availability zones: {', '.join(zones)}"
        what = f"Cannot create a {sent.get('DBInstanceClass')} database instance {why}"
        how = f"Create a new subnet in {zone} and target that availability zone again"
        retry = "or retry the launch with no availability zone"
        raise ServiceError("InvalidVPCNetworkStateFault", f"{what}. {how}, {retry}, {instead}.")


def _refuse_security_groups(rds: Any, place: Any, sent: Mapping[str, Any]) -> None:
    groups = backends.backend("ec2", rds.region_name)
    for group_id in sent.get("VpcSecurityGroupIds") or []:
        group = groups.get_security_group_from_id(group_id)
        if not group:
            raise ServiceError(VALUE, f"Invalid security group , groupId= {group_id}, groupName=.")
        if group.vpc_id != place.vpc_id:
            where = f"The DB instance is in {place.vpc_id} and the EC2 security group is in {group.vpc_id}"
            raise ServiceError(COMBINATION, f"The DB instance and EC2 security group are in different VPCs. {where}")


def _refuse_storage(engine: str, wanted: Mapping[str, Any]) -> None:
    kind = wanted.get("StorageType") or ("io1" if wanted.get("Iops") else "gp2")
    size = int(wanted["AllocatedStorage"])
    if kind not in STORAGE:
        raise ServiceError(VALUE, f"Invalid storage type: {kind}")
    least, most = STORAGE[kind]
    if not least <= size <= most:
        raise ServiceError(
            COMBINATION, f"Invalid storage size for engine name {engine} and storage type {kind}: {size}"
        )
    chosen = wanted.get("Iops") or wanted.get("StorageThroughput")
    if kind == "gp3" and chosen and size < STRIPED:
        what = f"IOPS or storage throughput for engine {engine} and a storage size less than {STRIPED}"
        raise ServiceError(COMBINATION, f"You can't specify {what}.")
    if kind in ("io1", "io2") and not wanted.get("Iops"):
        raise ServiceError(COMBINATION, f"The storage type {kind} requires `iops` to be specified.")


def _refuse_settings(rds: Any, engine: str, version: str, sent: Mapping[str, Any]) -> None:
    if name := sent.get("DBInstanceClass"):
        refuse_class(name, engine, version, sent.get("LicenseModel") or "general-public-license")
    days = sent.get("BackupRetentionPeriod")
    if days is not None and not 0 <= int(days) <= 35:
        raise ServiceError(VALUE, f"Invalid backup retention period: {days}. Must be between 0 and 35.")
    authority = sent.get("CACertificateIdentifier")
    if authority and authority not in AUTHORITIES:
        raise ServiceError("CertificateNotFound", f"Certificate not found: {authority}")
    support = sent.get("EngineLifecycleSupport")
    if support and support not in SUPPORT:
        raise ServiceError(VALUE, f"Invalid engine lifecycle support: {support}")
    _refuse_logs(engine, version, sent)
    _refuse_monitoring(sent)
    _refuse_family(rds, engine, version, sent.get("DBParameterGroupName"))


def _refuse_logs(engine: str, version: str, sent: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html."""
    changes = sent.get("CloudwatchLogsExportConfiguration") or {}
    kinds = [*(sent.get("EnableCloudwatchLogsExports") or []), *(changes.get("EnableLogTypes") or [])]
    if unknown := [kind for kind in kinds if kind not in LOGS[engine]]:
        why = f"You cannot use the log types '{', '.join(unknown)}' with engine version {engine} {version}."
        raise ServiceError(COMBINATION, f"{why} For supported log types, see the documentation.")


def _refuse_monitoring(sent: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html."""
    interval, role = sent.get("MonitoringInterval"), sent.get("MonitoringRoleArn")
    if interval is not None and int(interval) not in INTERVALS:
        raise ServiceError(VALUE, f"Invalid monitoring interval: {interval}")
    if role and role not in [found.arn for found in backends.backend("iam").roles.values()]:
        why = "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING"
        raise ServiceError(VALUE, why)


def _refuse_family(rds: Any, engine: str, version: str, name: str | None) -> None:
    wanted = family(engine, version)
    group = rds.db_parameter_groups.get(name) if name else None
    if group and group.family != wanted:
        instead = f"Please use a Parameter Group with DBParameterGroupFamily {wanted}"
        why = f"The Parameter Group {group.name} with DBParameterGroupFamily {group.family} can't be used"
        raise ServiceError(COMBINATION, f"{why} for this instance. {instead}")
