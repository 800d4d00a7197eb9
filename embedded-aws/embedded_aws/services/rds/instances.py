"""Databases: read back with everything that was sent, and with what RDS fills in."""

from __future__ import annotations

import math
import secrets
import string
from typing import Any

from moto.core.utils import utcnow
from moto.rds.models import DBInstance, RDSBackend

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.rds import pending_changes as database_pending
from embedded_aws.services.rds.engines import VERSIONS, whole_version
from embedded_aws.services.rds.validation import STRIPED

# What a description has, moto does not keep, and RDS fills in when it is not sent:
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
FILLED_IN = {
    "backup_target": "region",
    "database_insights_mode": "standard",
    "dedicated_log_volume": False,
    "engine_lifecycle_support": "open-source-rds-extended-support",
    "network_type": "IPV4",
    "customer_owned_ip_enabled": False,
    "activity_stream_status": "stopped",
}
AUTHORITY = "rds-ca-rsa2048-g1"
THROUGHPUT = ("iops", "storage_throughput")
NOT_AVAILABLE = "Database instance is not in available state: {}"
GENERAL, STRIPED_GENERAL = (3000, 125), (12000, 500)  # IOPS and MiB/s that gp3 has at least


@patch(DBInstance, "__init__")
def made(moto: Method, database: Any, backend: Any, **sent: Any) -> None:
    """A full version, a zone of its subnet group, a key that can be looked up and an id of its own."""
    if sent["engine"] not in VERSIONS or sent.get("db_cluster_identifier"):
        moto(database, backend, **sent)
        return
    zones = _zones(backend, sent.get("db_subnet_group_name"))
    managed, key = (sent.pop(name, None) for name in ("manage_master_user_password", "master_user_secret_kms_key_id"))
    filled = {
        "engine_version": whole_version(sent["engine"], sent.get("engine_version")),
        "availability_zone": sent.get("availability_zone") or (zones[0] if zones else None),
        "ca_certificate_identifier": sent.get("ca_certificate_identifier") or AUTHORITY,
        "publicly_accessible": bool(sent.get("publicly_accessible")),
    }
    if sent.get("storage_encrypted"):
        filled["kms_key_id"] = backend._validate_kms_key(sent.get("kms_key_id") or "alias/aws/rds")
    moto(database, backend, **{**sent, **filled})
    database.dbi_resource_id = f"db-{_identifier()}"
    for name, value in FILLED_IN.items():
        setattr(database, name, value if sent.get(name) is None else sent[name])
    _insights(database, sent)
    _storage(database, sent)
    if managed:  # last of all, because a refused database leaves no secret behind
        DBInstance.update(database, manage_master_user_password=True, master_user_secret_kms_key_id=key)


@patch(RDSBackend, "modify_db_instance")
def modify_db_instance(moto: Method, rds: Any, name: str, sent: Any) -> Any:
    """moto writes whatever was sent over what it has, at once, also while it is stopped, and exports a log twice.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
    """
    (database,) = rds.describe_db_instances(name)
    if database.engine not in VERSIONS or database.db_cluster_identifier is not None:
        return moto(rds, name, sent)
    if database.status == "stopped":
        raise ServiceError("InvalidDBInstanceState", NOT_AVAILABLE.format(database.status))
    changes = dict(sent)
    logs = changes.pop("cloudwatch_logs_export_configuration", None) or {}
    if version := changes.pop("engine_version", None):
        same_major = version == str(database.engine_version).rpartition(".")[0]
        changes["engine_version"] = database.engine_version if same_major else whole_version(database.engine, version)
    if size := changes.get("allocated_storage"):
        changes["allocated_storage"] = _grown(database.allocated_storage, size)
    if port := changes.pop("db_port_number", None):
        changes["port"] = port
    now, later = database_pending.divided(database, changes)
    moto(rds, name, {key: value for key, value in now.items() if key not in THROUGHPUT})
    _insights(database, now)
    _storage(database, now)
    database.waiting = later
    exported = set(database.enabled_cloudwatch_logs_exports) - set(logs.get("DisableLogTypes") or [])
    database.enabled_cloudwatch_logs_exports = sorted(exported | set(logs.get("EnableLogTypes") or []))
    return database


