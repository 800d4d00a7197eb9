"""Descriptions of replication groups and clusters; each node of a group is described as a cluster, too."""

from __future__ import annotations

from typing import Any

from embedded_aws.services.elasticache.nodes import address, is_group, members_in_transition
from embedded_aws.services.elasticache.servers import endpoint

ABSENT_IN_DELETION = ("CacheNodeType", "ClusterEnabled", "MemberClusters", "NodeGroups")
NODE = "0001"  # the one node of a cluster, and the one node group without cluster mode


def describe_group(group: Any) -> dict[str, Any]:
    """Describe a replication group; during its creation it has no node groups, during its deletion even less.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html
    https://docs.aws.amazon.com/cli/latest/reference/elasticache/delete-replication-group.html (the example)
    """
    description = _describe_whole_group(group)
    absent = ABSENT_IN_DELETION if group.status == "deleting" else ()
    return {name: value for name, value in description.items() if name not in absent}


def _describe_whole_group(group: Any) -> dict[str, Any]:
    return {
        **_describe_common(group),
        "ReplicationGroupId": group.replication_group_id,
        "Description": group.description,
        "Status": group.status,
        "PendingModifiedValues": {},
        "MemberClusters": list(group.members),
        "NodeGroups": [] if group.status in ("creating", "create-failed") else [_describe_node_group(group)],
        "AutomaticFailover": group.automatic_failover,
        "MultiAZ": group.multi_az,
        "ClusterEnabled": False,
        "ClusterMode": "disabled",
        "KmsKeyId": group.kms_key_id,
        "StorageEncryptionType": _storage_encryption(group),
        "UserGroupIds": [],
        "ReplicationGroupCreateTime": group.replication_group_create_time,
        "DataTiering": "disabled",
        "Engine": group.engine,
        **({"SnapshottingClusterId": _snapshotting_member(group)} if group.snapshot_retention_limit else {}),
    }


def describe_member(group: Any, member: str, nodes: bool) -> dict[str, Any]:
    """Describe a node of a group as a cluster; with `nodes`, including its cache node.

    It has a status of its own while it is added to the group, or removed.
    """
    zone, status = members_in_transition(group).get(member) or (group.members[member], "")
    return {
        **_describe_common_cluster(group, nodes, address(group, member), zone),
        **({"CacheClusterStatus": status} if status and group.status != "deleting" else {}),
        "CacheClusterId": member,
        "CacheClusterCreateTime": group.replication_group_create_time,
        "ReplicationGroupId": group.replication_group_id,
        "ARN": arn_of_member(group, member),
        "SnapshotRetentionLimit": group.snapshot_retention_limit if member == _snapshotting_member(group) else 0,
    }


def describe_cluster(cluster: Any, nodes: bool) -> dict[str, Any]:
    """Describe a standalone cluster; with `nodes`, including its cache nodes.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html
    """
    return {
        **_describe_common_cluster(cluster, nodes, address(cluster), cluster.preferred_availability_zone),
        "CacheClusterId": cluster.cache_cluster_id,
        "CacheClusterCreateTime": cluster.cache_cluster_create_time,
    }


def arn_of_member(group: Any, member: str) -> str:
    """Return the ARN of a node of a group."""
    return f"{group.arn.rpartition(':replicationgroup:')[0]}:cluster:{member}"


def _describe_common(cache: Any) -> dict[str, Any]:
    tls = bool(cache.transit_encryption_enabled)
    return {
        "CacheNodeType": cache.cache_node_type,
        "AuthTokenEnabled": bool(cache.tokens),
        **({"AuthTokenLastModifiedDate": cache.auth_token_last_modified_date} if cache.tokens else {}),
        "TransitEncryptionEnabled": tls,
        **({"TransitEncryptionMode": "required"} if tls else {}),
        "AtRestEncryptionEnabled": bool(vars(cache).get("at_rest_encryption_enabled")),
        "ARN": cache.arn,
        "AutoMinorVersionUpgrade": cache.auto_minor_version_upgrade,
        "SnapshotRetentionLimit": cache.snapshot_retention_limit,
        "SnapshotWindow": cache.snapshot_window,
        "LogDeliveryConfigurations": [],
        "NetworkType": "ipv4",
        "IpDiscovery": "ipv4",
    }


def _describe_common_cluster(cache: Any, nodes: bool, name: str, zone: str) -> dict[str, Any]:
    return {
        **_describe_common(cache),
        "ClientDownloadLandingPage": "https://console.aws.amazon.com/elasticache/home#client-download:",
        "Engine": cache.engine,
        "EngineVersion": cache.engine_version,
        "CacheClusterStatus": "creating" if cache.status == "create-failed" else cache.status,
        "NumCacheNodes": _node_count(cache),
        "PreferredAvailabilityZone": zone,
        "PreferredMaintenanceWindow": cache.preferred_maintenance_window,
        "PendingModifiedValues": cache.pending,
        "CacheSecurityGroups": [],
        "CacheParameterGroup": {
            "CacheParameterGroupName": cache.cache_parameter_group_name,
            "ParameterApplyStatus": "in-sync",
            "CacheNodeIdsToReboot": [],
        },
        "CacheSubnetGroupName": cache.cache_subnet_group_name,
        "SecurityGroups": [{"SecurityGroupId": group, "Status": "active"} for group in cache.security_group_ids],
        "ReplicationGroupLogDeliveryEnabled": False,
        **({"CacheNodes": _describe_nodes(cache, name, zone)} if nodes and cache.status != "creating" else {}),
    }


def _node_count(cache: Any) -> int:
    return 1 if is_group(cache) else int(cache.num_cache_nodes)


def _describe_nodes(cache: Any, name: str, zone: str) -> list[dict[str, Any]]:
    created = vars(cache).get("replication_group_create_time") or cache.cache_cluster_create_time
    return [
        {
            "CacheNodeId": f"{number:04}",
            "CacheNodeStatus": cache.status,
            "CacheNodeCreateTime": created,
            "Endpoint": _endpoint(cache, name if number == 1 else name.replace(f".{NODE}.", f".{number:04}.")),
            "ParameterGroupStatus": "in-sync",
            "CustomerAvailabilityZone": zone,
        }
        for number in range(1, _node_count(cache) + 1)
    ]


def _describe_node_group(group: Any) -> dict[str, Any]:
    return {
        "NodeGroupId": NODE,
        "Status": group.status,
        "PrimaryEndpoint": _endpoint(group, address(group)),
        "ReaderEndpoint": _endpoint(group, address(group, "reader")),
        "NodeGroupMembers": [
            {
                "CacheClusterId": member,
                "CacheNodeId": NODE,
                "ReadEndpoint": _endpoint(group, address(group, member)),
                "PreferredAvailabilityZone": zone,
                "CurrentRole": "primary" if member == group.primary else "replica",
            }
            for member, zone in group.members.items()
        ],
    }


def _endpoint(cache: Any, name: str) -> dict[str, Any]:
    """Return the endpoint of a node; all nodes share one server here."""
    server = endpoint(cache)
    return {"Address": server[0] if server else name, "Port": server[1] if server else cache.port}


def _snapshotting_member(group: Any) -> str:
    """Return the node that takes snapshots: a replica if there is one."""
    return str(next((member for member in group.members if member != group.primary), group.primary))


def _storage_encryption(group: Any) -> str:
    if not group.at_rest_encryption_enabled:
        return "none"
    return "sse-kms" if group.kms_key_id else "sse-elasticache"
