"""Pacing of databases: creation, modification, reboot and deletion take at least as long as the pace says.

A database with a server on this machine is available when the time is over and the server answers.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
"""

from __future__ import annotations

from typing import Any

from moto.rds.models import DBInstance, RDSBackend

import embedded_aws.services.rds.servers  # noqa: F401 - its patches have to be the inner ones
from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

DELETING = "deleting"
WITHOUT_SNAPSHOT = ("failed", "incompatible-restore", "incompatible-network")

pacing.show_transitions(DBInstance, "status", "available")


def tick() -> bool:
    """Finish deletions whose time is over; return whether there were any."""
    return any([_finish_deletions(rds) for rds in backends.existing("rds")])


def _finish_deletions(rds: Any) -> bool:
    deleting = [database for database in rds.databases.values() if database.status == DELETING]
    return pacing.finish(deleting, DELETING, lambda one: rds.delete_db_instance(**one.deleted_as))


@patch(DBInstance, "__init__")
def start_creation(moto: Method, database: Any, *args: Any, **params: Any) -> None:
    """Start the creation; two zones take longer than one."""
    moto(database, *args, **params)
    pacing.start(database, "creating", "db_instance_multi_az" if database.multi_az else "db_instance")


@patch(RDSBackend, "modify_db_instance")
def modify_db_instance(moto: Method, rds: Any, name: str, params: Any) -> Any:
    """Require an available database.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html (InvalidDBInstanceState)
    """
    (database,) = rds.describe_db_instances(name)
    _require_available(database)
    result = moto(rds, name, params)
    pacing.start(database, "modifying", "db_instance", "modify")
    return result


@patch(RDSBackend, "reboot_db_instance")
def reboot_db_instance(moto: Method, rds: Any, db_instance_identifier: str) -> Any:
    """Require an available database.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RebootDBInstance.html (InvalidDBInstanceState)
    """
    (database,) = rds.describe_db_instances(db_instance_identifier)
    _require_available(database)
    result = moto(rds, db_instance_identifier)
    pacing.start(database, "rebooting", "db_instance", "reboot")
    return result


def _require_available(database: Any) -> None:
    if pacing.transitional_state(database) or database.status == DELETING:
        raise ServiceError("InvalidDBInstanceState", f"Database instance is not in available state: {database.status}")


@patch(RDSBackend, "delete_db_instance")
def delete_db_instance(moto: Method, rds: Any, **params: Any) -> Any:
    """Keep the database, with its name and groups in use, until the deletion has finished.

    A broken database "can only be deleted when you skip creation of the final snapshot" (SkipFinalSnapshot):
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
    """
    name, snapshot = params["db_instance_identifier"], params.get("final_db_snapshot_identifier")
    database = rds.databases.get(name)
    known = bool(snapshot) and snapshot in rds.database_snapshots
    if database is None or database.deletion_protection or known:
        return moto(rds, **params)  # moto refuses it
    if database.status == DELETING and pacing.transitional_state(database):
        raise ServiceError("InvalidDBInstanceState", f"Instance {name} is already being deleted.")
    if snapshot and (pacing.transitional_state(database) or database.status in WITHOUT_SNAPSHOT):
        reason = (
            f"Cannot create a snapshot because the database instance {name} is not currently in the available state."
        )
        raise ServiceError("InvalidDBInstanceState", reason)
    if not pacing.delay_deletion(database, DELETING, "db_instance"):
        return moto(rds, **params)
    database.status, database.deleted_as = DELETING, params
    return database
