"""The databases of the account, for real: each MySQL instance of RDS is a private server behind a port of its own."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from embedded_aws.servers.mysql import account
from embedded_aws.servers.mysql.programs import Programs, find
from embedded_aws.servers.mysql.server import Server
from embedded_aws.servers.mysql.snapshots import Store
from embedded_aws.servers.mysql.supervisor import Keeper
from embedded_aws.servers.server import end_left_over
from embedded_aws.servers.servers import Kept, PrivateServers, ServerStatus

log = logging.getLogger(__name__)


class Databases(PrivateServers[Programs, Keeper]):
    """RDS's instances of MySQL and MariaDB."""

    homes, waking = "instances", "starting"
    absent = "no MariaDB or MySQL is installed on this machine: a SQLite file stands in for the database"

    @cached_property
    def _store(self) -> Store:
        return Store(self._folder, self._homes)

    def start(self, forget: bool = True) -> None:
        """Have the servers of the account start, without waiting for them.

        Args:
            forget: Whether the data of databases that the account does not know goes; False sets all data
                aside, as it has happened to the account itself.
        """
        if not forget:
            with self._lock:
                for left in self._homes.iterdir():
                    end_left_over(left)
                self._store.set_aside()
        super().start()

    def tick(self) -> bool:
        """Forget the data of snapshots, too."""
        changed = super().tick()
        if self._loop and not self._leaving:
            self._store.forget_snapshots(account.in_snapshots())
        return changed

    def environment(self, name: str | None = None) -> dict[str, str]:
        """What a machine's processes need: the trust in our authority, or the stand-in for a database.

        Args:
            name: The database's identifier; without one, the first of the account.
        """
        if self.programs:
            return super().environment()
        with self._lock:
            for identity, database in self._found().items():
                if name in (None, database.db_instance_identifier):
                    return {"WEBAPP_DATABASE_URL": f"sqlite:///{self._stand_in(identity)}"}
        return {}

    def ca_pem(self) -> str:
        """The certificate of the authority that vouches for the servers."""
        return self.authority.pem()

    def status(self) -> list[ServerStatus]:
        """What `runbook local status` shows."""
        with self._lock:
            found = self._found().items()
            return [self._status(one.db_instance_identifier, one.status, identity) for identity, one in found]

    def serves(self, database: Any) -> bool:
        """Whether a server of this machine is, or is to be, an instance of moto's."""
        return self.programs is not None and account.is_ours(database)

    def endpoint(self, database: Any) -> tuple[str, int] | None:
        """Where the application finds it; None while there is no way yet."""
        if self.programs is None and account.is_ours(database):
            return account.stand_in_name(database), int(database.port)
        return self._endpoint(database.dbi_resource_id)

    def _find(self, path: str | None) -> Programs | None:
        return find(path)

    def _found(self) -> dict[str, Any]:
        return {database.dbi_resource_id: database for database in account.databases()}

    def _keeper(self, folder: Path, database: Any) -> Keeper:
        assert self.programs
        restored = vars(database).get("restored_from")
        source = self._store.snapshot(restored) if restored else None
        return Keeper(Server(folder, self.programs, self.authority, self._start), source)

    def _follow(self, identity: str, database: Any) -> bool:
        if not self.programs:
            return account.settle(database, self.absent)
        kept = self._serve(identity, database)
        if kept.way not in (None, database.port):
            self._move(kept, identity)
        kept.way = database.port
        kept.forwarder.let(self._allowed(database))
        kept.keeper.want(account.wanted(database))
        return account.show(database, kept.keeper)

    def _move(self, kept: Kept[Keeper], identity: str) -> None:
        """Another port was asked for: the endpoint changes, and whoever knows the old one is cut off."""
        kept.forwarder.close()
        (self._home(identity) / "port").unlink(missing_ok=True)
        kept.forwarder = self._forwarder(identity, kept.keeper)

    def _remove(self, keeper: Keeper, identity: str) -> None:
        wanted = identity in account.in_snapshots()
        keeper.remove(self._store.snapshot(identity) if wanted else None)
        if not wanted:
            log.info("database %s is deleted with its data", identity)

    def _stand_in(self, identity: str) -> Path:
        self._seen.add(identity)  # so that it is removed also when it goes before the next tick
        return self._home(identity) / "database.sqlite"

    def _status(self, name: str, status: str, identity: str) -> ServerStatus:
        found = super()._status(name, status, identity)
        return found if self.programs else replace(found, endpoint=str(self._stand_in(identity)))
