"""Replication groups without cluster mode: made with their nodes, changed, failed over, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult, PaginatedResult
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws import pacing
from embedded_aws.patching import Method, add_method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.elasticache import validation as refuse
from embedded_aws.services.elasticache.descriptions import described_group
from embedded_aws.services.elasticache.engines import COMBINATION, VALUE, refuse_node_type, whole_version
from embedded_aws.services.elasticache.events import tell
from embedded_aws.services.elasticache.modifications import change, token_hash
from embedded_aws.services.elasticache.nodes import (
    KIND,
    add_members,
    begin,
    remove_members,
    replication_group,
    spread,
    zones_of,
)

MAINTENANCE, SNAPSHOT = "sun:05:00-sun:06:00", "03:00-04:00"  # ElastiCache chooses them at random
MISSING = (
    "PrimaryClusterId", "GlobalReplicationGroupId", "UserGroupIds", "SnapshotArns", "SnapshotName",
    "ServerlessCacheSnapshotName", "DataTieringEnabled", "LogDeliveryConfigurations",
)  # fmt: skip


def _answer(group: Any) -> Any:
    return ActionResult({"ReplicationGroup": described_group(group)})


@patch(ElastiCacheResponse, "create_replication_group")
def create_replication_group(moto: Method, response: Any) -> Any:
    """moto counts its nodes only as ReplicasPerNodeGroup, and puts them into another region.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
    """
    elasticache, sent = response.elasticache_backend, response.params
    name = sent["ReplicationGroupId"] = sent["ReplicationGroupId"].lower()
    refuse.only_supported(sent, *MISSING)
    filled = _filled(elasticache, name, sent)
    moto(response)
    group = elasticache.replication_groups[name]
    begin(group, elasticache.region_name)
    vars(group).update(filled)
    group.members = {}
    zones = sent.get("PreferredCacheClusterAZs") or spread(
        zones_of(elasticache, filled["cache_subnet_group_name"]), [], _nodes(sent)
    )
    add_members(group, zones)
    group.primary = next(iter(group.members))
    return _answer(group)


def _nodes(sent: Mapping[str, Any]) -> int:
    return int(sent.get("NumCacheClusters") or (sent.get("ReplicasPerNodeGroup") or 0) + 1)


def _filled(elasticache: Any, name: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What it is made of, checked and complete."""
    refuse.refuse_identifier("ReplicationGroupIdentifier", name, 40)
    engine, tls = (sent.get("Engine") or "redis").lower(), bool(sent.get("TransitEncryptionEnabled"))
    refuse.refuse_engine(engine)
    refuse_node_type(sent.get("CacheNodeType"))
    version = whole_version(engine, sent.get("EngineVersion"))
    failover, multi_az = bool(sent.get("AutomaticFailoverEnabled")), bool(sent.get("MultiAZEnabled"))
    refuse.refuse_failover(_nodes(sent), failover, multi_az)
    refuse.refuse_token(sent.get("AuthToken"), tls)
    refuse.refuse_place(elasticache, sent)
    parameters = refuse.parameter_group(elasticache, engine, version, sent.get("CacheParameterGroupName"))
    subnets = (sent.get("CacheSubnetGroupName") or "").lower() or None
    if zones := sent.get("PreferredCacheClusterAZs"):
        refuse.refuse_zones(elasticache, subnets, zones, _nodes(sent))
    at_rest = sent.get("AtRestEncryptionEnabled")
    return {
        "engine": engine,
        "engine_version": version,
        "cache_parameter_group_name": parameters,
        "cache_subnet_group_name": subnets,
        "security_group_ids": sent.get("SecurityGroupIds") or [],
        "port": int(sent.get("Port") or 6379),
        "transit_encryption_enabled": tls,
        "at_rest_encryption_enabled": engine == "valkey" if at_rest is None else at_rest,
        "auto_minor_version_upgrade": sent.get("AutoMinorVersionUpgrade") is not False,
        "preferred_maintenance_window": sent.get("PreferredMaintenanceWindow") or MAINTENANCE,
        "snapshot_window": sent.get("SnapshotWindow") or SNAPSHOT,
        "tokens": [token_hash(sent["AuthToken"])] if sent.get("AuthToken") else [],
    }


