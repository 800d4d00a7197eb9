"""The databases of the account, for real: each MySQL instance of RDS is a private server behind a port of its own."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from runbook_lib.local.databases import account
from runbook_lib.local.databases.keeper import Keeper
from runbook_lib.local.databases.programs import find
from runbook_lib.local.databases.server import Server
from runbook_lib.local.databases.store import Store
from runbook_lib.local.servers.authority import HOST, Authority, system_roots, write_private
from runbook_lib.local.servers.forwarder import Forwarder, Loop
from runbook_lib.local.servers.processes import Children, Start

STAND_IN = "no MariaDB or MySQL is installed on this machine: a SQLite file stands in for the database"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatabaseStatus:
    """One database, for people: where it is, how it is, and what it really is."""

    name: str
    status: str
    endpoint: str
    what: str


@dataclass
class Kept:
    """A database that has a server, and the way to it."""

    keeper: Keeper
    forwarder: Forwarder
    asked_port: int


class Databases:
    """Holds RDS's instances, as moto has them, and the servers of this machine together.

    Args:
        lock: Held by whoever touches moto's backends; `tick` is called under it.
        folder: For the servers' files.
        allowed: Whether the security groups let the application's servers reach an instance of moto's.
        start: Starts a process and writes it down, as the ledger does.
        path: Where to look for a server; the environment's PATH otherwise.
    """

    def __init__(
        self,
        lock: RLock,
        folder: Path,
        allowed: Callable[[Any], bool] = lambda _: True,
        start: Start | None = None,
        path: str | None = None,
    ) -> None:
        self._lock, self._store, self._allowed = lock, Store(folder), allowed
        self._start = start or Children().start
        self.programs = find(path)
        self.authority = Authority(self._store.folder / "authority")
        self._trust = self._store.folder / "roots.pem"
        self._kept: dict[str, Kept] = {}
        self._leaving: list[Keeper] = []
        self._seen: set[str] = set()
        self._loop: Loop | None = None

    def start(self, forget: bool = True) -> None:
        """Have the servers of the account start, without waiting for them.

        Args:
            forget: Whether the data of databases that the account does not know goes; False sets all data
                aside, as it has happened to the account itself.
        """
        write_private(self._trust, f"{system_roots()}\n{self.ca_pem()}".encode())
        self._loop = Loop()
        with self._lock:
            known = {found.dbi_resource_id.lower() for found in account.databases()}
            for left in self._store.instances():
                self._end_left_over(left)
                if forget and left.name not in known:
                    shutil.rmtree(left, ignore_errors=True)
            if not forget:
                self._store.set_aside()
            for database in account.databases():
                if self.programs and database.status == "available":
                    database.status = "starting"
            self.tick()

    def stop(self) -> None:
        """End all servers; their data stays."""
        with self._lock:
            kept, self._kept = list(self._kept.values()), {}
            loop, self._loop = self._loop, None  # no tick from now on
        for one in kept:
            one.keeper.stop()
        for keeper in [*(one.keeper for one in kept), *self._leaving]:
            keeper.join()
        for one in kept:
            one.forwarder.close()
        if loop:
            loop.stop()

    def tick(self) -> bool:
        """Compare the account with the servers; True when it changed the account."""
        if not self._loop:
            return False
        found = {database.dbi_resource_id: database for database in account.databases()}
        changed = False
        for identity, database in found.items():
            changed |= self._keep(identity, database) if self.programs else account.settle(database)
        for identity in self._seen - set(found):
            self._release(identity)
        self._seen = set(found)
        self._leaving = [keeper for keeper in self._leaving if not keeper.gone]
        if not self._leaving:
            self._store.forget_snapshots(account.in_snapshots())
        return changed

    def environment(self, name: str | None = None) -> dict[str, str]:
        """What a machine's processes need: the trust in our authority, or the stand-in for a database.

        Args:
            name: The database's identifier; without one, the first of the account.
        """
        if self.programs:
            return {"SSL_CERT_FILE": str(self._trust)}
        with self._lock:
            for database in account.databases():
                if name in (None, database.db_instance_identifier):
                    return {"WEBAPP_DATABASE_URL": f"sqlite:///{self._stand_in(database)}"}
        return {}

    def ca_pem(self) -> str:
        """The certificate of the authority that vouches for the servers."""
        return self.authority.pem()

    def status(self) -> list[DatabaseStatus]:
        """What `runbook local status` shows."""
        with self._lock:
            return [self._status(database) for database in account.databases()]

    def serves(self, database: Any) -> bool:
        """Whether a server of this machine is, or is to be, an instance of moto's."""
        return self.programs is not None and account.is_ours(database)

    def endpoint(self, database: Any) -> tuple[str, int] | None:
        """Where the application finds it; None while there is no way yet."""
        kept = self._kept.get(database.dbi_resource_id)
        return (HOST, kept.forwarder.port) if kept else None

    def _keep(self, identity: str, database: Any) -> bool:
        kept = self._kept.get(identity) or self._engage(identity, database)
        if kept.asked_port != database.port:
            self._move(kept, identity, database)
        kept.forwarder.let(self._allowed(database))
        kept.keeper.want(account.wanted(database))
        return account.show(database, kept.keeper)

    def _engage(self, identity: str, database: Any) -> Kept:
        assert self.programs
        folder, restored = self._store.instance(identity), vars(database).get("restored_from")
        source = self._store.snapshot(restored) if restored else None
        keeper = Keeper(Server(folder, self.programs, self.authority, self._start), source)
        self._kept[identity] = Kept(keeper, self._forwarder(folder, keeper), database.port)
        return self._kept[identity]

    def _move(self, kept: Kept, identity: str, database: Any) -> None:
        """Another port was asked for: the endpoint changes, and whoever knows the old one is cut off."""
        kept.forwarder.close()
        folder = self._store.instance(identity)
        (folder / "port").unlink(missing_ok=True)
        kept.forwarder, kept.asked_port = self._forwarder(folder, kept.keeper), database.port

    def _forwarder(self, folder: Path, keeper: Keeper) -> Forwarder:
        """On the port that it had before, so that the application's configuration stays true."""
        assert self._loop
        file = folder / "port"
        before = file.read_text() if file.exists() else ""
        forwarder = Forwarder(self._loop, int(before) if before.isdecimal() else 0, lambda: keeper.port)
        write_private(file, str(forwarder.port).encode())
        return forwarder

    def _release(self, identity: str) -> None:
        kept = self._kept.pop(identity, None)
        if not kept:
            shutil.rmtree(self._store.instance(identity), ignore_errors=True)
            return
        kept.forwarder.close()
        wanted = identity in account.in_snapshots()
        kept.keeper.remove(self._store.snapshot(identity) if wanted else None)
        self._leaving.append(kept.keeper)
        if not wanted:
            log.info("database %s is deleted with its data", identity)

    def _end_left_over(self, folder: Path) -> None:
        """An emulator that was killed may have left a process."""
        if self.programs:
            Server(folder, self.programs, self.authority, self._start).end_left_over()

    def _stand_in(self, database: Any) -> Path:
        self._seen.add(database.dbi_resource_id)  # so that it is removed also when it goes before the next tick
        return self._store.stand_in(database.dbi_resource_id)

    def _status(self, database: Any) -> DatabaseStatus:
        kept, name = self._kept.get(database.dbi_resource_id), database.db_instance_identifier
        if not self.programs:
            return DatabaseStatus(name, database.status, str(self._stand_in(database)), STAND_IN)
        what = kept.keeper.why if kept else ""
        endpoint = f"{HOST}:{kept.forwarder.port}" if kept else ""
        private = f"{self.programs.title}, a private server of this machine"
        return DatabaseStatus(name, database.status, endpoint, what or private)
