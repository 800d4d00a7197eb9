"""What a database becomes later: in its maintenance window, at a reboot, or with the next change made at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

# What waits, by moto's names, and what RDS calls it. All else is changed at once whatever was asked for: so are the
# port, the password, the security groups, the windows, the logs and the parameter group.
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html (each parameter)
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.Settings.html
WAITING = {
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


def waiting(database: Any) -> Changes:
    """What has been asked for and is not in place yet."""
    found: Changes = vars(database).get("waiting", {})
    return found


def divided(database: Any, asked: Mapping[str, Any]) -> tuple[Changes, Changes]:
    """What of a request is made now, and all that waits after it.

    "... whether the modifications in this request and any pending modifications are asynchronously applied as soon as
    possible": https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html (ApplyImmediately)
    """
    if asked.get("apply_immediately"):
        return {**waiting(database), **asked}, {}
    later = {name: value for name, value in asked.items() if value is not None and _waits(database, name, value)}
    now = {name: value for name, value in asked.items() if name not in later}
    wanted = {**waiting(database), **later}
    return now, {name: value for name, value in wanted.items() if getattr(database, name, None) != value}


def _waits(database: Any, name: str, value: Any) -> bool:
    """From some days of backups to others there is nothing to wait for (BackupRetentionPeriod)."""
    if name == "backup_retention_period":
        return not (value and database.backup_retention_period)
    return name in WAITING


def described(database: Any) -> dict[str, Any]:
    """As RDS answers it."""
    return {WAITING[name]: value for name, value in waiting(database).items()}


def is_open(window: str, now: datetime) -> bool:
    """Whether it is time for maintenance; a window is such as `sun:23:30-mon:00:30`, in UTC.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Maintenance.html
    """
    begin, end = (_minute(time) for time in window.lower().split("-"))
    minute = now.weekday() * 24 * 60 + now.hour * 60 + now.minute
    return (minute - begin) % WEEK < (end - begin) % WEEK


def _minute(time: str) -> int:
    day, hour, minute = time.split(":")
    return (DAYS.index(day) * 24 + int(hour)) * 60 + int(minute)