@patch(RDSBackend, "reboot_db_instance")
def reboot_db_instance(moto: Method, rds: Any, db_instance_identifier: str) -> Any:
    """Only what is available reboots; changes that wait "are applied on the next call to RebootDBInstance".

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RebootDBInstance.html
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html (ApplyImmediately)
    """
    (database,) = rds.describe_db_instances(db_instance_identifier)
    if database.status != "available":
        raise ServiceError("InvalidDBInstanceState", NOT_AVAILABLE.format(database.status))
    result = moto(rds, db_instance_identifier)
    _catch_up(database)
    return result


def tick() -> bool:
    """Make the changes that have waited for the maintenance window."""
    found = [database for rds in backends.existing("rds") for database in rds.databases.values()]
    due = [one for one in found if database_pending.waiting(one) and one.status == "available" and _is_open(one)]
    for database in due:
        _catch_up(database)
    return bool(due)


def _is_open(database: Any) -> bool:
    window = database.preferred_maintenance_window
    return bool(window) and database_pending.is_open(window, utcnow())


def _catch_up(database: Any) -> None:
    changes, database.waiting = database_pending.waiting(database), {}
    DBInstance.update(database, **{key: value for key, value in changes.items() if key not in THROUGHPUT})
    if changes:
        _storage(database, changes)


def _grown(present: int, wanted: int) -> int:
    """ "Values that are not at least 10% greater than the existing value are rounded up" (AllocatedStorage)."""
    return present if wanted == present else max(wanted, math.ceil(present * 11 / 10))


def _insights(database: Any, sent: dict[str, Any]) -> None:
    enabled = sent.get("enable_performance_insights")
    if enabled is not None:
        database.performance_insights_enabled = enabled
    elif not hasattr(database, "performance_insights_enabled"):
        database.performance_insights_enabled = False
    if database.performance_insights_enabled:
        present = getattr(database, "performance_insights_retention_period", None)
        days = sent.get("performance_insights_retention_period") or present or 7
        database.performance_insights_retention_period = days


def _storage(database: Any, sent: dict[str, Any]) -> None:
    """gp3 has a base performance that is described, too.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage
    """
    if database.storage_type != "gp3":
        database.iops = sent.get("iops") or (database.iops if database.storage_type.startswith("io") else None)
        database.storage_throughput = None
        return
    least = STRIPED_GENERAL if database.allocated_storage >= STRIPED else GENERAL
    database.iops = max(sent.get("iops") or database.iops or 0, least[0])
    database.storage_throughput = max(sent.get("storage_throughput") or database.storage_throughput or 0, least[1])


def _zones(rds: Any, name: str | None) -> list[str]:
    group = rds.subnet_groups.get(name) if name else None
    return sorted({subnet.availability_zone for subnet in group._subnets}) if group else []


def _identifier() -> str:
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(26))


def _second_zone(database: Any) -> str | None:
    """Where the standby is.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZSingleStandby.html
    """
    group = getattr(database, "db_subnet_group", None)
    zones = _zones(database.backend, group.name) if group and database.multi_az else []
    others = [zone for zone in zones if zone != database.availability_zone]
    before = vars(database).get("zone_before")  # after a failover the two have changed over
    return before if before in others else next(iter(others), None)


def _monitored(database: Any) -> str | None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.CloudWatchLogs.html."""
    logs = f"arn:aws:logs:{database.region}:{database.account_id}:log-group:RDSOSMetrics:log-stream"
    return f"{logs}:{database.dbi_resource_id}" if database.monitoring_interval else None


DBInstance.secondary_availability_zone = property(_second_zone)
DBInstance.enhanced_monitoring_resource_arn = property(_monitored)
DBInstance.pending_modified_values = property(database_pending.described)
