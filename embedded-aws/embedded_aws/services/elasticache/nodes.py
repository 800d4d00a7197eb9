"""Attributes of caches that moto does not keep: nodes, their zones and addresses, and the status."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from typing import Any

from embedded_aws import pacing
from embedded_aws.service_error import ServiceError

IN_TRANSITION = ("creating", "modifying", "rebooting cluster nodes")
KIND = "cache_replication_group"  # key of the pace's durations; a single node takes about as long
MEMBER = "cache_member"  # the same of a node that a group gets later, or loses
ALPHABET = string.ascii_lowercase + string.digits


def initialize(cache: Any, region: str) -> None:
    """Set the attributes of a new cache; it is `creating` until its server answers, or without one until a tick."""
    cache.region = region
    cache.hash = "".join(secrets.choice(ALPHABET) for _ in range(6))
    cache.identity = f"{name_of(cache)}-{secrets.token_hex(4)}"  # unique, also among deleted caches
    cache.tokens, cache.restarts, cache.failovers, cache.pending = [], 0, 0, {}
    cache.status = "creating"
    pacing.start(cache, "creating", KIND)


def is_group(cache: Any) -> bool:
    """Return whether a cache is a replication group."""
    return not hasattr(cache, "cache_cluster_id")


def name_of(cache: Any) -> str:
    """Return the id of a group or a cluster."""
    return str(cache.replication_group_id if is_group(cache) else cache.cache_cluster_id)


def settle(cache: Any) -> bool:
    """Make a cache available once its transition has taken its time; return whether the status has changed."""
    if cache.status not in (*IN_TRANSITION, "create-failed") or pacing.transitional_state(cache):
        return False
    cache.status = "available"
    return True


def add_members(group: Any, zones: Iterable[str]) -> None:
    """Add a node in each of these zones; node numbers are never reused."""
    for zone in zones:
        group.number = vars(group).get("number", 0) + 1
        group.members[f"{group.replication_group_id}-{group.number:03}"] = zone
    group.member_clusters = list(group.members)


def remove_members(group: Any, names: Iterable[str]) -> None:
    """Remove nodes from a group; each is still described for a while."""
    for name in names:
        zone = group.members.pop(name)
        _transitions(group)[name] = (zone, pacing.new_transition("deleting", MEMBER, "delete"))
    group.member_clusters = list(group.members)


def start_members(group: Any, names: Iterable[str]) -> None:
    """Let nodes be `creating` for a while, although the group is available again before them."""
    for name in names:
        _transitions(group)[name] = (group.members[name], pacing.new_transition("creating", MEMBER))


def members_in_transition(group: Any) -> dict[str, tuple[str, str]]:
    """Return zone and status of each node that is still created or deleted, by its name.

    https://github.com/hashicorp/terraform-provider-aws/issues/50096
    """
    transitions = _transitions(group)
    return {name: (zone, one[2]) for name, (zone, one) in transitions.items() if one and pacing.is_in_progress(one)}


def _transitions(group: Any) -> dict[str, tuple[str, pacing.Transition | None]]:
    transitions: dict[str, tuple[str, pacing.Transition | None]] = vars(group).setdefault("member_transitions", {})
    return transitions


def zones_of(elasticache: Any, subnet_group: str | None) -> list[str]:
    """Return the zones of a subnet group; without one, two zones that every region has."""
    group = elasticache.cache_subnet_groups.get(subnet_group)
    zones = sorted({subnet["subnet_availability_zone"] for subnet in group.subnets}) if group else []
    return zones or [f"{elasticache.region_name}{letter}" for letter in "ab"]


def choose_zones(zones: list[str], occupied: Iterable[str], number: int) -> list[str]:
    """Choose the zones of `number` more nodes: each time the zone with the fewest nodes.

    Args:
        occupied: The zones of the present nodes.
    """
    count = dict.fromkeys(zones, 0)
    for zone in occupied:
        count[zone] = count.get(zone, 0) + 1
    chosen = []
    for _ in range(number):
        chosen.append(min(zones, key=lambda zone: count[zone]))
        count[chosen[-1]] += 1
    return chosen


def caches(elasticache: Any) -> list[Any]:
    """Return all replication groups and standalone clusters."""
    return [*elasticache.replication_groups.values(), *elasticache.cache_clusters.values()]


def zones_in_use(elasticache: Any, subnet_group: str) -> set[str]:
    """Return the zones of a subnet group in which caches have nodes."""
    inside = [cache for cache in caches(elasticache) if cache.cache_subnet_group_name == subnet_group]
    return {zone for cache in inside for zone in nodes_of(cache).values()}


def nodes_of(cache: Any) -> dict[str, str]:
    """Return the zone of each node of a cache, by its name."""
    return dict(cache.members) if is_group(cache) else {cache.cache_cluster_id: cache.preferred_availability_zone}


def replication_group(elasticache: Any, name: str) -> Any:
    """Return a replication group by its id, case-insensitively.

    Raises:
        ServiceError: It does not exist.
    """
    group = elasticache.replication_groups.get(name.lower())
    if group is None:
        raise ServiceError("ReplicationGroupNotFoundFault", f"Replication group {name.lower()} not found.")
    return group


def address(cache: Any, part: str = "primary") -> str:
    """Return the host name of the primary, the reader or a node; with TLS it has another format.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Endpoints.html
    """
    name, tail = name_of(cache), f"{_short_region(cache.region)}.cache.amazonaws.com"
    if not is_group(cache):
        return f"{name}.{cache.hash}.0001.{tail}"
    if cache.transit_encryption_enabled:
        first = {"primary": "master", "reader": "replica"}.get(part, part)
        return f"{first}.{name}.{cache.hash}.{tail}"
    shapes = {"primary": f"{name}.{cache.hash}.ng.0001", "reader": f"{name}-ro.{cache.hash}.ng.0001"}
    return f"{shapes.get(part, f'{part}.{cache.hash}.0001')}.{tail}"


def _short_region(region: str) -> str:
    """Return the short name of a region, such as `usw2` for us-west-2."""
    area, direction, number = region.rsplit("-", 2)
    words = direction.replace("north", "n").replace("south", "s").replace("central", "c")
    return f"{area}{words.replace('east', 'e').replace('west', 'w')}{number}"
