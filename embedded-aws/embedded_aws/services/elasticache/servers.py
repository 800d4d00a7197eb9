"""Caches with a server on this machine: their endpoint. Without `install`, ticks alone make caches available."""

from __future__ import annotations

from typing import Any, Protocol

from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.services.elasticache.nodes import IN_TRANSITION, settle


class Servers(Protocol):
    """Cache servers of this machine, implemented by `Caches`."""

    def endpoint(self, cache: Any) -> tuple[str, int] | None:
        """Return host and port; None without a server."""


_servers: list[Servers] = []


def install(servers: Servers) -> None:
    """Give caches servers from now on."""
    _servers[:] = [servers]


def uninstall() -> None:
    """Remove the servers."""
    _servers.clear()


def endpoint(cache: Any) -> tuple[str, int] | None:
    """Return host and port on this machine; None without a server."""
    return next((servers.endpoint(cache) for servers in _servers), None)


def tick() -> bool:
    """Finish deletions and, without servers, transitions; return whether the account has changed."""
    changed = False
    for elasticache in backends.existing("elasticache"):
        for caches in (elasticache.replication_groups, elasticache.cache_clusters):
            changed |= _finish_deletions(elasticache, caches)
            transitional = [cache for cache in caches.values() if cache.status in IN_TRANSITION and not _servers]
            changed |= any([settle(cache) for cache in transitional])
    return changed


def _finish_deletions(elasticache: Any, caches: dict[str, Any]) -> bool:
    deleted = [
        name for name, cache in caches.items() if cache.status == "deleting" and not pacing.transitional_state(cache)
    ]
    for name in deleted:
        elasticache.tagging_service.delete_all_tags_for_resource(caches.pop(name).arn)
    return bool(deleted)
