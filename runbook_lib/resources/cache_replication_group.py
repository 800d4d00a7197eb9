"""A cache: a replication group of Valkey in ElastiCache."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_change, to_destroy, to_look, to_plan
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, is_owned, kind, tagged_resources
from .cache_subnet_group import CacheSubnetGroup
from .engine_versions import is_minor_upgrade, is_older, matches
from .predictions import Refusal
from .security_group import SecurityGroup
from .tagging import Tagging


@kind
class CacheReplicationGroup(Resource):
    """Valkey without cluster mode, encrypted in transit and at rest, with automatic failover to a replica.

    Args:
        replicas: The number of replicas, in other zones; 0 to 5.
        engine_version: E.g. ``8.0``: ElastiCache chooses the patch, and with ``minor_upgrades`` also a later 8.
        snapshot_days: How long daily snapshots are kept; 0 for none.
    """

    subnet_group: CacheSubnetGroup
    security_group: SecurityGroup
    description: str
    node_type: str
    replicas: int
    engine_version: str = "8.0"
    maintenance_window: str = "sun:09:00-sun:10:00"
    minor_upgrades: bool = True
    snapshot_days: int = 0

    # The last is not a setting: it stands for a downgrade, which AWS does not support.
    immutable = frozenset({"subnet_group", "engine", "in_transit", "at_rest", "cluster_mode", "engine_downgrade"})
    update_when_ready = True
    # The second: a replica that has left the group is still being deleted.
    eventual_errors = frozenset({"CacheSubnetGroupNotFoundFault", "InvalidCacheClusterState"})
    eventual_timeout = 1200
    # A create took up to nine minutes, and more with each further node.
    wait_timeout = 2400
    usual_wait, usual_delete = "6 to 9 min", "5 min"  # 358-555 s, 300 s
    if_failed = (
        "Correct the cause. If it cannot recover, delete it in the console and apply again: that loses its sessions,"
        " so all users have to sign in again."
    )

    # Nodes have network interfaces; ElastiCache checks for them when it creates, changes and deletes.
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html (dependent actions)
    needs = (
        to_look(
            "elasticache:DescribeCacheClusters", "elasticache:DescribeReplicationGroups",
            "elasticache:ListTagsForResource",
            on=("elasticache:cluster:*", "elasticache:replicationgroup:*"),
        ),
        to_plan(
            "elasticache:ListAllowedNodeTypeModifications", on="elasticache:replicationgroup:{env}-{self.name}"
        ),
        to_look("tag:GetResources"),
        to_apply(
            "elasticache:AddTagsToResource", "elasticache:CreateReplicationGroup", "elasticache:DecreaseReplicaCount",
            "elasticache:IncreaseReplicaCount", "elasticache:ModifyReplicationGroup",
            on=(
                "elasticache:cluster:{env}-{self.name}-*", "elasticache:parametergroup:default*",
                "elasticache:replicationgroup:{env}-{self.name}",
                "elasticache:subnetgroup:{env}-{self.subnet_group.name}",
            ),
        ),
        to_destroy("elasticache:DeleteReplicationGroup", on="elasticache:replicationgroup:{env}-{self.name}"),
        to_change(
            "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
            on=("ec2:network-interface/*", "ec2:security-group/*", "ec2:subnet/*"),
        ),
        to_change("ec2:DescribeNetworkInterfaces"),
    )  # fmt: skip

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Add what no parameter changes; failover and Multi-AZ are on as soon as there is a replica."""
        # Automatic failover and Multi-AZ need a replica.
        # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/AutoFailover.html
        redundant = {"failover": self.replicas > 0, "multi_az": self.replicas > 0}
        return {**super().desired(ids), **_ALWAYS, **redundant, "engine_downgrade": "none"}

    def foresee_refusal(
        self, snapshot: Snapshot, ids: Ids, observed: Observed | None, fields: Set[str]
    ) -> Refusal | None:
        """Ask only for a change of a group that is available: of a new one ElastiCache offers no read.

        https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListAllowedNodeTypeModifications.html
        """
        if observed is None or not observed.ready or "node_type" not in fields:
            return None
        answer = snapshot.get(
            "elasticache", "list_allowed_node_type_modifications", missing=_NOT_NOW, ReplicationGroupId=observed.id
        )
        if answer is None:
            return None
        allowed = sorted({*answer.get("ScaleUpModifications", ()), *answer.get("ScaleDownModifications", ())})
        if self.node_type in allowed:
            return None
        reason = f"ElastiCache cannot change {observed.id} to {self.node_type}"
        fix = f"Write another one in data.sessions.node_type in params/: {', '.join(allowed)}."
        return Refusal(frozenset({"node_type"}), reason, fix)

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the group and its nodes up by name; it is ready when all its nodes are available."""
        name = snapshot.aws.name(self)
        groups = snapshot.all("elasticache", "describe_replication_groups", "ReplicationGroups")
        group = {g["ReplicationGroupId"]: g for g in groups}.get(name)
        if group is None:
            return None
        status, ours = group["Status"], self._has_our_tags(snapshot, group["ARN"])
        own = {"_arn": group["ARN"], "_ours": ours}
        # Only its nodes have some of the fields.
        # https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html
        clusters = snapshot.all("elasticache", "describe_cache_clusters", "CacheClusters")
        nodes = [c for c in clusters if c.get("ReplicationGroupId") == name]
        # The group is available while a replica still comes or goes, and takes no change before that has ended.
        # https://github.com/hashicorp/terraform-provider-aws/issues/50096
        members = [c for c in nodes if c["CacheClusterId"] in group.get("MemberClusters", ())]
        states = {c["CacheClusterId"]: c.get("CacheClusterStatus", "available") for c in members}
        busy = {node_name: state for node_name, state in states.items() if state != "available"}
        node = next((c for c in nodes if c["CacheClusterId"] not in busy), nodes[0] if nodes else None)
        if status == "available" and busy:
            status = ", ".join(f"{node_name} {state}" for node_name, state in sorted(busy.items()))
        state = self._group_state(group) | (self._node_state(node) if node else {})
        if status == "creating" or not node:
            # AWS shows some settings of a create only when the group is almost available.
            wanted = self.desired(ids)
            state |= {field: wanted[field] for field in _SHOWN_LATE}
        return Observed(
            name,
            state,
            ready=status == "available" and node is not None,
            status=status,
            failed=_failure(status),
            deleting=status == "deleting",
            detail=_detail(group, node) | own,
            tagging=Tagging.of("elasticache", group["ARN"], _read_tags(snapshot, group["ARN"]), "TagList"),
        )

    def remedy(self, observed: Observed, blocked: frozenset[str]) -> str:
        """Advise to allow minor upgrades when the engine is newer than the parameters want."""
        if blocked != {"engine_downgrade"}:
            return ""
        runs = observed.detail["engine_version"]
        return f"It runs {runs}, and ElastiCache has no way back: write data.minor_upgrades: true in params/."

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the primary and its replicas, encrypted at rest and in transit."""
        settings: dict[str, Any] = {}
        for setting in self._settings(ids).values():
            settings |= setting
        aws.elasticache.create_replication_group(
            ReplicationGroupId=aws.name(self),
            Engine=_ALWAYS["engine"],
            NumCacheClusters=self.replicas + 1,
            CacheSubnetGroupName=ids[self.subnet_group],
            TransitEncryptionEnabled=_ALWAYS["in_transit"],
            AtRestEncryptionEnabled=_ALWAYS["at_rest"],
            Tags=aws.tags(self),
            **settings,
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Send one call: AWS accepts the next only when the group is available again.

        Replicas are added before the settings that need them, and removed after those.
        """
        if observed.state["replicas"] < self.replicas:
            aws.elasticache.increase_replica_count(
                ReplicationGroupId=observed.id, NewReplicaCount=self.replicas, ApplyImmediately=True
            )
            return
        request: dict[str, Any] = {}
        for field, setting in self._settings(ids).items():
            if field in drift:
                request |= setting
        if request:
            aws.elasticache.modify_replication_group(ReplicationGroupId=observed.id, ApplyImmediately=True, **request)
            return
        aws.elasticache.decrease_replica_count(
            ReplicationGroupId=observed.id, NewReplicaCount=self.replicas, ApplyImmediately=True
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete it.  While its tags cannot be read, AWS's error is raised, and the delete is retried."""
        if not observed.detail["_ours"]:
            snapshot = Snapshot(aws)
            tags = snapshot.get("elasticache", "list_tags_for_resource", ResourceName=observed.detail["_arn"]) or {}
            is_owned(snapshot, self, tags, "TagList")
        aws.elasticache.delete_replication_group(ReplicationGroupId=observed.id)

    def _has_our_tags(self, snapshot: Snapshot, arn: str) -> bool:
        """Whether its tags say so, or nobody can tell: ElastiCache does only while it is available.

        https://github.com/hashicorp/terraform-provider-aws/issues/41416
        """
        if is_owned(snapshot, self, _read_tags(snapshot, arn), "TagList"):
            return True
        listed = {mapping["ResourceARN"]: mapping for mapping in tagged_resources(snapshot)}
        return is_owned(snapshot, self, listed.get(arn))

    def _settings(self, ids: Ids) -> dict[str, dict[str, Any]]:
        """The request of each field, the same for create and modify."""
        redundant = self.replicas > 0
        return {
            "description": {"ReplicationGroupDescription": self.description},
            "security_group": {"SecurityGroupIds": [ids[self.security_group]]},
            "node_type": {"CacheNodeType": self.node_type},
            "engine_version": {"EngineVersion": self.engine_version},
            "maintenance_window": {"PreferredMaintenanceWindow": self.maintenance_window},
            "minor_upgrades": {"AutoMinorVersionUpgrade": self.minor_upgrades},
            "snapshot_days": {"SnapshotRetentionLimit": self.snapshot_days},
            "failover": {"AutomaticFailoverEnabled": redundant},
            "multi_az": {"MultiAZEnabled": redundant},
        }

    def _group_state(self, group: Mapping[str, Any]) -> dict[str, Any]:
        # While AWS deletes a group, it shows neither members nor node type nor cluster mode:
        # https://docs.aws.amazon.com/cli/latest/reference/elasticache/delete-replication-group.html
        return {
            "description": group["Description"],
            "node_type": group.get("CacheNodeType"),
            "replicas": len(group.get("MemberClusters", ())) - 1,
            "minor_upgrades": group["AutoMinorVersionUpgrade"],
            "snapshot_days": group.get("SnapshotRetentionLimit", 0),
            "failover": group["AutomaticFailover"] in ("enabled", "enabling"),
            "multi_az": group["MultiAZ"] == "enabled",
            "engine": group["Engine"],
            "in_transit": group["TransitEncryptionEnabled"],
            "at_rest": group["AtRestEncryptionEnabled"],
            "cluster_mode": group.get("ClusterEnabled"),
        }

    def _node_state(self, node: Mapping[str, Any]) -> dict[str, Any]:
        version = node["EngineVersion"]
        # Automatic upgrades are not drift.
        # https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html
        upgraded = self.minor_upgrades and is_minor_upgrade(self.engine_version, version, major=1)
        meets = matches(version, self.engine_version) or upgraded
        downgrade = not meets and is_older(self.engine_version, version)
        return {
            "subnet_group": node.get("CacheSubnetGroupName"),
            "security_group": ", ".join(sorted(g["SecurityGroupId"] for g in node.get("SecurityGroups", ()))),
            "engine_version": self.engine_version if meets else version,
            "engine_downgrade": f"from {version}" if downgrade else "none",
            "maintenance_window": node["PreferredMaintenanceWindow"],
        }


_ALWAYS: dict[str, Any] = {"engine": "valkey", "in_transit": True, "at_rest": True, "cluster_mode": False}
_SHOWN_LATE = ("replicas", "failover", "multi_az", "subnet_group", "security_group", "engine_version",
               "engine_downgrade", "maintenance_window")  # fmt: skip
_NOT_NOW = "InvalidReplicationGroupState"


def _read_tags(snapshot: Snapshot, arn: str) -> ApiObject | None:
    """Its tags; ``None`` while it is not available."""
    return snapshot.get("elasticache", "list_tags_for_resource", missing=_NOT_NOW, ResourceName=arn)


def _failure(status: str) -> str:
    why = "its events say why (aws elasticache describe-events --source-type replication-group)"
    return f"its status is {status}: {why}" if status == "create-failed" else ""


def _detail(group: Mapping[str, Any], node: Mapping[str, Any] | None) -> dict[str, Any]:
    """Values for people and later stacks; there is no endpoint while it is created."""
    shard = (group.get("NodeGroups") or [{}])[0]
    endpoint, members = shard.get("PrimaryEndpoint", {}), shard.get("NodeGroupMembers", ())
    zones = {m["CacheClusterId"]: m["PreferredAvailabilityZone"] for m in members if m.get("CurrentRole") == "primary"}
    return {
        "endpoint": endpoint.get("Address"),
        "port": endpoint.get("Port"),
        "engine_version": node["EngineVersion"] if node else None,
        "zone": next(iter(zones.values()), None),
    }
