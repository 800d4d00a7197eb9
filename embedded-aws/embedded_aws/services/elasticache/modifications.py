"""What a modification of a cache changes, and whether it waits for the maintenance window."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from moto.core.utils import utcnow

from embedded_aws.service_error import ServiceError
from embedded_aws.services.elasticache import validation as refuse
from embedded_aws.services.elasticache.engines import COMBINATION, VALUE, family, refuse_node_type, whole_version
from embedded_aws.services.elasticache.nodes import is_group
from embedded_aws.services.elasticache.parameter_groups import family_of
from embedded_aws.services.elasticache.subnet_groups import subnet_group

# What is set as it is sent: AWS's name, moto's.
PLAIN = {
    "ReplicationGroupDescription": "description",
    "PreferredMaintenanceWindow": "preferred_maintenance_window",
    "AutoMinorVersionUpgrade": "auto_minor_version_upgrade",
    "SnapshotRetentionLimit": "snapshot_retention_limit",
    "SnapshotWindow": "snapshot_window",
    "SecurityGroupIds": "security_group_ids",
}
SLOW = ("CacheNodeType", "Engine", "EngineVersion")  # what waits for the maintenance window
MISSING = (
    "TransitEncryptionEnabled", "UserGroupIdsToAdd", "UserGroupIdsToRemove", "RemoveUserGroups",
    "LogDeliveryConfigurations", "CacheSecurityGroupNames",
)  # fmt: skip


def token_hash(token: str) -> str:
    """A token is kept only so that it can be told apart from others."""
    return hashlib.sha256(token.encode()).hexdigest()


def change(elasticache: Any, cache: Any, sent: Mapping[str, Any]) -> None:
    """Change a group or a cluster; nothing changes when anything of it is refused.

    "If false, changes to the nodes in the replication group are applied on the next maintenance reboot":
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html
    """
    refuse.only_supported(sent, *MISSING)
    asked, later = _in_time(cache, sent)
    now = {mine: asked[name] for name, mine in PLAIN.items() if asked.get(name) is not None}
    now |= _engine(elasticache, cache, asked)
    if "security_group_ids" in now:
        place = cache.cache_subnet_group_name
        vpc = subnet_group(elasticache, place).vpc_id if place else None
        refuse.refuse_security_groups(elasticache, now["security_group_ids"], vpc)
    if is_group(cache):
        now |= _failover(cache, asked)
    now |= _tokens(cache, asked)
    if set(now) - set(PLAIN.values()):
        cache.status = "modifying"
    vars(cache).update(now, pending=later)


def _in_time(cache: Any, sent: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is asked for now, with what has waited, and what waits."""
    if sent.get("ApplyImmediately"):
        return {**cache.pending, **sent}, {}
    later = {name: sent[name] for name in SLOW if sent.get(name)}
    return {name: value for name, value in sent.items() if name not in later}, cache.pending | later


def _engine(elasticache: Any, cache: Any, sent: Mapping[str, Any]) -> dict[str, Any]:
    """A newer version of the engine, or Valkey in the place of Redis.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement.HowTo.html
    """
    found: dict[str, Any] = {}
    engine = (sent.get("Engine") or cache.engine).lower()
    if engine != cache.engine and (cache.engine, engine) != ("redis", "valkey"):
        raise ServiceError(COMBINATION, f"Cannot change the engine from {cache.engine} to {engine}.")
    if sent.get("EngineVersion") or engine != cache.engine:
        version = whole_version(engine, sent.get("EngineVersion"))
        if engine == cache.engine and _numbers(version) < _numbers(cache.engine_version):
            raise ServiceError(COMBINATION, f"Cannot downgrade {engine} from {cache.engine_version} to {version}.")
        found |= {"engine": engine, "engine_version": version} if version != cache.engine_version else {}
    name = sent.get("CacheParameterGroupName")
    version = found.get("engine_version", cache.engine_version)
    if name or family(engine, version) != family_of(elasticache, cache.cache_parameter_group_name):
        found["cache_parameter_group_name"] = refuse.parameter_group(elasticache, engine, version, name)
    if (node_type := sent.get("CacheNodeType")) and node_type != cache.cache_node_type:
        refuse_node_type(node_type)
        found["cache_node_type"] = node_type
    return found


def _failover(group: Any, sent: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, mine in (("AutomaticFailoverEnabled", "automatic_failover"), ("MultiAZEnabled", "multi_az")):
        wanted = {None: getattr(group, mine), True: "enabled", False: "disabled"}[sent.get(name)]
        if wanted != getattr(group, mine):
            found[mine] = wanted
    after = vars(group) | found
    refuse.refuse_failover(len(group.members), after["automatic_failover"] == "enabled", after["multi_az"] == "enabled")
    if (primary := sent.get("PrimaryClusterId")) and primary != group.primary:
        if primary not in group.members:
            raise ServiceError("CacheClusterNotFound", f"CacheCluster not found: {primary}")
        if after["automatic_failover"] == "enabled":
            raise ServiceError(COMBINATION, "Automatic failover must be disabled to promote a replica.")
        found |= {"primary": primary, "failovers": group.failovers + 1}
    return found


def _tokens(cache: Any, sent: Mapping[str, Any]) -> dict[str, Any]:
    """ROTATE adds one to the one that there is; SET leaves the new one alone.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html
    """
    token, strategy = sent.get("AuthToken"), sent.get("AuthTokenUpdateStrategy") or "ROTATE"
    if strategy == "DELETE":
        raise refuse.not_here("A cache with user groups")
    if not token:
        return {}
    refuse.refuse_token(token, bool(cache.transit_encryption_enabled))
    if strategy not in ("SET", "ROTATE"):
        raise ServiceError(VALUE, f"Invalid auth token update strategy: {strategy}")
    new = token_hash(token)
    before = [known for known in cache.tokens if known != new]
    # Whoever had no token goes on without one, until the new one is SET.
    tokens = [new] if strategy == "SET" else [new, *before[:1]] if before else []
    return {"tokens": tokens or cache.tokens, "auth_token_last_modified_date": utcnow()}


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]
