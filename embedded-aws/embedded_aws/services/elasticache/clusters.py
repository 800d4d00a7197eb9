"""Standalone clusters: created, listed beside the nodes of groups, modified, rebooted, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult, PaginatedResult
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws import pacing
from embedded_aws.patching import Method, add_method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.elasticache import validation
from embedded_aws.services.elasticache.descriptions import describe_cluster, describe_member
from embedded_aws.services.elasticache.engines import VALUE, VERSIONS, resolve_version, validate_node_type
from embedded_aws.services.elasticache.modifications import modify, token_hash
from embedded_aws.services.elasticache.nodes import KIND, initialize, members_in_transition, zones_of
from embedded_aws.services.elasticache.replication_groups import MAINTENANCE, SNAPSHOT

MEMCACHED = ("memcached", "1.6.22", "default.memcached1.6", 11211)


def _describe_all(elasticache: Any, nodes: bool, standalone_only: bool) -> Iterator[dict[str, Any]]:
    for group in () if standalone_only else elasticache.replication_groups.values():
        leaving = [name for name in members_in_transition(group) if name not in group.members]
        yield from (describe_member(group, member, nodes) for member in (*group.members, *leaving))
    yield from (describe_cluster(cluster, nodes) for cluster in elasticache.cache_clusters.values())


def _not_found(name: str) -> ServiceError:
    return ServiceError("CacheClusterNotFound", f"CacheCluster not found: {name}")


def _require_available(response: Any, operation: str) -> Any:
    """Return a standalone cluster that is available.

    Args:
        operation: The participle of the operation for messages, such as "modified".

    Raises:
        ServiceError: The cluster does not exist, is not available, or is a node of a replication group.
    """
    elasticache, name = response.elasticache_backend, response.params["CacheClusterId"].lower()
    if any(name in group.members for group in elasticache.replication_groups.values()):
        raise validation.not_supported(f"A single node of a replication group that is to be {operation}")
    if name not in elasticache.cache_clusters:
        raise _not_found(name)
    cluster = elasticache.cache_clusters[name]
    if cluster.status not in ("available", "create-failed"):
        raise ServiceError(
            "InvalidCacheClusterState", f"Cache cluster {name} is not in a valid state to be {operation}."
        )
    return cluster


@patch(ElastiCacheResponse, "create_cache_cluster")
def create_cache_cluster(moto: Method, response: Any) -> Any:
    """Create one node of Valkey or Redis; Memcached as far as moto supports it.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html
    """
    elasticache, params = response.elasticache_backend, response.params
    name = params["CacheClusterId"] = params["CacheClusterId"].lower()
    validation.require_supported(
        params, "ReplicationGroupId", "SnapshotArns", "SnapshotName", "LogDeliveryConfigurations"
    )
    attributes = _attributes(elasticache, name, params)
    moto(response)
    cluster = elasticache.cache_clusters[name]
    initialize(cluster, elasticache.region_name)
    vars(cluster).update(attributes)
    cluster.preferred_availability_zone = (
        params.get("PreferredAvailabilityZone") or zones_of(elasticache, cluster.cache_subnet_group_name)[0]
    )
    return ActionResult({"CacheCluster": describe_cluster(cluster, nodes=False)})


def _attributes(elasticache: Any, name: str, params: Any) -> dict[str, Any]:
    validation.validate_identifier("CacheClusterIdentifier", name, 50)
    engine, tls = (params.get("Engine") or "redis").lower(), bool(params.get("TransitEncryptionEnabled"))
    memcached, nodes = engine == MEMCACHED[0], int(params.get("NumCacheNodes", 1))
    if not memcached:
        validation.validate_engine(engine)
    validate_node_type(params.get("CacheNodeType"))
    _validate_node_count(engine, nodes, 40 if memcached else 1)
    validation.validate_token(params.get("AuthToken"), tls)
    validation.validate_placement(elasticache, params)
    version, parameters, port = MEMCACHED[1:]
    if not memcached:
        version, port = resolve_version(engine, params.get("EngineVersion")), 6379
        parameters = validation.choose_parameter_group(
            elasticache, engine, version, params.get("CacheParameterGroupName")
        )
    return {
        "engine": engine,
        "engine_version": version,
        "cache_parameter_group_name": parameters,
        "cache_subnet_group_name": (params.get("CacheSubnetGroupName") or "").lower() or None,
        "num_cache_nodes": nodes,
        "port": int(params.get("Port") or port),
        "transit_encryption_enabled": tls,
        "auto_minor_version_upgrade": params.get("AutoMinorVersionUpgrade") is not False,
        "preferred_maintenance_window": params.get("PreferredMaintenanceWindow") or MAINTENANCE,
        "snapshot_window": params.get("SnapshotWindow") or SNAPSHOT,
        "tokens": [token_hash(params["AuthToken"])] if params.get("AuthToken") else [],
        "auth_token": None,
    }


def _validate_node_count(engine: str, nodes: int, maximum: int) -> None:
    """https://github.com/hashicorp/terraform/issues/2272 (AWS's message about too many nodes)."""
    if nodes > maximum:
        what = f"Cannot create a {engine.capitalize()} cluster"
        raise ServiceError(VALUE, f"{what} with a NumCacheNodes parameter greater than {maximum}.")
    if nodes < 1:
        raise ServiceError(VALUE, f"The number of cache nodes must be between 1 and {maximum}: {nodes}.")


