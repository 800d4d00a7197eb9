"""The database, what it stands in, and the cache that sessions may be kept in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ..params import Params
from ..resources.cache_replication_group import CacheReplicationGroup
from ..resources.cache_subnet_group import CacheSubnetGroup
from ..resources.db_instance import DbInstance
from ..resources.db_parameter_group import DbParameterGroup
from ..resources.db_subnet_group import DbSubnetGroup
from ..resources.log_group import LogGroup
from ..resources.role import Role
from ..resources.security_group import SecurityGroup
from ..resources.subnet import Subnet
from .network import network
from .stack import Stack

_MONITORING = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"


def data(params: Params) -> Stack:
    """What ``02_data`` walks through; it stands on the private subnets and on security groups of its own."""
    wanted, net = params.data, network(params)
    private = tuple(cast(Subnet, net[f"subnet.private-{zone}"]) for zone in params.network.zones)
    subnet_group = DbSubnetGroup(name="private", subnets=private, description="Private subnets")
    parameter_group = DbParameterGroup(
        name="mysql", family="mysql8.4", parameters=tuple(_parameters(wanted.log_exports))
    )
    folder = f"/aws/rds/instance/{params.env}-database"
    logs = tuple(
        LogGroup(name=f"database-{log}", path=f"{folder}/{log}", days=wanted.log_days) for log in wanted.log_exports
    )
    monitoring = None
    if wanted.monitoring_seconds:
        monitoring = Role(name="monitoring", service="monitoring.rds.amazonaws.com", policies=(_MONITORING,))
    database = DbInstance(
        name="database",
        subnet_group=subnet_group,
        parameter_group=parameter_group,
        security_group=cast(SecurityGroup, net["security_group.db"]),
        logs=logs,
        monitoring_role=monitoring,
        monitoring_seconds=wanted.monitoring_seconds,
        engine_version=wanted.engine_version,
        instance_class=wanted.instance_class,
        storage_gb=wanted.storage_gb,
        multi_az=wanted.multi_az,
        backup_days=wanted.backup_days,
        backup_window=wanted.backup_window,
        maintenance_window=wanted.maintenance_window,
        minor_upgrades=wanted.minor_upgrades,
        deletion_protection=params.guards.deletion_protection,
        final_snapshot=params.guards.final_snapshot,
    )
    return Stack(
        "data",
        subnet_group=subnet_group,
        parameter_group=parameter_group,
        logs=logs,
        monitoring=(monitoring,) if monitoring else (),
        database=database,
        cache=_cache(params, net, private),
    )


def _cache(
    params: Params, net: Stack, private: tuple[Subnet, ...]
) -> tuple[()] | tuple[CacheSubnetGroup, CacheReplicationGroup]:
    """Nothing, where sessions are in cookies."""
    wanted = params.data.sessions
    if wanted.store == "cookie":
        return ()
    places = CacheSubnetGroup(name="private", subnets=private, description="Private subnets")
    sessions = CacheReplicationGroup(
        name="sessions",
        subnet_group=places,
        security_group=cast(SecurityGroup, net["security_group.cache"]),
        description="Sessions",
        node_type=wanted.node_type,
        replicas=wanted.replicas,
        minor_upgrades=params.data.minor_upgrades,
    )
    return places, sessions


def _parameters(exports: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """TLS, one character set, and the logs that are to be exported: MySQL writes only errors by itself.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.MySQLDB.PublishtoCloudWatchLogs.html
    """
    yield "require_secure_transport", "1"
    yield "character_set_server", "utf8mb4"
    yield "collation_server", "utf8mb4_0900_ai_ci"
    if "slowquery" in exports:
        yield "slow_query_log", "1"
    if "general" in exports:
        yield "general_log", "1"
    if {"slowquery", "general"} & set(exports):
        yield "log_output", "FILE"
