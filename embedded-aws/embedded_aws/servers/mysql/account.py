"""The RDS instances in the account: read their desired state, and write their server's state back.

The caller holds the lock of the account.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from embedded_aws.account import backends
from embedded_aws.servers.mysql.supervisor import DatabaseSupervisor, DesiredState
from embedded_aws.services.rds.events import record_event

ENGINES = ("mysql", "mariadb")
STOPPED = ("stopped", "stopping")


def list_databases() -> Iterator[Any]:
    """Yield the instances that can be servers of this machine."""
    for rds in backends.existing("rds"):
        yield from (database for database in rds.databases.values() if is_supported(database))


def databases_with_snapshots() -> set[str]:
    """Return the resource ids of the databases that have manual snapshots."""
    return {
        snapshot.dbi_resource_id
        for rds in backends.existing("rds")
        for snapshot in rds.database_snapshots.values()
        if snapshot.snapshot_type == "manual"
    }


def is_supported(database: Any) -> bool:
    """Whether an instance can be a server of this machine: members of clusters and replicas remain moto's."""
    return database.engine in ENGINES and database.db_cluster_identifier is None and not database.is_replica


def complete_without_server(database: Any, not_installed: str) -> bool:
    """Complete what is in progress, as there is no server to wait for, and write one event about it.

    Returns:
        Whether it changed the account.
    """
    changed = not vars(database).get("stand_in_announced")
    if changed:
        database.stand_in_announced = True
        record_event(database, f"{not_installed[0].upper()}{not_installed[1:]}.", "notification")
    if vars(database)["status"] in ("creating", "starting", "rebooting"):
        database.status, changed = "available", True
    return changed


def stand_in_address(database: Any) -> str:
    """Return the endpoint of a database without a server: nothing answers there, and the name says why.

    Each database has its own, so that a database can be found by its address.
    """
    return f"sqlite-stands-in-for-{database.engine}.{database.db_instance_identifier}.localhost"


def desired_state(database: Any) -> DesiredState:
    """Return the desired state of a database's server."""
    (group,) = database.db_parameter_groups()
    parameters = {name: str(one["ParameterValue"]) for name, one in group.parameters.items() if "ParameterValue" in one}
    return DesiredState(
        user=str(database.master_username),
        password=_password(database),
        database=database.db_name,
        parameters=tuple(sorted(parameters.items())),
        running=database.status not in STOPPED and not vars(database).get("out_of_reach"),
        restarts=vars(database).get("restarts", 0),
    )


def _password(database: Any) -> str:
    """Return the master password; from Secrets Manager where RDS manages it."""
    if not database.manage_master_user_password:
        return str(vars(database).get("_master_user_password"))
    secret = database.master_user_secret.secret
    return str(json.loads(secret.versions[secret.default_version_id]["secret_string"])["password"])


def update_status(database: Any, supervisor: DatabaseSupervisor) -> bool:
    """Set a database's status to its server's state; returns whether it changed."""
    status = vars(database)["status"]  # the attribute itself may show a transitional state for longer
    if status in (*STOPPED, "deleting") or vars(database).get("out_of_reach"):
        return False
    state = supervisor.state() or ("starting" if status == "available" and supervisor.port is None else None)
    if state in (None, status) or state == "stopped":
        return False
    database.status = state
    if supervisor.reason:  # the runbook refers to the events when a database has failed
        record_event(database, f"The DB instance could not be started. {supervisor.reason}", "failure")
    return True
