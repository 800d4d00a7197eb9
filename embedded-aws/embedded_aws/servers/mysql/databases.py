"""The databases of the account as real servers: each MySQL or MariaDB instance of RDS is a private server."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from embedded_aws.servers.mysql import account
from embedded_aws.servers.mysql.log_exports import LogExports
from embedded_aws.servers.mysql.programs import Programs, find_programs
from embedded_aws.servers.mysql.server import DatabaseServer
from embedded_aws.servers.mysql.snapshots import SnapshotStore
from embedded_aws.servers.mysql.supervisor import DatabaseSupervisor
from embedded_aws.servers.server import end_leftover
from embedded_aws.servers.servers import ManagedServer, PrivateServers, ServerStatus

log = logging.getLogger(__name__)


class Databases(PrivateServers[Programs, DatabaseSupervisor]):
    """The servers of RDS's MySQL and MariaDB instances."""

    folder_name, starting_state = "instances", "starting"
    not_installed = "no MariaDB or MySQL is installed on this machine: a SQLite file stands in for the database"

    @cached_property
    def _exports(self) -> LogExports:
        return LogExports()

    @cached_property
    def _snapshots(self) -> SnapshotStore:
        return SnapshotStore(self._folder, self._server_folders)

    def start(self, forget: bool = True) -> None:
        """Start the servers of the account without waiting for them.

        Args:
            forget: Whether to delete the data of databases that are not in the account; False sets all data aside,
                as the account's own state was.
        """
        if not forget:
            with self._lock:
                for folder in self._server_folders.iterdir():
                    end_leftover(folder)
                self._snapshots.set_aside()
        super().start()

    def tick(self) -> bool:
        """Bring servers and account in line, send their logs, and delete the data of snapshots that are gone."""
        changed = super().tick()
        if self._loop and self.programs and self._exports.is_due():
            for identity, database in self._resources().items():
                if database.status == "available":  # the last events of a deleted one: services/rds/log_exports.py
                    self._exports.send(database, self._server_folder(identity))
            changed = self._exports.must_save() or changed
        if self._loop and not self._ending:
            self._snapshots.delete_except(account.databases_with_snapshots())
        return changed

    def environment(self, name: str | None = None) -> dict[str, str]:
        """Return environment variables for a host's processes: trust in our authority, or the database's stand-in.

        Args:
            name: The database's identifier; by default the first in the account.
        """
        if self.programs:
            return super().environment()
        with self._lock:
            for identity, database in self._resources().items():
                if name in (None, database.db_instance_identifier):
                    return {"DATABASE_URL": f"sqlite:///{self._stand_in_file(identity)}"}
        return {}

    def ca_pem(self) -> str:
        """Return the certificate of the authority that signs the servers' certificates."""
        return self.authority.pem()

    def status(self) -> list[ServerStatus]:
        """Return what `runbook local status` shows."""
        with self._lock:
            resources = self._resources().items()
            return [self._status(one.db_instance_identifier, one.status, identity) for identity, one in resources]

    def serves(self, database: Any) -> bool:
        """Whether one of moto's instances has, or gets, a server of this machine."""
        return self.programs is not None and account.is_supported(database)

    def endpoint(self, database: Any) -> tuple[str, int] | None:
        """Return host and port for the application; None while there are none."""
        if self.programs is None and account.is_supported(database):
            return account.stand_in_address(database), int(database.port)
        return self._endpoint(database.dbi_resource_id)

    def _find_programs(self, path: str | None) -> Programs | None:
        return find_programs(path)

    def _resources(self) -> dict[str, Any]:
        return {database.dbi_resource_id: database for database in account.list_databases()}

    def _create_supervisor(self, folder: Path, resource: Any) -> DatabaseSupervisor:
        assert self.programs
        restored_from = vars(resource).get("restored_from")
        source = self._snapshots.data_folder(restored_from) if restored_from else None
        return DatabaseSupervisor(DatabaseServer(folder, self.programs, self.authority, self._start_process), source)

    def _sync(self, identity: str, resource: Any) -> bool:
        if not self.programs:
            return account.complete_without_server(resource, self.not_installed)
        server = self._ensure_server(identity, resource)
        if server.endpoint_version not in (None, resource.port):
            self._replace_forwarder(server, identity)
        server.endpoint_version = resource.port
        server.forwarder.set_open(self._is_allowed(resource))
        server.supervisor.set_desired_state(account.desired_state(resource))
        return account.update_status(resource, server.supervisor)

    def _replace_forwarder(self, server: ManagedServer[DatabaseSupervisor], identity: str) -> None:
        """Change the endpoint, as another port was requested: connections to the old one break."""
        server.forwarder.close()
        (self._server_folder(identity) / "port").unlink(missing_ok=True)
        server.forwarder = self._create_forwarder(identity, server.supervisor)

    def _remove_server(self, supervisor: DatabaseSupervisor, identity: str) -> None:
        has_snapshots = identity in account.databases_with_snapshots()
        supervisor.remove(self._snapshots.data_folder(identity) if has_snapshots else None)
        if not has_snapshots:
            log.info("database %s is deleted with its data", identity)

    def _stand_in_file(self, identity: str) -> Path:
        self._known.add(identity)  # so that it is removed even if the database is deleted before the next tick
        return self._server_folder(identity) / "database.sqlite"

    def _status(self, name: str, status: str, identity: str) -> ServerStatus:
        shown = super()._status(name, status, identity)
        return shown if self.programs else replace(shown, endpoint=str(self._stand_in_file(identity)))
