"""Validation of requests that create, change or delete databases.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.rds.responses import RDSResponse

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.common.service_roles import can_assume
from embedded_aws.services.rds.engines import VERSIONS, family, resolve_version, validate_class

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html
STORAGE = {"gp2": (20, 65536), "gp3": (20, 65536), "io1": (100, 65536), "io2": (100, 65536), "standard": (5, 3072)}
STRIPED = 400  # GiB; from this size on, IOPS and throughput of gp3 can be chosen
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
    """Validate a new database that is not an instance of a cluster."""
    rds, params = response.backend, response.params
    if params["Engine"] in VERSIONS and not params.get("DBClusterIdentifier"):
        if params["DBInstanceIdentifier"] in rds.databases:
            raise ServiceError("DBInstanceAlreadyExists", "DB instance already exists")
        version = resolve_version(params["Engine"], params.get("EngineVersion"))
        for name in ("AllocatedStorage", "MasterUsername"):
            if not params.get(name):
                raise ServiceError(VALUE, f"The parameter {name} must be provided and must not be blank.")
        _validate_password(params)
        _validate_placement(rds, params)
        _validate_storage(params["Engine"], params)
        _validate_settings(rds, params["Engine"], version, params)
    return moto(response)


@patch(RDSResponse, "modify_db_instance")
def modify_db_instance(moto: Method, response: Any) -> Any:
    """Validate the database as it is after the change."""
    rds, params = response.backend, response.params
    (database,) = rds.describe_db_instances(params["DBInstanceIdentifier"])
    if database.engine in VERSIONS and database.db_cluster_identifier is None:
        version = _next_version(database, params)
        present = {"StorageType": database.storage_type, "AllocatedStorage": database.allocated_storage}
        if (wanted := params.get("AllocatedStorage")) and wanted < database.allocated_storage:
            sizes = f"from {database.allocated_storage} to {wanted} GiB"
            raise ServiceError(COMBINATION, f"The allocated storage of a DB instance can't be reduced: {sizes}.")
        if any(params.get(name) for name in ("AllocatedStorage", "StorageType", "Iops", "StorageThroughput")):
            _validate_storage(database.engine, {**present, **params})
        _validate_settings(rds, database.engine, version, params)
        if subnet_group := getattr(database, "db_subnet_group", None):
            _validate_security_groups(rds, subnet_group, params)
    return moto(response)


@patch(RDSResponse, "delete_db_instance")
def delete_db_instance(moto: Method, response: Any) -> Any:
    """Require a name for the final snapshot, unless it is skipped.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
    """
    (database,) = response.backend.describe_db_instances(response.params["DBInstanceIdentifier"])
    name, skipped = (response.params.get(key) for key in ("FinalDBSnapshotIdentifier", "SkipFinalSnapshot"))
    if not name and not skipped and not database.is_replica and not database.db_cluster_identifier:
        reason = "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
        raise ServiceError(COMBINATION, reason)
    if name and skipped:
        raise ServiceError(
            COMBINATION, "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is true."
        )
    return moto(response)


def _next_version(database: Any, params: Mapping[str, Any]) -> str:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Upgrading.html."""
    present, requested = str(database.engine_version), params.get("EngineVersion")
    if not requested or requested == present.rpartition(".")[0]:
        return present
    wanted = resolve_version(database.engine, requested)
    before, after = _version_numbers(present), _version_numbers(wanted)
    if after < before:
        raise ServiceError(COMBINATION, f"Cannot upgrade {database.engine} from {present} to {wanted}")
    if after[:-1] != before[:-1] and not params.get("AllowMajorVersionUpgrade"):
        reason = "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version."
        raise ServiceError(COMBINATION, reason)
    return wanted


def _version_numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def _validate_password(params: Mapping[str, Any]) -> None:
    managed, password = params.get("ManageMasterUserPassword"), params.get("MasterUserPassword")
    if managed and password:
        raise ServiceError(COMBINATION, "You can't specify MasterUserPassword and ManageMasterUserPassword together.")
    if not managed and not password:
        raise ServiceError(VALUE, "The parameter MasterUserPassword must be provided and must not be blank.")


def _validate_placement(rds: Any, params: Mapping[str, Any]) -> None:
    if params.get("MultiAZ") and params.get("AvailabilityZone"):
        reason = "Requesting a specific availability zone is not valid for Multi-AZ instances."
        raise ServiceError(COMBINATION, reason)
    if not params.get("DBSubnetGroupName"):
        return
    (subnet_group,) = rds.describe_db_subnet_groups(params["DBSubnetGroupName"])
    _validate_zone(subnet_group, params)
    _validate_security_groups(rds, subnet_group, params)


