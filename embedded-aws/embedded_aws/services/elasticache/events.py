"""What has happened to a cache: people are sent to its events when one has failed."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws.account import backends
from embedded_aws.patching import add_method, attach_dict
from embedded_aws.services.elasticache.nodes import is_group, name_of

KEPT = 200  # ElastiCache keeps those of two weeks


def tell(cache: Any, message: str) -> None:
    """Write it down."""
    events = attach_dict(backends.backend("elasticache", cache.region), "cache_events").setdefault("all", [])
    kind = "replication-group" if is_group(cache) else "cache-cluster"
    events.append({"SourceIdentifier": name_of(cache), "SourceType": kind, "Message": message, "Date": utcnow()})
    del events[:-KEPT]


@add_method(ElastiCacheResponse)
def describe_events(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEvents.html."""
    events = attach_dict(response.elasticache_backend, "cache_events").get("all", [])
    asked = {name: response.params.get(name) for name in ("SourceIdentifier", "SourceType")}
    found = [event for event in events if all(value in (None, event[name]) for name, value in asked.items())]
    return ActionResult({"Events": found})
