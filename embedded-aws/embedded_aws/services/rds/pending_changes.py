"""Pending changes of a database: applied in its maintenance window, at a reboot, or with the next immediate change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

# Settings that can be deferred: moto's name -> RDS's name. All others change immediately, such as the port, the
# password, the security groups, the windows, the logs and the parameter group.
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html (each parameter)
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.Settings.html
DEFERRABLE = {
    "allocated_storage": "AllocatedStorage",
    "backup_retention_period": "BackupRetentionPeriod",
    "ca_certificate_identifier": "CACertificateIdentifier",
    "db_instance_class": "DBInstanceClass",
    "enable_iam_database_authentication": "IAMDatabaseAuthenticationEnabled",
    "engine_version": "EngineVersion",
    "iops": "Iops",
    "license_model": "LicenseModel",
    "multi_az": "MultiAZ",
    "storage_throughput": "StorageThroughput",
    "storage_type": "StorageType",
}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = 7 * 24 * 60  # minutes

Changes = dict[str, Any]


def pending_changes_of(database: Any) -> Changes:
    """Return the changes that were requested and are not applied yet."""
    changes: Changes = vars(database).get("waiting", {})
    return changes


def split_changes(database: Any, requested: Mapping[str, Any]) -> tuple[Changes, Changes]:
    """Return the changes of a request that are applied now, and all changes that are pending after it.

    "... whether the modifications in this request and any pending modifications are asynchronously applied as soon as
    possible": https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html (ApplyImmediately)
    """
    if requested.get("apply_immediately"):
        return {**pending_changes_of(database), **requested}, {}
    later = {
        name: value for name, value in requested.items() if value is not None and _must_wait(database, name, value)
    }
    now = {name: value for name, value in requested.items() if name not in later}
    wanted = {**pending_changes_of(database), **later}
    return now, {name: value for name, value in wanted.items() if getattr(database, name, None) != value}


def _must_wait(database: Any, name: str, value: Any) -> bool:
    """Return whether a change is deferred; that from some days of backups to others is not (BackupRetentionPeriod)."""
    if name == "backup_retention_period":
        return not (value and database.backup_retention_period)
    return name in DEFERRABLE


def describe_pending(database: Any) -> dict[str, Any]:
    """Return the pending changes as RDS describes them (PendingModifiedValues)."""
    return {DEFERRABLE[name]: value for name, value in pending_changes_of(database).items()}


def is_open(window: str, now: datetime) -> bool:
    """Return whether a maintenance window such as `sun:23:30-mon:00:30` (UTC) is open.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Maintenance.html
    """
    begin, end = (_minute(time) for time in window.lower().split("-"))
    minute = now.weekday() * 24 * 60 + now.hour * 60 + now.minute
    return (minute - begin) % WEEK < (end - begin) % WEEK


def _minute(time: str) -> int:
    day, hour, minute = time.split(":")
    return (DAYS.index(day) * 24 + int(hour)) * 60 + int(minute)