@patch(ElastiCacheResponse, "describe_replication_groups")
def describe_replication_groups(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeReplicationGroups.html."""
    elasticache, name = response.elasticache_backend, response.params.get("ReplicationGroupId")
    groups = [replication_group(elasticache, name)] if name else elasticache.replication_groups.values()
    return PaginatedResult({"ReplicationGroups": [described_group(group) for group in groups]})


@patch(ElastiCacheResponse, "modify_replication_group")
def modify_replication_group(moto: Method, response: Any) -> Any:
    """Everything that is sent, not only what moto knows.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html
    """
    group = _to_modify(response)
    change(response.elasticache_backend, group, response.params)
    return _answer(group)


def _to_modify(response: Any) -> Any:
    """https://github.com/crossplane-contrib/provider-aws/issues/46 has AWS's words."""
    group = replication_group(response.elasticache_backend, response.params["ReplicationGroupId"])
    if group.status != "available":
        raise ServiceError("InvalidReplicationGroupState", "Replication group must be in available state to modify.")
    return group


@patch(ElastiCacheResponse, "delete_replication_group")
def delete_replication_group(moto: Method, response: Any) -> Any:
    """It is gone with the next heartbeat; moto's stays for ever.

    https://github.com/aws-controllers-k8s/community/issues/948 has AWS's words.
    """
    elasticache, sent = response.elasticache_backend, response.params
    refuse.only_supported(sent, "RetainPrimaryCluster")
    group = replication_group(elasticache, sent["ReplicationGroupId"])
    if group.status not in ("available", "create-failed"):
        why = f"Replication group {group.replication_group_id} has status {group.status}"
        raise ServiceError("InvalidReplicationGroupState", f"{why} which is not valid for deletion.")
    if last := sent.get("FinalSnapshotIdentifier"):
        elasticache.create_snapshot(last, group.replication_group_id, None, None, None)
    group.status = "deleting"
    pacing.start(group, "deleting", KIND, "delete")
    return _answer(group)


@add_method(ElastiCacheResponse)
def increase_replica_count(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_IncreaseReplicaCount.html."""
    group, wanted = _counted(response)
    more = wanted + 1 - len(group.members)
    if more < 1:
        raise ServiceError(VALUE, "The number of replicas must be greater than the current number of replicas.")
    refuse.refuse_failover(wanted + 1, failover=False, multi_az=False)
    zones = zones_of(response.elasticache_backend, group.cache_subnet_group_name)
    add_members(group, spread(zones, group.members.values(), more))
    group.status = "modifying"
    return _answer(group)


@add_method(ElastiCacheResponse)
def decrease_replica_count(response: Any) -> Any:
    """One replica at least stays with automatic failover.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DecreaseReplicaCount.html
    AWS's words: https://github.com/hashicorp/terraform-provider-aws/issues/24244
    """
    group, wanted = _counted(response)
    replicas = [member for member in group.members if member != group.primary]
    if wanted >= len(replicas) or wanted < 0:
        raise ServiceError(VALUE, "The number of replicas must be smaller than the current number of replicas.")
    if wanted == 0 and group.automatic_failover == "enabled":
        why = "Must have at least 1 replica when cluster mode is disabled with auto failover enabled."
        raise ServiceError(VALUE, why)
    named = response.params.get("ReplicasToRemove") or replicas[wanted:]
    if len(named) != len(replicas) - wanted or set(named) - set(replicas):
        raise ServiceError(COMBINATION, "ReplicasToRemove must name as many replicas as are to go.")
    remove_members(group, named)
    group.status = "modifying"
    return _answer(group)


def _counted(response: Any) -> tuple[Any, int]:
    group, wanted = _to_modify(response), response.params.get("NewReplicaCount")
    if not response.params.get("ApplyImmediately"):
        raise ServiceError(VALUE, "ApplyImmediately=False is not currently supported.")
    if wanted is None:
        raise ServiceError(COMBINATION, "NewReplicaCount must be specified for cluster mode disabled.")
    return group, int(wanted)


@add_method(ElastiCacheResponse)
def test_failover(response: Any) -> Any:
    """A replica becomes the primary, and whoever was connected to the old one has lost it.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_TestFailover.html
    """
    group = _to_modify(response)
    if (node_group := response.params["NodeGroupId"]) != "0001":
        raise ServiceError("NodeGroupNotFoundFault", f"Node group {node_group} not found.")
    if group.automatic_failover != "enabled":
        raise ServiceError("TestFailoverNotAvailableFault", "The TestFailover action is not available.")
    tell(group, f"Test Failover API called for node group {node_group}")
    old, group.primary = group.primary, next(member for member in group.members if member != group.primary)
    group.failovers, group.status = group.failovers + 1, "modifying"
    tell(group, f"Failover from master node {old} to replica node {group.primary} completed")
    return _answer(group)
