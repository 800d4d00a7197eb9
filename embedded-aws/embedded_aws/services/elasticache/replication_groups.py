"""Replication groups without cluster mode: created with their nodes, modified, failed over, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult, PaginatedResult
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws import pacing
from embedded_aws.patching import Method, add_method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.elasticache import validation
from embedded_aws.services.elasticache.descriptions import describe_group
from embedded_aws.services.elasticache.engines import (
    COMBINATION,
    NODE_TYPES,
    VALUE,
    resolve_version,
    validate_node_type,
)
from embedded_aws.services.elasticache.events import record_event
from embedded_aws.services.elasticache.modifications import modify, token_hash
from embedded_aws.services.elasticache.nodes import (
    KIND,
    add_members,
    choose_zones,
    initialize,
    members_in_transition,
    remove_members,
    replication_group,
    start_members,
    zones_of,
)

MAINTENANCE, SNAPSHOT = "sun:05:00-sun:06:00", "03:00-04:00"  # ElastiCache chooses them at random
UNSUPPORTED = (
    "PrimaryClusterId", "GlobalReplicationGroupId", "UserGroupIds", "SnapshotArns", "SnapshotName",
    "ServerlessCacheSnapshotName", "DataTieringEnabled", "LogDeliveryConfigurations",
)  # fmt: skip


def _result(group: Any) -> Any:
    return ActionResult({"ReplicationGroup": describe_group(group)})


@patch(ElastiCacheResponse, "create_replication_group")
def create_replication_group(moto: Method, response: Any) -> Any:
    """Create a group with its nodes; moto reads only ReplicasPerNodeGroup, and puts nodes into another region.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
    """
    elasticache, params = response.elasticache_backend, response.params
    name = params["ReplicationGroupId"] = params["ReplicationGroupId"].lower()
    validation.require_supported(params, *UNSUPPORTED)
    attributes = _attributes(elasticache, name, params)
    moto(response)
    group = elasticache.replication_groups[name]
    initialize(group, elasticache.region_name)
    vars(group).update(attributes)
    group.members = {}
    zones = params.get("PreferredCacheClusterAZs") or choose_zones(
        zones_of(elasticache, attributes["cache_subnet_group_name"]), [], _nodes(params)
    )
    add_members(group, zones)
    group.primary = next(iter(group.members))
    return _result(group)


def _nodes(params: Mapping[str, Any]) -> int:
    return int(params.get("NumCacheClusters") or (params.get("ReplicasPerNodeGroup") or 0) + 1)


def _attributes(elasticache: Any, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Validate a request; return the attributes of the group, with defaults."""
    validation.validate_identifier("ReplicationGroupIdentifier", name, 40)
    engine, tls = (params.get("Engine") or "redis").lower(), bool(params.get("TransitEncryptionEnabled"))
    validation.validate_engine(engine)
    validate_node_type(params.get("CacheNodeType"))
    version = resolve_version(engine, params.get("EngineVersion"))
    failover, multi_az = bool(params.get("AutomaticFailoverEnabled")), bool(params.get("MultiAZEnabled"))
    validation.validate_failover(_nodes(params), failover, multi_az)
    validation.validate_token(params.get("AuthToken"), tls)
    validation.validate_placement(elasticache, params)
    parameters = validation.choose_parameter_group(elasticache, engine, version, params.get("CacheParameterGroupName"))
    subnets = (params.get("CacheSubnetGroupName") or "").lower() or None
    if zones := params.get("PreferredCacheClusterAZs"):
        validation.validate_zones(elasticache, subnets, zones, _nodes(params))
    at_rest = params.get("AtRestEncryptionEnabled")
    return {
        "engine": engine,
        "engine_version": version,
        "cache_parameter_group_name": parameters,
        "cache_subnet_group_name": subnets,
        "security_group_ids": params.get("SecurityGroupIds") or [],
        "port": int(params.get("Port") or 6379),
        "transit_encryption_enabled": tls,
        "at_rest_encryption_enabled": engine == "valkey" if at_rest is None else at_rest,
        "auto_minor_version_upgrade": params.get("AutoMinorVersionUpgrade") is not False,
        "preferred_maintenance_window": params.get("PreferredMaintenanceWindow") or MAINTENANCE,
        "snapshot_window": params.get("SnapshotWindow") or SNAPSHOT,
        "tokens": [token_hash(params["AuthToken"])] if params.get("AuthToken") else [],
    }