def _validate_zone(subnet_group: Any, params: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html."""
    zone, zones = params.get("AvailabilityZone"), sorted({subnet.availability_zone for subnet in subnet_group._subnets})
    if zone and zone not in zones:
        reason = f"because there is not a subnet in {zone}, the targeted availability zone"
        instead = f"or choose from these availability zones: {', '.join(zones)}"
        what = f"Cannot create a {params.get('DBInstanceClass')} database instance {reason}"
        how = f"Create a new subnet in {zone} and target that availability zone again"
        retry = "or retry the launch with no availability zone"
        raise ServiceError("InvalidVPCNetworkStateFault", f"{what}. {how}, {retry}, {instead}.")


def _validate_security_groups(rds: Any, subnet_group: Any, params: Mapping[str, Any]) -> None:
    groups = backends.backend("ec2", rds.region_name)
    for group_id in params.get("VpcSecurityGroupIds") or []:
        group = groups.get_security_group_from_id(group_id)
        if not group:
            raise ServiceError(VALUE, f"Invalid security group , groupId= {group_id}, groupName=.")
        if group.vpc_id != subnet_group.vpc_id:
            where = f"The DB instance is in {subnet_group.vpc_id} and the EC2 security group is in {group.vpc_id}"
            raise ServiceError(COMBINATION, f"The DB instance and EC2 security group are in different VPCs. {where}")


def _validate_storage(engine: str, wanted: Mapping[str, Any]) -> None:
    kind = wanted.get("StorageType") or ("io1" if wanted.get("Iops") else "gp2")
    size = int(wanted["AllocatedStorage"])
    if kind not in STORAGE:
        raise ServiceError(VALUE, f"Invalid storage type: {kind}")
    minimum, maximum = STORAGE[kind]
    if not minimum <= size <= maximum:
        raise ServiceError(
            COMBINATION, f"Invalid storage size for engine name {engine} and storage type {kind}: {size}"
        )
    has_performance = wanted.get("Iops") or wanted.get("StorageThroughput")
    if kind == "gp3" and has_performance and size < STRIPED:
        what = f"IOPS or storage throughput for engine {engine} and a storage size less than {STRIPED}"
        raise ServiceError(COMBINATION, f"You can't specify {what}.")
    if kind in ("io1", "io2") and not wanted.get("Iops"):
        raise ServiceError(COMBINATION, f"The storage type {kind} requires `iops` to be specified.")


def _validate_settings(rds: Any, engine: str, version: str, params: Mapping[str, Any]) -> None:
    if name := params.get("DBInstanceClass"):
        validate_class(name, engine, version, params.get("LicenseModel") or "general-public-license")
    days = params.get("BackupRetentionPeriod")
    if days is not None and not 0 <= int(days) <= 35:
        raise ServiceError(VALUE, f"Invalid backup retention period: {days}. Must be between 0 and 35.")
    authority = params.get("CACertificateIdentifier")
    if authority and authority not in AUTHORITIES:
        raise ServiceError("CertificateNotFound", f"Certificate not found: {authority}")
    support = params.get("EngineLifecycleSupport")
    if support and support not in SUPPORT:
        raise ServiceError(VALUE, f"Invalid engine lifecycle support: {support}")
    _validate_log_types(engine, version, params)
    _validate_monitoring(rds, params)
    _validate_parameter_group(rds, engine, version, params.get("DBParameterGroupName"))


def _validate_log_types(engine: str, version: str, params: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html."""
    changes = params.get("CloudwatchLogsExportConfiguration") or {}
    kinds = [*(params.get("EnableCloudwatchLogsExports") or []), *(changes.get("EnableLogTypes") or [])]
    if unknown := [kind for kind in kinds if kind not in LOGS[engine]]:
        reason = f"You cannot use the log types '{', '.join(unknown)}' with engine version {engine} {version}."
        raise ServiceError(COMBINATION, f"{reason} For supported log types, see the documentation.")


def _validate_monitoring(rds: Any, params: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html."""
    interval, role = params.get("MonitoringInterval"), params.get("MonitoringRoleArn")
    if interval is not None and int(interval) not in INTERVALS:
        raise ServiceError(VALUE, f"Invalid monitoring interval: {interval}")
    source = f"arn:aws:rds:{rds.region_name}:{rds.account_id}:db:{params['DBInstanceIdentifier']}"
    if role and not can_assume(role, "monitoring.rds.amazonaws.com", source):
        reason = "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING"
        raise ServiceError(VALUE, reason)


def _validate_parameter_group(rds: Any, engine: str, version: str, name: str | None) -> None:
    wanted = family(engine, version)
    group = rds.db_parameter_groups.get(name) if name else None
    if group and group.family != wanted:
        instead = f"Please use a Parameter Group with DBParameterGroupFamily {wanted}"
        reason = f"The Parameter Group {group.name} with DBParameterGroupFamily {group.family} can't be used"
        raise ServiceError(COMBINATION, f"{reason} for this instance. {instead}")
