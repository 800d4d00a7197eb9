"""What ElastiCache has in the account, as moto and our overlays keep it: read and written under the lock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from embedded_aws.account import backends as world
from embedded_aws.servers.valkey.supervisor import Keeper, Wanted
from embedded_aws.services.elasticache.events import tell
from embedded_aws.services.elasticache.nodes import name_of, settle
from embedded_aws.services.elasticache.parameter_groups import values

ENGINES = ("valkey", "redis")


def caches() -> Iterator[Any]:
    """Replication groups and clusters that can be servers of this machine, and are not on their way out."""
    for elasticache in world.existing("elasticache"):
        found = [*elasticache.replication_groups.values(), *elasticache.cache_clusters.values()]
        yield from (cache for cache in found if is_ours(cache) and cache.status != "deleting")


def is_ours(cache: Any) -> bool:
    """Not Memcached, and made under our overlays."""
    return cache.engine in ENGINES and hasattr(cache, "identity")


def wanted(cache: Any) -> Wanted:
    """What its server is to be."""
    parameters = values(world.backend("elasticache", cache.region), cache.cache_parameter_group_name)
    return Wanted(
        tls=bool(cache.transit_encryption_enabled),
        tokens=tuple(cache.tokens),
        parameters=tuple(sorted(parameters.items())),
        restarts=cache.restarts,
    )


def show(cache: Any, keeper: Keeper) -> bool:
    """Let ElastiCache say how the server is; True when that is news."""
    state = keeper.state()
    if state == "available":
        return settle(cache)
    if state == "failed" and cache.status == "creating":
        cache.status = "create-failed"
        tell(cache, f"The cache could not be started. {keeper.why}")
        return True
    return False


__all__ = ["ENGINES", "caches", "is_ours", "name_of", "settle", "show", "wanted"]
