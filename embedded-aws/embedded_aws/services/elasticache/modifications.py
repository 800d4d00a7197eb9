"""Modification of caches, immediately or in the maintenance window."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from moto.core.utils import utcnow

from embedded_aws.service_error import ServiceError
from embedded_aws.services.elasticache import validation
from embedded_aws.services.elasticache.engines import COMBINATION, VALUE, family, resolve_version, validate_node_type
from embedded_aws.services.elasticache.nodes import is_group
from embedded_aws.services.elasticache.parameter_groups import family_of
from embedded_aws.services.elasticache.subnet_groups import subnet_group

# Fields that are stored as they are sent: AWS's name -> moto's attribute.
IMMEDIATE = {
    "ReplicationGroupDescription": "description",
    "PreferredMaintenanceWindow": "preferred_maintenance_window",
    "AutoMinorVersionUpgrade": "auto_minor_version_upgrade",
    "SnapshotRetentionLimit": "snapshot_retention_limit",
    "SnapshotWindow": "snapshot_window",
    "SecurityGroupIds": "security_group_ids",
}
DEFERRABLE = ("CacheNodeType", "Engine", "EngineVersion")  # can wait for the maintenance window
UNSUPPORTED = (
    "TransitEncryptionEnabled", "UserGroupIdsToAdd", "UserGroupIdsToRemove", "RemoveUserGroups",
    "LogDeliveryConfigurations", "CacheSecurityGroupNames",
)  # fmt: skip


def token_hash(token: str) -> str:
    """Return the hash of a token, which is all that is stored: tokens are only compared."""
    return hashlib.sha256(token.encode()).hexdigest()


def modify(elasticache: Any, cache: Any, params: Mapping[str, Any]) -> None:
    """Modify a group or a cluster; nothing changes if any part is invalid.

    "If false, changes to the nodes in the replication group are applied on the next maintenance reboot":
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html
    """
    validation.require_supported(params, *UNSUPPORTED)
    requested, later = _split_changes(cache, params)
    now = {attribute: requested[name] for name, attribute in IMMEDIATE.items() if requested.get(name) is not None}
    now |= _engine_changes(elasticache, cache, requested)
    if "security_group_ids" in now:
        place = cache.cache_subnet_group_name
        vpc = subnet_group(elasticache, place).vpc_id if place else None
        validation.validate_security_groups(elasticache, now["security_group_ids"], vpc)
    if is_group(cache):
        now |= _failover_changes(cache, requested)
    now |= _token_changes(cache, requested)
    if set(now) - set(IMMEDIATE.values()):
        cache.status = "modifying"
    vars(cache).update(now, pending=later)


def _split_changes(cache: Any, params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the changes to apply now, including pending ones, and the changes that stay pending."""
    if params.get("ApplyImmediately"):
        return {**cache.pending, **params}, {}
    later = {name: params[name] for name in DEFERRABLE if params.get(name)}
    return {name: value for name, value in params.items() if name not in later}, cache.pending | later


def _engine_changes(elasticache: Any, cache: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the new attributes for a newer version of the engine, or for Valkey instead of Redis.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement.HowTo.html
    """
    changes: dict[str, Any] = {}
    engine = (params.get("Engine") or cache.engine).lower()
    if engine != cache.engine and (cache.engine, engine) != ("redis", "valkey"):
        raise ServiceError(COMBINATION, f"Cannot change the engine from {cache.engine} to {engine}.")
    if params.get("EngineVersion") or engine != cache.engine:
        version = resolve_version(engine, params.get("EngineVersion"))
        if engine == cache.engine and _version_numbers(version) < _version_numbers(cache.engine_version):
            raise ServiceError(COMBINATION, f"Cannot downgrade {engine} from {cache.engine_version} to {version}.")
        changes |= {"engine": engine, "engine_version": version} if version != cache.engine_version else {}
    name = params.get("CacheParameterGroupName")
    version = changes.get("engine_version", cache.engine_version)
    if name or family(engine, version) != family_of(elasticache, cache.cache_parameter_group_name):
        changes["cache_parameter_group_name"] = validation.choose_parameter_group(elasticache, engine, version, name)
    if (node_type := params.get("CacheNodeType")) and node_type != cache.cache_node_type:
        validate_node_type(node_type)
        changes["cache_node_type"] = node_type
    return changes


def _failover_changes(group: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name, attribute in (("AutomaticFailoverEnabled", "automatic_failover"), ("MultiAZEnabled", "multi_az")):
        wanted = {None: getattr(group, attribute), True: "enabled", False: "disabled"}[params.get(name)]
        if wanted != getattr(group, attribute):
            changes[attribute] = wanted
    after = vars(group) | changes
    validation.validate_failover(
        len(group.members), after["automatic_failover"] == "enabled", after["multi_az"] == "enabled"
    )
    if (primary := params.get("PrimaryClusterId")) and primary != group.primary:
        if primary not in group.members:
            raise ServiceError("CacheClusterNotFound", f"CacheCluster not found: {primary}")
        if after["automatic_failover"] == "enabled":
            raise ServiceError(COMBINATION, "Automatic failover must be disabled to promote a replica.")
        changes |= {"primary": primary, "failovers": group.failovers + 1}
    return changes


def _token_changes(cache: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the new tokens: ROTATE adds one to the present one; SET keeps only the new one.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html
    """
    token, strategy = params.get("AuthToken"), params.get("AuthTokenUpdateStrategy") or "ROTATE"
    if strategy == "DELETE":
        raise validation.not_supported("A cache with user groups")
    if not token:
        return {}
    validation.validate_token(token, bool(cache.transit_encryption_enabled))
    if strategy not in ("SET", "ROTATE"):
        raise ServiceError(VALUE, f"Invalid auth token update strategy: {strategy}")
    new = token_hash(token)
    before = [known for known in cache.tokens if known != new]
    # A cache without a token continues without one until a token is SET.
    tokens = [new] if strategy == "SET" else [new, *before[:1]] if before else []
    return {"tokens": tokens or cache.tokens, "auth_token_last_modified_date": utcnow()}


def _version_numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]
