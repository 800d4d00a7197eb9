"""The caches of the account, for real: each is a private server behind a port of its own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from embedded_aws.servers.servers import PrivateServers, ServerStatus
from embedded_aws.servers.valkey import account
from embedded_aws.servers.valkey.programs import Program, find
from embedded_aws.servers.valkey.server import Server
from embedded_aws.servers.valkey.supervisor import Keeper

log = logging.getLogger(__name__)


class Caches(PrivateServers[Program, Keeper]):
    """ElastiCache's replication groups and single nodes."""

    homes, waking = "caches", "modifying"  # ElastiCache has no word for waking up
    absent = "no Valkey or Redis from version 7 on is installed on this machine: nothing answers at its endpoint"

    def status(self) -> list[ServerStatus]:
        """What `runbook local status` shows."""
        with self._lock:
            return [self._status(account.name_of(one), one.status, one.identity) for one in account.caches()]

    def endpoint(self, cache: Any) -> tuple[str, int] | None:
        """Where the application finds it; None while there is no way."""
        return self._endpoint(cache.identity)

    def _find(self, path: str | None) -> Program | None:
        return find(path)

    def _found(self) -> dict[str, Any]:
        return {cache.identity: cache for cache in account.caches()}

    def _keeper(self, folder: Path, cache: Any) -> Keeper:
        assert self.programs
        return Keeper(Server(folder, self.programs, self.authority, self._start))

    def _follow(self, identity: str, cache: Any) -> bool:
        if not self.programs:
            return account.settle(cache)
        kept = self._serve(identity, cache)
        if kept.way != cache.failovers:
            kept.forwarder.let(False)  # who was connected to the old primary has lost it
            kept.way = cache.failovers
        kept.forwarder.let(self._allowed(cache))
        kept.keeper.want(account.wanted(cache))
        return account.show(cache, kept.keeper)

    def _remove(self, keeper: Keeper, identity: str) -> None:
        keeper.remove()
        log.info("cache %s is deleted", identity)