@patch(ElastiCacheResponse, "describe_cache_clusters")
def describe_cache_clusters(moto: Method, response: Any) -> Any:
    """Return standalone clusters and, unless excluded, the nodes of groups.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheClusters.html
    """
    params = response.params
    name, standalone_only = params.get("CacheClusterId"), bool(params.get("ShowCacheClustersNotInReplicationGroups"))
    clusters = list(_describe_all(response.elasticache_backend, bool(params.get("ShowCacheNodeInfo")), standalone_only))
    if name:
        clusters = [cluster for cluster in clusters if cluster["CacheClusterId"] == name.lower()]
        if not clusters:
            raise _not_found(name)
    return PaginatedResult({"CacheClusters": clusters})


@add_method(ElastiCacheResponse)
def modify_cache_cluster(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheCluster.html."""
    cluster = _require_available(response, "modified")
    validation.require_supported(response.params, "CacheNodeIdsToRemove", "NewAvailabilityZones", "AZMode")
    if cluster.engine not in VERSIONS or response.params.get("NumCacheNodes", 1) != 1:
        raise validation.not_supported("A change of Memcached")
    modify(response.elasticache_backend, cluster, response.params)
    return ActionResult({"CacheCluster": describe_cluster(cluster, nodes=False)})


@add_method(ElastiCacheResponse)
def reboot_cache_cluster(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_RebootCacheCluster.html."""
    cluster = _require_available(response, "rebooted")
    cluster.restarts, cluster.status = cluster.restarts + 1, "rebooting cluster nodes"
    return ActionResult({"CacheCluster": describe_cluster(cluster, nodes=False)})


@patch(ElastiCacheResponse, "delete_cache_cluster")
def delete_cache_cluster(moto: Method, response: Any) -> Any:
    """Start the deletion, which a later tick finishes; the last node of a group is deleted only with its group.

    https://github.com/gruntwork-io/cloud-nuke/issues/333 (AWS's message)
    """
    elasticache, params = response.elasticache_backend, response.params
    if any(list(group.members) == [params["CacheClusterId"]] for group in elasticache.replication_groups.values()):
        reason = "Cannot delete the cache cluster since it is the only member of a replication group."
        raise ServiceError("InvalidCacheClusterState", f"{reason} Delete the replication group instead.")
    cluster = _require_available(response, "deleted")
    if last := params.get("FinalSnapshotIdentifier"):
        elasticache.create_snapshot(last, None, cluster.cache_cluster_id, None, None)
    cluster.status = "deleting"
    pacing.start(cluster, "deleting", KIND, "delete")
    return ActionResult({"CacheCluster": describe_cluster(cluster, nodes=False)})