@patch(ElastiCacheResponse, "describe_replication_groups")
def describe_replication_groups(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeReplicationGroups.html."""
    elasticache, name = response.elasticache_backend, response.params.get("ReplicationGroupId")
    groups = [replication_group(elasticache, name)] if name else elasticache.replication_groups.values()
    return PaginatedResult({"ReplicationGroups": [describe_group(group) for group in groups]})


@patch(ElastiCacheResponse, "modify_replication_group")
def modify_replication_group(moto: Method, response: Any) -> Any:
    """Apply all parameters, not only those that moto knows.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html
    """
    group = _require_available(response)
    modify(response.elasticache_backend, group, response.params)
    return _result(group)


def _require_available(response: Any) -> Any:
    """Require an available group, and available nodes.

    https://github.com/crossplane-contrib/provider-aws/issues/46 (AWS's message)
    https://github.com/hashicorp/terraform-provider-aws/issues/50096 (nodes)
    """
    group = replication_group(response.elasticache_backend, response.params["ReplicationGroupId"])
    if group.status != "available":
        raise ServiceError("InvalidReplicationGroupState", "Replication group must be in available state to modify.")
    if busy := members_in_transition(group):
        reason = f"Cache cluster {', '.join(busy)} is not in a valid state to be modified."
        raise ServiceError("InvalidCacheClusterState", reason)
    return group


@patch(ElastiCacheResponse, "delete_replication_group")
def delete_replication_group(moto: Method, response: Any) -> Any:
    """Start the deletion, which a later tick finishes; moto never finishes it.

    https://github.com/aws-controllers-k8s/community/issues/948 (AWS's message)
    """
    elasticache, params = response.elasticache_backend, response.params
    validation.require_supported(params, "RetainPrimaryCluster")
    group = replication_group(elasticache, params["ReplicationGroupId"])
    if group.status not in ("available", "create-failed"):
        reason = f"Replication group {group.replication_group_id} has status {group.status}"
        raise ServiceError("InvalidReplicationGroupState", f"{reason} which is not valid for deletion.")
    if last := params.get("FinalSnapshotIdentifier"):
        elasticache.create_snapshot(last, group.replication_group_id, None, None, None)
    group.status = "deleting"
    pacing.start(group, "deleting", KIND, "delete")
    return _result(group)


@add_method(ElastiCacheResponse)
def increase_replica_count(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_IncreaseReplicaCount.html."""
    group, wanted = _requested_replica_count(response)
    more = wanted + 1 - len(group.members)
    if more < 1:
        raise ServiceError(VALUE, "The number of replicas must be greater than the current number of replicas.")
    validation.validate_failover(wanted + 1, failover=False, multi_az=False)
    zones = zones_of(response.elasticache_backend, group.cache_subnet_group_name)
    before = set(group.members)
    add_members(group, choose_zones(zones, group.members.values(), more))
    start_members(group, [name for name in group.members if name not in before])
    group.status = "modifying"
    return _result(group)


@add_method(ElastiCacheResponse)
def decrease_replica_count(response: Any) -> Any:
    """Remove replicas; automatic failover needs at least one.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DecreaseReplicaCount.html
    https://github.com/hashicorp/terraform-provider-aws/issues/24244 (AWS's message)
    """
    group, wanted = _requested_replica_count(response)
    replicas = [member for member in group.members if member != group.primary]
    if wanted >= len(replicas) or wanted < 0:
        raise ServiceError(VALUE, "The number of replicas must be smaller than the current number of replicas.")
    if wanted == 0 and group.automatic_failover == "enabled":
        reason = "Must have at least 1 replica when cluster mode is disabled with auto failover enabled."
        raise ServiceError(VALUE, reason)
    named = response.params.get("ReplicasToRemove") or replicas[wanted:]
    if len(named) != len(replicas) - wanted or set(named) - set(replicas):
        raise ServiceError(COMBINATION, "ReplicasToRemove must name as many replicas as are to go.")
    remove_members(group, named)
    group.status = "modifying"
    return _result(group)


def _requested_replica_count(response: Any) -> tuple[Any, int]:
    group, wanted = _require_available(response), response.params.get("NewReplicaCount")
    if not response.params.get("ApplyImmediately"):
        raise ServiceError(VALUE, "ApplyImmediately=False is not currently supported.")
    if wanted is None:
        raise ServiceError(COMBINATION, "NewReplicaCount must be specified for cluster mode disabled.")
    return group, int(wanted)


@add_method(ElastiCacheResponse)
def test_failover(response: Any) -> Any:
    """Make a replica the primary; connections to the old primary are closed.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_TestFailover.html
    """
    group = _require_available(response)
    if (node_group := response.params["NodeGroupId"]) != "0001":
        raise ServiceError("NodeGroupNotFoundFault", f"Node group {node_group} not found.")
    if group.automatic_failover != "enabled":
        raise ServiceError("TestFailoverNotAvailableFault", "The TestFailover action is not available.")
    record_event(group, f"Test Failover API called for node group {node_group}")
    old, group.primary = group.primary, next(member for member in group.members if member != group.primary)
    group.failovers, group.status = group.failovers + 1, "modifying"
    record_event(group, f"Failover from master node {old} to replica node {group.primary} completed")
    return _result(group)


@add_method(ElastiCacheResponse)
def list_allowed_node_type_modifications(response: Any) -> Any:
    """The node types that a group can change to; its own is not among them.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListAllowedNodeTypeModifications.html
    """
    group = replication_group(response.elasticache_backend, response.params["ReplicationGroupId"])
    size = NODE_TYPES[group.cache_node_type]
    others = sorted(name for name in NODE_TYPES if name != group.cache_node_type)
    return ActionResult(
        {
            "ScaleUpModifications": [name for name in others if NODE_TYPES[name] >= size],
            "ScaleDownModifications": [name for name in others if NODE_TYPES[name] < size],
        }
    )
