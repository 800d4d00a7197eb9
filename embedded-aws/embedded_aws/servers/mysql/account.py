"""What RDS has in the account, as moto keeps it, and what it says of itself: read and written under the lock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from embedded_aws.account import backends as world
from embedded_aws.servers.mysql.supervisor import Keeper, Wanted
from embedded_aws.services.rds.events import tell

ENGINES = ("mysql", "mariadb")
STOPPED = ("stopped", "stopping")


def databases() -> Iterator[Any]:
    """The instances that can be servers of this machine."""
    for rds in world.existing("rds"):
        yield from (database for database in rds.databases.values() if is_ours(database))


def in_snapshots() -> set[str]:
    """Of which databases people have snapshots."""
    return {
        snapshot.dbi_resource_id
        for rds in world.existing("rds")
        for snapshot in rds.database_snapshots.values()
        if snapshot.snapshot_type == "manual"
    }


def is_ours(database: Any) -> bool:
    """Neither a part of a cluster nor a replica: these stay as moto has them."""
    return database.engine in ENGINES and database.db_cluster_identifier is None and not database.is_replica


def settle(database: Any, absent: str) -> bool:
    """Without a server nothing is on its way to somewhere, and an event says so once; True when that is news."""
    news = not vars(database).get("stood_in_for")
    if news:
        database.stood_in_for = True
        tell(database, f"{absent[0].upper()}{absent[1:]}.", "notification")
    if vars(database)["status"] in ("creating", "starting", "rebooting"):
        database.status, news = "available", True
    return news


def stand_in_name(database: Any) -> str:
    """The address of one without a server: nobody answers there, and it says why, wherever it is shown.

    It is its own, so that whoever looks for the database of an address finds this one.
    """
    return f"sqlite-stands-in-for-{database.engine}.{database.db_instance_identifier}.localhost"


def wanted(database: Any) -> Wanted:
    """What its server is to be."""
    (group,) = database.db_parameter_groups()
    parameters = {name: str(one["ParameterValue"]) for name, one in group.parameters.items() if "ParameterValue" in one}
    return Wanted(
        user=str(database.master_username),
        password=_password(database),
        database=database.db_name,
        parameters=tuple(sorted(parameters.items())),
        running=database.status not in STOPPED and not vars(database).get("out_of_reach"),
        restarts=vars(database).get("restarts", 0),
    )


def _password(database: Any) -> str:
    """From Secrets Manager where RDS manages it."""
    if not database.manage_master_user_password:
        return str(vars(database).get("_master_user_password"))
    secret = database.master_user_secret.secret
    return str(json.loads(secret.versions[secret.default_version_id]["secret_string"])["password"])


def show(database: Any, keeper: Keeper) -> bool:
    """Let RDS say how the server is; True when that is news."""
    shown = vars(database)["status"]  # at the present pace it may say that it is on its way for longer
    if shown in (*STOPPED, "deleting") or vars(database).get("out_of_reach"):
        return False
    state = keeper.state() or ("starting" if shown == "available" and keeper.port is None else None)
    if state in (None, shown) or state == "stopped":
        return False
    database.status = state
    if keeper.why:  # the runbook sends people to the events when a database has failed
        tell(database, f"The DB instance could not be started. {keeper.why}", "failure")
    return True
