"""The caches of the account, for real: each is a private server behind a port of its own."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from runbook_lib.local.caches import account
from runbook_lib.local.caches.keeper import Keeper
from runbook_lib.local.caches.programs import find
from runbook_lib.local.caches.server import Server
from runbook_lib.local.servers.authority import HOST, Authority, system_roots, write_private
from runbook_lib.local.servers.forwarder import Forwarder, Loop
from runbook_lib.local.servers.processes import Children, Start

NOWHERE = "no Valkey or Redis from version 7 on is installed on this machine: nothing answers at its endpoint"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheStatus:
    """One cache, for people: where it is, how it is, and what it really is."""

    name: str
    status: str
    endpoint: str
    what: str


@dataclass
class Kept:
    """A cache that has a server, and the way to it."""

    keeper: Keeper
    forwarder: Forwarder
    failovers: int


class Caches:
    """Holds ElastiCache's caches, as moto has them, and the servers of this machine together.

    Args:
        lock: Held by whoever touches moto's backends; `tick` is called under it.
        folder: For the servers' files.
        allowed: Whether the security groups let the application's servers reach a cache of moto's.
        start: Starts a process and writes it down, as the ledger does.
        path: Where to look for a server; the environment's PATH otherwise.
        authority: Vouches for the servers; one of its own otherwise.
    """

    def __init__(
        self,
        lock: RLock,
        folder: Path,
        allowed: Callable[[Any], bool] = lambda _: True,
        start: Start | None = None,
        path: str | None = None,
        authority: Authority | None = None,
    ) -> None:
        self._lock, self._folder, self._allowed = lock, folder.resolve(), allowed
        self._start = start or Children().start
        self.program = find(path)
        self._homes = self._folder / "caches"
        for one in (self._folder, self._homes):
            one.mkdir(parents=True, exist_ok=True, mode=0o700)
            one.chmod(0o700)
        self._authority = authority or Authority(self._folder / "authority")
        self._trust = self._folder / "roots.pem"
        self._kept: dict[str, Kept] = {}
        self._leaving: list[Keeper] = []
        self._loop: Loop | None = None

    def start(self) -> None:
        """Have the servers of the account start, without waiting for them; what belongs to no cache goes."""
        write_private(self._trust, f"{system_roots()}\n{self._authority.pem()}".encode())
        self._loop = Loop()
        with self._lock:
            known = {cache.identity for cache in account.caches()}
            for left in self._homes.iterdir():
                self._end_left_over(left)
                if left.name not in known:
                    shutil.rmtree(left, ignore_errors=True)
            for cache in account.caches():
                if self.program and cache.status == "available":
                    cache.status = "modifying"  # until it answers: ElastiCache has no word for waking up
            self.tick()

    def stop(self) -> None:
        """End all servers; what they had in memory stays in their folders."""
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
        found = {cache.identity: cache for cache in account.caches()}
        changed = False
        for identity, cache in found.items():
            changed |= self._keep(identity, cache) if self.program else account.settle(cache)
        for identity in set(self._kept) - set(found):
            self._release(identity)
        self._leaving = [keeper for keeper in self._leaving if not keeper.gone]
        return changed

    def environment(self) -> dict[str, str]:
        """What a machine's processes need: the trust in our authority."""
        return {"SSL_CERT_FILE": str(self._trust)} if self.program else {}

    def status(self) -> list[CacheStatus]:
        """What `runbook local status` shows."""
        with self._lock:
            return [self._status(cache) for cache in account.caches()]

    def serves(self, cache: Any) -> bool:
        """Whether a server of this machine is, or is to be, a cache of moto's."""
        return self.program is not None and account.is_ours(cache)

    def endpoint(self, cache: Any) -> tuple[str, int] | None:
        """Where the application finds it; None while there is no way."""
        kept = self._kept.get(cache.identity)
        return (HOST, kept.forwarder.port) if kept else None

    def _keep(self, identity: str, cache: Any) -> bool:
        kept = self._kept.get(identity) or self._engage(identity, cache)
        if kept.failovers != cache.failovers:
            kept.forwarder.let(False)  # who was connected to the old primary has lost it
            kept.failovers = cache.failovers
        kept.forwarder.let(self._allowed(cache))
        kept.keeper.want(account.wanted(cache))
        return account.show(cache, kept.keeper)

    def _engage(self, identity: str, cache: Any) -> Kept:
        assert self.program
        folder = self._homes / identity
        folder.mkdir(exist_ok=True, mode=0o700)
        keeper = Keeper(Server(folder, self.program, self._authority, self._start))
        self._kept[identity] = Kept(keeper, self._forwarder(folder, keeper), cache.failovers)
        return self._kept[identity]

    def _forwarder(self, folder: Path, keeper: Keeper) -> Forwarder:
        """On the port that it had before, so that the application's configuration stays true."""
        assert self._loop
        file = folder / "port"
        before = file.read_text() if file.exists() else ""
        forwarder = Forwarder(self._loop, int(before) if before.isdecimal() else 0, lambda: keeper.port)
        write_private(file, str(forwarder.port).encode())
        return forwarder

    def _release(self, identity: str) -> None:
        kept = self._kept.pop(identity)
        kept.forwarder.close()
        kept.keeper.remove()
        self._leaving.append(kept.keeper)
        log.info("cache %s is deleted", identity)

    def _end_left_over(self, folder: Path) -> None:
        """An emulator that was killed may have left a process."""
        if self.program:
            Server(folder, self.program, self._authority, self._start).end_left_over()

    def _status(self, cache: Any) -> CacheStatus:
        kept, name = self._kept.get(cache.identity), account.name_of(cache)
        if not self.program:
            return CacheStatus(name, cache.status, "", NOWHERE)
        endpoint = f"{HOST}:{kept.forwarder.port}" if kept else ""
        what = (kept.keeper.why if kept else "") or f"{self.program.title}, a private server of this machine"
        return CacheStatus(name, cache.status, endpoint, what)
