"""Bring the server of one database to its desired state."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from embedded_aws.servers.mysql import sql
from embedded_aws.servers.mysql.parameters import supported_parameters
from embedded_aws.servers.mysql.server import BadParameters, DatabaseServer
from embedded_aws.servers.supervisor import AVAILABLE, FAILED, Supervisor


@dataclass(frozen=True)
class DesiredState:
    """A database as RDS describes it."""

    user: str
    password: str = field(repr=False)
    database: str | None
    parameters: tuple[tuple[str, str], ...]
    running: bool = True
    restarts: int = 0


class DatabaseSupervisor(Supervisor[DatabaseServer, DesiredState]):
    """The supervisor of one database.

    Args:
        source: The data to start with, when the server has none.
    """

    def __init__(self, server: DatabaseServer, source: Path | None = None) -> None:
        self._source = source  # before the thread starts
        super().__init__(server)

    def remove(self, snapshot_folder: Path | None = None) -> None:
        """End the server, move its data to `snapshot_folder` if given, and remove its files. Returns at once."""
        self._exit(lambda: self._remove(snapshot_folder))

    def _remove(self, snapshot_folder: Path | None) -> None:
        if snapshot_folder:
            self._server.move_data(snapshot_folder)
        self._server.remove()

    def _reconcile(self, desired: DesiredState, applied: DesiredState | None) -> None:
        server = self._server
        if not desired.running:
            server.end()
        elif applied is None or applied.restarts != desired.restarts or not server.running:
            server.end()
            server.create_data(self._source)
            server.run(self._parameters(desired))
            server.set_master_user(desired.user, desired.password, desired.database)
        else:
            if (applied.user, applied.password) != (desired.user, desired.password):
                server.set_master_user(desired.user, desired.password, desired.database)
            server.set_globals(sql.changed_parameters(self._parameters(applied), self._parameters(desired)))

    def _state_of(self, desired: DesiredState) -> str:
        return AVAILABLE if desired.running else "stopped"

    def _state_after(self, error: Exception) -> str:
        return "incompatible-parameters" if isinstance(error, BadParameters) else FAILED

    def _parameters(self, desired: DesiredState) -> dict[str, str]:
        return supported_parameters(dict(desired.parameters), self._server.programs)
