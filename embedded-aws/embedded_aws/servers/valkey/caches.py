"""The caches of the account as real servers: each is a private server behind a port of its own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from embedded_aws.servers.servers import PrivateServers, ServerStatus
from embedded_aws.servers.valkey import account
from embedded_aws.servers.valkey.programs import Program, find_program
from embedded_aws.servers.valkey.server import CacheServer
from embedded_aws.servers.valkey.supervisor import CacheSupervisor
from embedded_aws.services.elasticache.nodes import name_of, settle

log = logging.getLogger(__name__)


class Caches(PrivateServers[Program, CacheSupervisor]):
    """The servers of ElastiCache's replication groups and single nodes."""

    folder_name, starting_state = "caches", "modifying"  # ElastiCache has no state for a cache that starts again
    not_installed = "no Valkey or Redis from version 7 on is installed on this machine: nothing answers at its endpoint"

    def status(self) -> list[ServerStatus]:
        """Return what `runbook local status` shows."""
        with self._lock:
            return [self._status(name_of(one), one.status, one.identity) for one in account.list_caches()]

    def endpoint(self, cache: Any) -> tuple[str, int] | None:
        """Return host and port for the application; None while there are none."""
        return self._endpoint(cache.identity)

    def _find_programs(self, path: str | None) -> Program | None:
        return find_program(path)

    def _resources(self) -> dict[str, Any]:
        return {cache.identity: cache for cache in account.list_caches()}

    def _create_supervisor(self, folder: Path, resource: Any) -> CacheSupervisor:
        assert self.programs
        return CacheSupervisor(CacheServer(folder, self.programs, self.authority, self._start_process))

    def _sync(self, identity: str, resource: Any) -> bool:
        if not self.programs:
            return settle(resource)
        server = self._ensure_server(identity, resource)
        if server.endpoint_version != resource.failovers:
            server.forwarder.set_open(False)  # connections to the old primary break
            server.endpoint_version = resource.failovers
        server.forwarder.set_open(self._is_allowed(resource))
        server.supervisor.set_desired_state(account.desired_state(resource))
        return account.update_status(resource, server.supervisor)

    def _remove_server(self, supervisor: CacheSupervisor, identity: str) -> None:
        supervisor.remove()
        log.info("cache %s is deleted", identity)
