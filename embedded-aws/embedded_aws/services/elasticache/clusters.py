"""Clusters of their own: made, listed beside the nodes of groups, changed, rebooted, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult, PaginatedResult
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws import pacing
from embedded_aws.patching import Method, add_method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.elasticache import validation as refuse
from embedded_aws.services.elasticache.descriptions import described_cluster, described_member
from embedded_aws.services.elasticache.engines import VALUE, VERSIONS, refuse_node_type, whole_version
from embedded_aws.services.elasticache.modifications import change, token_hash
from embedded_aws.services.elasticache.nodes import KIND, begin, zones_of
from embedded_aws.services.elasticache.replication_groups import MAINTENANCE, SNAPSHOT

MEMCACHED = ("memcached", "1.6.22", "default.memcached1.6", 11211)


def _all(elasticache: Any, nodes: bool, alone: bool) -> Iterator[dict[str, Any]]:
    for group in () if alone else elasticache.replication_groups.values():
        yield from (described_member(group, member, nodes) for member in group.members)
    yield from (described_cluster(cluster, nodes) for cluster in elasticache.cache_clusters.values())


def _not_found(name: str) -> ServiceError:
    return ServiceError("CacheClusterNotFound", f"CacheCluster not found: {name}")


def _cluster(response: Any, deed: str) -> Any:
    """One of its own, available; a node of a group goes with its group."""
    elasticache, name = response.elasticache_backend, response.params["CacheClusterId"].lower()
    if any(name in group.members for group in elasticache.replication_groups.values()):
        raise refuse.not_here(f"A single node of a replication group that is to be {deed}")
    if name not in elasticache.cache_clusters:
        raise _not_found(name)
    cluster = elasticache.cache_clusters[name]
    if cluster.status not in ("available", "create-failed"):
        raise ServiceError("InvalidCacheClusterState", f"Cache cluster {name} is not in a valid state to be {deed}.")
    return cluster


@patch(ElastiCacheResponse, "create_cache_cluster")
def create_cache_cluster(moto: Method, response: Any) -> Any:
    """One node of Valkey or Redis; Memcached as far as moto has it.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html
    """
    elasticache, sent = response.elasticache_backend, response.params
    name = sent["CacheClusterId"] = sent["CacheClusterId"].lower()
    refuse.only_supported(sent, "ReplicationGroupId", "SnapshotArns", "SnapshotName", "LogDeliveryConfigurations")
    filled = _filled(elasticache, name, sent)
    moto(response)
    cluster = elasticache.cache_clusters[name]
    begin(cluster, elasticache.region_name)
    vars(cluster).update(filled)
    cluster.preferred_availability_zone = (
        sent.get("PreferredAvailabilityZone") or zones_of(elasticache, cluster.cache_subnet_group_name)[0]
    )
    return ActionResult({"CacheCluster": described_cluster(cluster, nodes=False)})


def _filled(elasticache: Any, name: str, sent: Any) -> dict[str, Any]:
    refuse.refuse_identifier("CacheClusterIdentifier", name, 50)
    engine, tls = (sent.get("Engine") or "redis").lower(), bool(sent.get("TransitEncryptionEnabled"))
    memcached, nodes = engine == MEMCACHED[0], int(sent.get("NumCacheNodes", 1))
    if not memcached:
        refuse.refuse_engine(engine)
    refuse_node_type(sent.get("CacheNodeType"))
    _refuse_nodes(engine, nodes, 40 if memcached else 1)
    refuse.refuse_token(sent.get("AuthToken"), tls)
    refuse.refuse_place(elasticache, sent)
    version, parameters, port = MEMCACHED[1:]
    if not memcached:
        version, port = whole_version(engine, sent.get("EngineVersion")), 6379
        parameters = refuse.parameter_group(elasticache, engine, version, sent.get("CacheParameterGroupName"))
    return {
        "engine": engine,
        "engine_version": version,
        "cache_parameter_group_name": parameters,
        "cache_subnet_group_name": (sent.get("CacheSubnetGroupName") or "").lower() or None,
        "num_cache_nodes": nodes,
        "port": int(sent.get("Port") or port),
        "transit_encryption_enabled": tls,
        "auto_minor_version_upgrade": sent.get("AutoMinorVersionUpgrade") is not False,
        "preferred_maintenance_window": sent.get("PreferredMaintenanceWindow") or MAINTENANCE,
        "snapshot_window": sent.get("SnapshotWindow") or SNAPSHOT,
        "tokens": [token_hash(sent["AuthToken"])] if sent.get("AuthToken") else [],
        "auth_token": None,
    }


def _refuse_nodes(engine: str, nodes: int, most: int) -> None:
    """https://github.com/hashicorp/terraform/issues/2272 has AWS's words on too many."""
    if nodes > most:
        what = f"Cannot create a {engine.capitalize()} cluster"
        raise ServiceError(VALUE, f"{what} with a NumCacheNodes parameter greater than {most}.")
    if nodes < 1:
        raise ServiceError(VALUE, f"The number of cache nodes must be between 1 and {most}: {nodes}.")


@patch(ElastiCacheResponse, "describe_cache_clusters")
def describe_cache_clusters(moto: Method, response: Any) -> Any:
    """The nodes of groups are clusters, too.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheClusters.html
    """
    asked = response.params
    name, alone = asked.get("CacheClusterId"), bool(asked.get("ShowCacheClustersNotInReplicationGroups"))
    found = list(_all(response.elasticache_backend, bool(asked.get("ShowCacheNodeInfo")), alone))
    if name:
        found = [cluster for cluster in found if cluster["CacheClusterId"] == name.lower()]
        if not found:
            raise _not_found(name)
    return PaginatedResult({"CacheClusters": found})


@add_method(ElastiCacheResponse)
def modify_cache_cluster(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheCluster.html."""
    cluster = _cluster(response, "modified")
    refuse.only_supported(response.params, "CacheNodeIdsToRemove", "NewAvailabilityZones", "AZMode")
    if cluster.engine not in VERSIONS or response.params.get("NumCacheNodes", 1) != 1:
        raise refuse.not_here("A change of Memcached")
    change(response.elasticache_backend, cluster, response.params)
    return ActionResult({"CacheCluster": described_cluster(cluster, nodes=False)})


@add_method(ElastiCacheResponse)
def reboot_cache_cluster(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_RebootCacheCluster.html."""
    cluster = _cluster(response, "rebooted")
    cluster.restarts, cluster.status = cluster.restarts + 1, "rebooting cluster nodes"
    return ActionResult({"CacheCluster": described_cluster(cluster, nodes=False)})


@patch(ElastiCacheResponse, "delete_cache_cluster")
def delete_cache_cluster(moto: Method, response: Any) -> Any:
    """It is gone with the next heartbeat; the last node of a group goes with its group only.

    https://github.com/gruntwork-io/cloud-nuke/issues/333 has AWS's words.
    """
    elasticache, sent = response.elasticache_backend, response.params
    if any(list(group.members) == [sent["CacheClusterId"]] for group in elasticache.replication_groups.values()):
        why = "Cannot delete the cache cluster since it is the only member of a replication group."
        raise ServiceError("InvalidCacheClusterState", f"{why} Delete the replication group instead.")
    cluster = _cluster(response, "deleted")
    if last := sent.get("FinalSnapshotIdentifier"):
        elasticache.create_snapshot(last, None, cluster.cache_cluster_id, None, None)
    cluster.status = "deleting"
    pacing.start(cluster, "deleting", KIND, "delete")
    return ActionResult({"CacheCluster": described_cluster(cluster, nodes=False)})
