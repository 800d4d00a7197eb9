"""Replication groups of ElastiCache at a pace: creating before they are available, deleting before they are gone.

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html (Status)
"""

from __future__ import annotations

from typing import Any

from moto.elasticache.models import ElastiCacheBackend, ReplicationGroup

from runbook_lib.local import world
from runbook_lib.local.overlays import pacing
from runbook_lib.local.overlays.around import Method, around
from runbook_lib.local.overlays.refused import Refused

KIND, DELETING = "cache_replication_group", "deleting"

pacing.shown(ReplicationGroup, "status", "available")


def tick() -> bool:
    """Let go what has been deleting for long enough."""
    return any([_tick(caches) for caches in world.existing("elasticache")])


def _tick(caches: Any) -> bool:
    leaving = [group for group in caches.replication_groups.values() if group.status == DELETING]
    return pacing.finish(leaving, DELETING, lambda group: caches.replication_groups.pop(group.replication_group_id))


@around(ReplicationGroup, "__init__")
def made(moto: Method, group: Any, *args: Any, **sent: Any) -> None:
    """It takes the longest of all."""
    moto(group, *args, **sent)
    pacing.begin(group, "creating", KIND)


@around(ElastiCacheBackend, "delete_replication_group")
def delete_replication_group(moto: Method, caches: Any, replication_group_id: str, *args: Any, **sent: Any) -> Any:
    """Not while it is on its way.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteReplicationGroup.html
    (InvalidReplicationGroupState)
    """
    group = caches.replication_groups.get(replication_group_id)
    if group and pacing.on_its_way(group):
        why = f"Replication group {replication_group_id} has status {group.status} which is not valid for deletion."
        raise Refused("InvalidReplicationGroupState", why)
    result = moto(caches, replication_group_id, *args, **sent)
    if group:
        pacing.begin(group, DELETING, KIND, "delete")
    return result
