"""The caches in the account: read their desired state, and write their server's state back.

The caller holds the lock of the account.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from embedded_aws.account import backends
from embedded_aws.servers.valkey.supervisor import CacheSupervisor, DesiredState
from embedded_aws.services.elasticache.events import record_event
from embedded_aws.services.elasticache.nodes import settle
from embedded_aws.services.elasticache.parameter_groups import values_of

ENGINES = ("valkey", "redis")


def list_caches() -> Iterator[Any]:
    """Yield the replication groups and clusters that can be servers of this machine, and are not being deleted."""
    for elasticache in backends.existing("elasticache"):
        caches = [*elasticache.replication_groups.values(), *elasticache.cache_clusters.values()]
        yield from (cache for cache in caches if _is_supported(cache) and cache.status != "deleting")


def _is_supported(cache: Any) -> bool:
    """Whether a cache can be a server of this machine: not Memcached, and created by our patches."""
    return cache.engine in ENGINES and hasattr(cache, "identity")


def desired_state(cache: Any) -> DesiredState:
    """Return the desired state of a cache's server."""
    elasticache = backends.backend("elasticache", cache.region, backends.account_of(cache.arn))
    parameters = values_of(elasticache, cache.cache_parameter_group_name)
    return DesiredState(
        tls=bool(cache.transit_encryption_enabled),
        tokens=tuple(cache.tokens),
        parameters=tuple(sorted(parameters.items())),
        restarts=cache.restarts,
    )


def update_status(cache: Any, supervisor: CacheSupervisor) -> bool:
    """Set a cache's status to its server's state; returns whether it changed."""
    state = supervisor.state()
    if state == "available":
        return settle(cache)
    if state == "failed" and cache.status == "creating":
        cache.status = "create-failed"
        record_event(cache, f"The cache could not be started. {supervisor.reason}")
        return True
    return False
