"""Events of caches, which tell for example why one has failed."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws.account import backends
from embedded_aws.patching import add_method, attach_dict
from embedded_aws.services.elasticache.nodes import is_group, name_of

MAX_EVENTS = 200  # ElastiCache keeps them for two weeks


def record_event(cache: Any, message: str) -> None:
    """Record an event of a cache."""
    elasticache = backends.backend("elasticache", cache.region, backends.account_of(cache.arn))
    events = attach_dict(elasticache, "cache_events").setdefault("all", [])
    kind = "replication-group" if is_group(cache) else "cache-cluster"
    events.append({"SourceIdentifier": name_of(cache), "SourceType": kind, "Message": message, "Date": utcnow()})
    del events[:-MAX_EVENTS]


@add_method(ElastiCacheResponse)
def describe_events(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEvents.html."""
    events = attach_dict(response.elasticache_backend, "cache_events").get("all", [])
    filters = {name: response.params.get(name) for name in ("SourceIdentifier", "SourceType")}
    matching = [event for event in events if all(value in (None, event[name]) for name, value in filters.items())]
    return ActionResult({"Events": matching})
