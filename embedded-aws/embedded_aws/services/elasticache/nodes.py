"""What a cache is beyond what moto keeps of it: its nodes, their zones and names, and where it stands."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Iterator
from typing import Any

from embedded_aws import pacing
from embedded_aws.service_error import ServiceError

ON_THE_WAY = ("creating", "modifying", "rebooting cluster nodes")
KIND = "cache_replication_group"  # among AWS's durations; a single node takes about as long
ALPHABET = string.ascii_lowercase + string.digits


def begin(cache: Any, region: str) -> None:
    """Give a cache what all of ours have; it is `creating` until its server answers, or the next heartbeat."""
    cache.region = region
    cache.hash = "".join(secrets.choice(ALPHABET) for _ in range(6))
    cache.identity = f"{name_of(cache)}-{secrets.token_hex(4)}"  # no other cache ever has it
    cache.tokens, cache.restarts, cache.failovers, cache.pending = [], 0, 0, {}
    cache.status = "creating"
    pacing.start(cache, "creating", KIND)


def is_group(cache: Any) -> bool:
    """Whether it is a replication group."""
    return not hasattr(cache, "cache_cluster_id")


def name_of(cache: Any) -> str:
    """What people call it."""
    return str(cache.replication_group_id if is_group(cache) else cache.cache_cluster_id)


def settle(cache: Any) -> bool:
    """Nothing is on its way any more, when the time for it is over; True when that is news."""
    if cache.status not in (*ON_THE_WAY, "create-failed") or pacing.transitional_state(cache):
        return False
    cache.status = "available"
    return True


def add_members(group: Any, zones: Iterable[str]) -> None:
    """Nodes in these zones; numbers are never used twice."""
    for zone in zones:
        group.number = vars(group).get("number", 0) + 1
        group.members[f"{group.replication_group_id}-{group.number:03}"] = zone
    group.member_clusters = list(group.members)


def remove_members(group: Any, names: Iterable[str]) -> None:
    """Nodes go."""
    for name in names:
        del group.members[name]
    group.member_clusters = list(group.members)


def zones_of(elasticache: Any, subnet_group: str | None) -> list[str]:
    """The zones that the subnets are in, or those that every region has."""
    group = elasticache.cache_subnet_groups.get(subnet_group)
    found = sorted({subnet["subnet_availability_zone"] for subnet in group.subnets}) if group else []
    return found or [f"{elasticache.region_name}{letter}" for letter in "ab"]


def spread(zones: list[str], taken: Iterable[str], number: int) -> list[str]:
    """Zones for so many nodes more: always the one with the fewest."""
    count = dict.fromkeys(zones, 0)
    for zone in taken:
        count[zone] = count.get(zone, 0) + 1
    chosen = []
    for _ in range(number):
        chosen.append(min(zones, key=lambda zone: count[zone]))
        count[chosen[-1]] += 1
    return chosen


def caches(elasticache: Any) -> list[Any]:
    """Replication groups, and clusters of their own."""
    return [*elasticache.replication_groups.values(), *elasticache.cache_clusters.values()]


def zones_in_use(elasticache: Any, subnet_group: str) -> set[str]:
    """The zones of a subnet group in which a cache has a node."""
    inside = [cache for cache in caches(elasticache) if cache.cache_subnet_group_name == subnet_group]
    return {zone for cache in inside for zone in _zones(cache)}


def _zones(cache: Any) -> list[str]:
    return list(cache.members.values()) if is_group(cache) else [cache.preferred_availability_zone]


def uses_subnet(elasticache: Any, subnet_id: str) -> Iterator[bool]:
    """Whether caches have a node in a subnet: once for each subnet group that it is in."""
    for name, group in elasticache.cache_subnet_groups.items():
        zones = {one["subnet_availability_zone"] for one in group.subnets if one["subnet_identifier"] == subnet_id}
        yield bool(zones & zones_in_use(elasticache, name))


def replication_group(elasticache: Any, name: str) -> Any:
    """The one of this name, in any case.

    Raises:
        ServiceError: There is none.
    """
    group = elasticache.replication_groups.get(name.lower())
    if group is None:
        raise ServiceError("ReplicationGroupNotFoundFault", f"Replication group {name.lower()} not found.")
    return group


def address(cache: Any, part: str = "primary") -> str:
    """The name that ElastiCache gives the primary, the reader, or a node; with TLS in another shape.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Endpoints.html
    """
    name, tail = name_of(cache), f"{_short(cache.region)}.cache.amazonaws.com"
    if not is_group(cache):
        return f"{name}.{cache.hash}.0001.{tail}"
    if cache.transit_encryption_enabled:
        first = {"primary": "master", "reader": "replica"}.get(part, part)
        return f"{first}.{name}.{cache.hash}.{tail}"
    shapes = {"primary": f"{name}.{cache.hash}.ng.0001", "reader": f"{name}-ro.{cache.hash}.ng.0001"}
    return f"{shapes.get(part, f'{part}.{cache.hash}.0001')}.{tail}"


def _short(region: str) -> str:
    """`usw2` for us-west-2."""
    area, direction, number = region.rsplit("-", 2)
    words = direction.replace("north", "n").replace("south", "s").replace("central", "c")
    return f"{area}{words.replace('east', 'e').replace('west', 'w')}{number}"
