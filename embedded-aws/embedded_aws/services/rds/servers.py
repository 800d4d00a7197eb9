"""Databases with a server of this machine: their endpoint, and how long things take. Without `install`, moto's ways."""

from __future__ import annotations

from typing import Any, Protocol

from moto.rds.models import DBInstance, RDSBackend

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.rds import instances as _beneath  # noqa: F401 - whose properties are replaced below

ON_THE_WAY = ("creating", "starting", "rebooting")


class Servers(Protocol):
    """What the overlay asks of `Databases`."""

    def serves(self, database: Any) -> bool:
        """Whether a server of this machine is, or is to be, this instance."""

    def endpoint(self, database: Any) -> tuple[str, int] | None:
        """Where it is found."""


_servers: list[Servers] = []


def install(servers: Servers) -> None:
    """From now on instances have servers."""
    _servers[:] = [servers]


def uninstall() -> None:
    """From now on they have none."""
    _servers.clear()


def served(database: Any) -> bool:
    """Whether an instance has a server."""
    return any(servers.serves(database) for servers in _servers)


def tick() -> bool:
    """An account that was left half-way, and is used without servers now, does not wait for them for ever."""
    if _servers:
        return False
    found = [one for rds in backends.existing("rds") for one in rds.databases.values()]
    waiting = [one for one in found if vars(one)["status"] in ON_THE_WAY]  # whatever it shows at the present pace
    for database in waiting:
        database.status = "available"
    return bool(waiting)


@patch(DBInstance, "__init__")
def made(moto: Method, database: Any, backend: Any, **sent: Any) -> None:
    """It is `creating` until its server answers.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
    """
    moto(database, backend, **sent)
    if served(database):
        database.status = "creating"


@patch(RDSBackend, "restore_db_instance_from_db_snapshot")
def restore_db_instance_from_db_snapshot(moto: Method, rds: Any, from_snapshot_id: str, overrides: Any) -> Any:
    """It begins with the data of the database that the snapshot is of."""
    snapshots = rds.describe_db_snapshots(db_instance_identifier=None, db_snapshot_identifier=from_snapshot_id)
    database = moto(rds, from_snapshot_id, overrides)
    database.restored_from = snapshots[0].dbi_resource_id
    return database


@patch(RDSBackend, "start_db_instance")
def start_db_instance(moto: Method, rds: Any, *args: Any, **sent: Any) -> Any:
    """Not at once."""
    database = moto(rds, *args, **sent)
    if served(database):
        database.status = "starting"
    return database


@patch(RDSBackend, "reboot_db_instance")
def reboot_db_instance(moto: Method, rds: Any, *args: Any, **sent: Any) -> Any:
    """Its server ends and starts again.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RebootDBInstance.html
    """
    database = moto(rds, *args, **sent)
    if served(database):
        database.restarts = vars(database).get("restarts", 0) + 1
        database.status = "rebooting"
    return database


@patch(RDSBackend, "modify_db_instance")
def modify_db_instance(moto: Method, rds: Any, name: str, sent: Any) -> Any:
    """Not before it is available.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html (InvalidDBInstanceState)
    """
    (database,) = rds.describe_db_instances(name)
    if served(database):
        _refuse_on_the_way(database)
    return moto(rds, name, sent)


def _refuse_on_the_way(database: Any) -> None:
    if database.status in ON_THE_WAY:
        raise ServiceError("InvalidDBInstanceState", f"Database instance is not in available state: {database.status}")


_moto_address: Any = DBInstance.address
_moto_pending: Any = DBInstance.pending_modified_values


def _address(database: Any) -> str:
    found = _found(database)
    return found[0] if found else str(_moto_address.fget(database))


def _endpoint(database: Any) -> dict[str, Any] | None:
    """None while it is created: there is no address yet."""
    if database.status == "creating":
        return None
    found = _found(database)
    return {"Address": _address(database), "Port": found[1] if found else database.port}


def _pending(database: Any) -> Any:
    """The port that was asked for stays asked for: on this machine somebody else may have it.

    So whoever compares what is asked for with what is there finds what he has asked for.
    """
    found = _found(database)
    port = {"Port": database.port} if found and found[1] != database.port else {}
    return {**_moto_pending.fget(database), **port}


def _found(database: Any) -> tuple[str, int] | None:
    return next((servers.endpoint(database) for servers in _servers), None)


DBInstance.address = property(_address)
DBInstance.endpoint = property(_endpoint)
DBInstance.pending_modified_values = property(_pending)
