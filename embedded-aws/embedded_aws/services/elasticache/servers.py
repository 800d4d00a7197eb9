"""Caches with a server of this machine: their endpoint. Without `install`, each goes its way with the heartbeat."""

from __future__ import annotations

from typing import Any, Protocol

from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.services.elasticache.nodes import ON_THE_WAY, settle


class Servers(Protocol):
    """What the overlay asks of `Caches`."""

    def endpoint(self, cache: Any) -> tuple[str, int] | None:
        """Where it is found; None where no server of this machine is it."""


_servers: list[Servers] = []


def install(servers: Servers) -> None:
    """From now on caches have servers."""
    _servers[:] = [servers]


def uninstall() -> None:
    """From now on they have none."""
    _servers.clear()


def endpoint(cache: Any) -> tuple[str, int] | None:
    """Where it is found on this machine."""
    return next((servers.endpoint(cache) for servers in _servers), None)


def tick() -> bool:
    """What is being deleted is gone; without servers, nothing waits for one."""
    changed = False
    for elasticache in backends.existing("elasticache"):
        for caches in (elasticache.replication_groups, elasticache.cache_clusters):
            changed |= _forget(elasticache, caches)
            waiting = [cache for cache in caches.values() if cache.status in ON_THE_WAY and not _servers]
            changed |= any([settle(cache) for cache in waiting])
    return changed


def _forget(elasticache: Any, caches: dict[str, Any]) -> bool:
    gone = [
        name for name, cache in caches.items() if cache.status == "deleting" and not pacing.transitional_state(cache)
    ]
    for name in gone:
        elasticache.tagging_service.delete_all_tags_for_resource(caches.pop(name).arn)
    return bool(gone)
