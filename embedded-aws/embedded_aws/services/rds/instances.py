"""Databases: described with everything that was sent, and with the defaults of RDS."""

from __future__ import annotations

import math
import secrets
import string
from datetime import timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.rds.models import DBInstance, RDSBackend

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.rds import pending_changes
from embedded_aws.services.rds.engines import VERSIONS, resolve_version
from embedded_aws.services.rds.validation import STRIPED

# Fields that moto does not keep, with the defaults of RDS:
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
DEFAULTS = {
    "backup_target": "region",
    "database_insights_mode": "standard",
    "dedicated_log_volume": False,
    "engine_lifecycle_support": "open-source-rds-extended-support",
    "network_type": "IPV4",
    "customer_owned_ip_enabled": False,
    "activity_stream_status": "stopped",
}
DEFAULT_AUTHORITY = "rds-ca-rsa2048-g1"
CERTIFICATE_LIFETIME = timedelta(days=365)
THROUGHPUT = ("iops", "storage_throughput")
NOT_AVAILABLE = "Database instance is not in available state: {}"
GENERAL, STRIPED_GENERAL = (3000, 125), (12000, 500)  # base IOPS and MiB/s of gp3


@patch(DBInstance, "__init__")
def initialize_database(moto: Method, database: Any, backend: Any, **params: Any) -> None:
    """Fill in a full version, a zone of the subnet group, an existing key and a unique id."""
    if params["engine"] not in VERSIONS or params.get("db_cluster_identifier"):
        moto(database, backend, **params)
        return
    zones = _zones_of_group(backend, params.get("db_subnet_group_name"))
    managed, key = (params.pop(name, None) for name in ("manage_master_user_password", "master_user_secret_kms_key_id"))
    defaults = {
        "engine_version": resolve_version(params["engine"], params.get("engine_version")),
        "availability_zone": params.get("availability_zone") or (zones[0] if zones else None),
        "ca_certificate_identifier": params.get("ca_certificate_identifier") or DEFAULT_AUTHORITY,
        "publicly_accessible": bool(params.get("publicly_accessible")),
    }
    if params.get("storage_encrypted"):
        defaults["kms_key_id"] = backend._validate_kms_key(params.get("kms_key_id") or "alias/aws/rds")
    moto(database, backend, **{**params, **defaults})
    database.dbi_resource_id = f"db-{_generate_identifier()}"
    for name, value in DEFAULTS.items():
        setattr(database, name, value if params.get(name) is None else params[name])
    _set_insights(database, params)
    _set_storage(database, params)
    if managed:  # last, because a refused database must leave no secret behind
        DBInstance.update(database, manage_master_user_password=True, master_user_secret_kms_key_id=key)


@patch(RDSBackend, "modify_db_instance")
def modify_db_instance(moto: Method, rds: Any, name: str, params: Any) -> Any:
    """Defer changes and validate them; moto applies everything at once, also while stopped, and exports a log twice.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
    """
    (database,) = rds.describe_db_instances(name)
    if database.engine not in VERSIONS or database.db_cluster_identifier is not None:
        return moto(rds, name, params)
    if database.status == "stopped":
        raise ServiceError("InvalidDBInstanceState", NOT_AVAILABLE.format(database.status))
    changes = dict(params)
    logs = changes.pop("cloudwatch_logs_export_configuration", None) or {}
    if version := changes.pop("engine_version", None):
        same_major = version == str(database.engine_version).rpartition(".")[0]
        changes["engine_version"] = database.engine_version if same_major else resolve_version(database.engine, version)
    if size := changes.get("allocated_storage"):
        changes["allocated_storage"] = _round_storage(database.allocated_storage, size)
    if port := changes.pop("db_port_number", None):
        changes["port"] = port
    now, later = pending_changes.split_changes(database, changes)
    moto(rds, name, {key: value for key, value in now.items() if key not in THROUGHPUT})
    _set_insights(database, now)
    _set_storage(database, now)
    database.waiting = later
    exported = set(database.enabled_cloudwatch_logs_exports) - set(logs.get("DisableLogTypes") or [])
    database.enabled_cloudwatch_logs_exports = sorted(exported | set(logs.get("EnableLogTypes") or []))
    return database


