"""Databases with a server on this machine: their endpoint and status. Without `install`, moto's behaviour stays."""

from __future__ import annotations

from typing import Any, Protocol

from moto.rds.models import DBInstance, RDSBackend

import embedded_aws.services.rds.instances  # noqa: F401 - its properties are replaced below
from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# Of RDS in us-west-2: https://docs.aws.amazon.com/general/latest/gr/rds-service.html
HOSTED_ZONE = "Z1PVIF0B656C1W"
IN_TRANSITION = ("creating", "starting", "rebooting")


class Servers(Protocol):
    """Database servers of this machine, implemented by `Databases`."""

    def serves(self, database: Any) -> bool:
        """Return whether this instance has, or will have, a server."""

    def endpoint(self, database: Any) -> tuple[str, int] | None:
        """Return host and port; None without a server."""


_servers: list[Servers] = []


def install(servers: Servers) -> None:
    """Give instances servers from now on."""
    _servers[:] = [servers]


def uninstall() -> None:
    """Remove the servers."""
    _servers.clear()


def has_server(database: Any) -> bool:
    """Return whether an instance has a server."""
    return any(servers.serves(database) for servers in _servers)


def tick() -> bool:
    """Without servers, make databases available that a saved account left in transition; return whether any were."""
    if _servers:
        return False
    databases = [one for rds in backends.existing("rds") for one in rds.databases.values()]
    # The stored status, not the one that the pace shows.
    transitional = [one for one in databases if vars(one)["status"] in IN_TRANSITION]
    for database in transitional:
        database.status = "available"
    return bool(transitional)


@patch(DBInstance, "__init__")
def initialize_database(moto: Method, database: Any, backend: Any, **params: Any) -> None:
    """Set `creating` until the server answers.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
    """
    moto(database, backend, **params)
    if has_server(database):
        database.status = "creating"


@patch(RDSBackend, "restore_db_instance_from_db_snapshot")
def restore_db_instance_from_db_snapshot(moto: Method, rds: Any, from_snapshot_id: str, overrides: Any) -> Any:
    """Remember the source of the data: the database of the snapshot."""
    snapshots = rds.describe_db_snapshots(db_instance_identifier=None, db_snapshot_identifier=from_snapshot_id)
    database = moto(rds, from_snapshot_id, overrides)
    database.restored_from = snapshots[0].dbi_resource_id
    return database


@patch(RDSBackend, "start_db_instance")
def start_db_instance(moto: Method, rds: Any, *args: Any, **params: Any) -> Any:
    """Set `starting` until the server answers."""
    database = moto(rds, *args, **params)
    if has_server(database):
        database.status = "starting"
    return database


@patch(RDSBackend, "reboot_db_instance")
def reboot_db_instance(moto: Method, rds: Any, *args: Any, **params: Any) -> Any:
    """Restart the server.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RebootDBInstance.html
    """
    database = moto(rds, *args, **params)
    if has_server(database):
        database.restarts = vars(database).get("restarts", 0) + 1
        database.status = "rebooting"
    return database


@patch(RDSBackend, "modify_db_instance")
def modify_db_instance(moto: Method, rds: Any, name: str, params: Any) -> Any:
    """Require an available database.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html (InvalidDBInstanceState)
    """
    (database,) = rds.describe_db_instances(name)
    if has_server(database):
        _require_available(database)
    return moto(rds, name, params)


def _require_available(database: Any) -> None:
    if database.status in IN_TRANSITION:
        raise ServiceError("InvalidDBInstanceState", f"Database instance is not in available state: {database.status}")


_moto_address: Any = DBInstance.address
_moto_pending: Any = DBInstance.pending_modified_values


def _address(database: Any) -> str:
    endpoint = _server_endpoint(database)
    return endpoint[0] if endpoint else str(_moto_address.fget(database))


def _endpoint(database: Any) -> dict[str, Any] | None:
    """Return address and port; None during creation."""
    if database.status == "creating":
        return None
    endpoint = _server_endpoint(database)
    port = endpoint[1] if endpoint else database.port
    return {"Address": _address(database), "Port": port, "HostedZoneId": HOSTED_ZONE}


def _pending(database: Any) -> Any:
    """Add the requested port as pending when the server has another one, because it was taken on this machine.

    So a comparison of the requested with the actual port finds no difference.
    """
    endpoint = _server_endpoint(database)
    port = {"Port": database.port} if endpoint and endpoint[1] != database.port else {}
    return {**_moto_pending.fget(database), **port}


def _server_endpoint(database: Any) -> tuple[str, int] | None:
    return next((servers.endpoint(database) for servers in _servers), None)


DBInstance.address = property(_address)
DBInstance.endpoint = property(_endpoint)
DBInstance.pending_modified_values = property(_pending)
