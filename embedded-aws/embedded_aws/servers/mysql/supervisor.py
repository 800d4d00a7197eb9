"""One database: how its server is brought to what is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from embedded_aws.servers import supervisor as keeper
from embedded_aws.servers.mysql import sql
from embedded_aws.servers.mysql.parameters import understood
from embedded_aws.servers.mysql.server import BadParameters, Server


@dataclass(frozen=True)
class Wanted:
    """What RDS says the database is."""

    user: str
    password: str = field(repr=False)
    database: str | None
    parameters: tuple[tuple[str, str], ...]
    running: bool = True
    restarts: int = 0


class Keeper(keeper.Keeper[Server, Wanted]):
    """Of a database.

    Args:
        source: The data that it begins with, when there is none of its own.
    """

    def __init__(self, server: Server, source: Path | None = None) -> None:
        self._source = source  # before the thread begins
        super().__init__(server)

    def remove(self, keep: Path | None = None) -> None:
        """As for others, but move the data to where a snapshot keeps it, if one does."""
        self._go(lambda: self._remove(keep))

    def _remove(self, keep: Path | None) -> None:
        if keep:
            self._server.keep_data(keep)
        self._server.remove()

    def _reach(self, wanted: Wanted, before: Wanted | None) -> None:
        server = self._server
        if not wanted.running:
            server.end()
        elif before is None or before.restarts != wanted.restarts or not server.running:
            server.end()
            server.make(self._source)
            server.run(self._parameters(wanted))
            server.admit(wanted.user, wanted.password, wanted.database)
        else:
            if (before.user, before.password) != (wanted.user, wanted.password):
                server.admit(wanted.user, wanted.password, wanted.database)
            server.set_globals(sql.changes(self._parameters(before), self._parameters(wanted)))

    def _state_of(self, wanted: Wanted) -> str:
        return keeper.AVAILABLE if wanted.running else "stopped"

    def _state_after(self, error: Exception) -> str:
        return "incompatible-parameters" if isinstance(error, BadParameters) else keeper.FAILED

    def _parameters(self, wanted: Wanted) -> dict[str, str]:
        return understood(dict(wanted.parameters), self._server.programs)