@patch(RDSBackend, "reboot_db_instance")
def reboot_db_instance(moto: Method, rds: Any, db_instance_identifier: str) -> Any:
    """Require an available database; pending changes "are applied on the next call to RebootDBInstance".

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RebootDBInstance.html
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html (ApplyImmediately)
    """
    (database,) = rds.describe_db_instances(db_instance_identifier)
    if database.status != "available":
        raise ServiceError("InvalidDBInstanceState", NOT_AVAILABLE.format(database.status))
    result = moto(rds, db_instance_identifier)
    _apply_pending(database)
    return result


def tick() -> bool:
    """Apply pending changes in the maintenance window; return whether there were any."""
    databases = [database for rds in backends.existing("rds") for database in rds.databases.values()]
    due = [
        one
        for one in databases
        if pending_changes.pending_changes_of(one) and one.status == "available" and _is_open(one)
    ]
    for database in due:
        _apply_pending(database)
    return bool(due)


def _is_open(database: Any) -> bool:
    window = database.preferred_maintenance_window
    return bool(window) and pending_changes.is_open(window, utcnow())


def _apply_pending(database: Any) -> None:
    changes, database.waiting = pending_changes.pending_changes_of(database), {}
    DBInstance.update(database, **{key: value for key, value in changes.items() if key not in THROUGHPUT})
    if changes:
        _set_storage(database, changes)


def _round_storage(present: int, wanted: int) -> int:
    """ "Values that are not at least 10% greater than the existing value are rounded up" (AllocatedStorage)."""
    return present if wanted == present else max(wanted, math.ceil(present * 11 / 10))


def _set_insights(database: Any, params: dict[str, Any]) -> None:
    enabled = params.get("enable_performance_insights")
    if enabled is not None:
        database.performance_insights_enabled = enabled
    elif not hasattr(database, "performance_insights_enabled"):
        database.performance_insights_enabled = False
    if database.performance_insights_enabled:
        present = getattr(database, "performance_insights_retention_period", None)
        days = params.get("performance_insights_retention_period") or present or 7
        database.performance_insights_retention_period = days


def _set_storage(database: Any, params: dict[str, Any]) -> None:
    """Set IOPS and throughput; those of gp3 have a base that is described, too.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage
    """
    if database.storage_type != "gp3":
        database.iops = params.get("iops") or (database.iops if database.storage_type.startswith("io") else None)
        database.storage_throughput = None
        return
    minimum = STRIPED_GENERAL if database.allocated_storage >= STRIPED else GENERAL
    database.iops = max(params.get("iops") or database.iops or 0, minimum[0])
    database.storage_throughput = max(params.get("storage_throughput") or database.storage_throughput or 0, minimum[1])


def _zones_of_group(rds: Any, name: str | None) -> list[str]:
    group = rds.subnet_groups.get(name) if name else None
    return sorted({subnet.availability_zone for subnet in group._subnets}) if group else []


def _generate_identifier() -> str:
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(26))


def _standby_zone(database: Any) -> str | None:
    """Return the zone of the standby; None without one.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZSingleStandby.html
    """
    group = getattr(database, "db_subnet_group", None)
    zones = _zones_of_group(database.backend, group.name) if group and database.multi_az else []
    others = [zone for zone in zones if zone != database.availability_zone]
    before = vars(database).get("zone_before")  # after a failover the zones are swapped
    return before if before in others else next(iter(others), None)


def _monitoring_log_arn(database: Any) -> str | None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.CloudWatchLogs.html."""
    logs = f"arn:aws:logs:{database.region}:{database.account_id}:log-group:RDSOSMetrics:log-stream"
    return f"{logs}:{database.dbi_resource_id}" if database.monitoring_interval else None


def _certificate_details(database: Any) -> dict[str, Any] | None:
    """Return the authority and the end of the server's certificate, which is valid for a year; None during creation.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
    """
    if database.status == "creating":
        return None
    valid_till = database.created + CERTIFICATE_LIFETIME
    return {"CAIdentifier": database.ca_certificate_identifier, "ValidTill": valid_till}


def _latest_restorable_time(database: Any) -> Any:
    """Return None of a database without a backup.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html
    """
    return utcnow() if database.backup_retention_period and database.status != "creating" else None


DBInstance.certificate_details = property(_certificate_details)
DBInstance.secondary_availability_zone = property(_standby_zone)
DBInstance.enhanced_monitoring_resource_arn = property(_monitoring_log_arn)
DBInstance.latest_restorable_time = property(_latest_restorable_time)
DBInstance.pending_modified_values = property(pending_changes.describe_pending)
