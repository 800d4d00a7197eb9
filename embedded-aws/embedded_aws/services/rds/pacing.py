"""Databases at a pace: they are created, modified, rebooted and deleted for as long as the pace asks, or longer.

Where a database has a server of this machine, it is available when both the time is over and the server answers.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
"""

from __future__ import annotations

from typing import Any

from moto.rds.models import DBInstance, RDSBackend

from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.rds import servers as _beneath  # noqa: F401 - what a server does comes first

DELETING = "deleting"

pacing.show_transitions(DBInstance, "status", "available")


def tick() -> bool:
    """Delete what has been deleting for long enough."""
    return any([_tick(rds) for rds in backends.existing("rds")])


def _tick(rds: Any) -> bool:
    leaving = [database for database in rds.databases.values() if database.status == DELETING]
    return pacing.finish(leaving, DELETING, lambda one: rds.delete_db_instance(**one.deleted_as))


@patch(DBInstance, "__init__")
def made(moto: Method, database: Any, *args: Any, **sent: Any) -> None:
    """Two zones take longer than one."""
    moto(database, *args, **sent)
    pacing.start(database, "creating", "db_instance_multi_az" if database.multi_az else "db_instance")


@patch(RDSBackend, "modify_db_instance")
def modify_db_instance(moto: Method, rds: Any, name: str, sent: Any) -> Any:
    """Not while it is on its way.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html (InvalidDBInstanceState)
    """
    (database,) = rds.describe_db_instances(name)
    _refuse(database)
    result = moto(rds, name, sent)
    pacing.start(database, "modifying", "db_instance", "modify")
    return result


@patch(RDSBackend, "reboot_db_instance")
def reboot_db_instance(moto: Method, rds: Any, db_instance_identifier: str) -> Any:
    """Not while it is on its way.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RebootDBInstance.html (InvalidDBInstanceState)
    """
    (database,) = rds.describe_db_instances(db_instance_identifier)
    _refuse(database)
    result = moto(rds, db_instance_identifier)
    pacing.start(database, "rebooting", "db_instance", "reboot")
    return result


def _refuse(database: Any) -> None:
    if pacing.transitional_state(database) or database.status == DELETING:
        raise ServiceError("InvalidDBInstanceState", f"Database instance is not in available state: {database.status}")


@patch(RDSBackend, "delete_db_instance")
def delete_db_instance(moto: Method, rds: Any, **sent: Any) -> Any:
    """While it is deleting, its groups are in use and its name is taken.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
    """
    name, snapshot = sent["db_instance_identifier"], sent.get("final_db_snapshot_identifier")
    database = rds.databases.get(name)
    known = bool(snapshot) and snapshot in rds.database_snapshots
    if database is None or database.deletion_protection or known:
        return moto(rds, **sent)  # which refuses it
    if database.status == DELETING and pacing.transitional_state(database):
        raise ServiceError("InvalidDBInstanceState", f"Instance {name} is already being deleted.")
    if snapshot and pacing.transitional_state(database):
        why = f"Cannot create a snapshot because the database instance {name} is not currently in the available state."
        raise ServiceError("InvalidDBInstanceState", why)
    if not pacing.delay_deletion(database, DELETING, "db_instance"):
        return moto(rds, **sent)
    database.status, database.deleted_as = DELETING, sent
    return database
