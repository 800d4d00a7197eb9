"""The data stack: the database, its groups and logs, and an optional cache for sessions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ..params import Params
from ..resources.alarm import Alarm
from ..resources.cache_replication_group import CacheReplicationGroup
from ..resources.cache_subnet_group import CacheSubnetGroup
from ..resources.db_instance import DbInstance
from ..resources.db_parameter_group import DbParameterGroup
from ..resources.db_subnet_group import DbSubnetGroup
from ..resources.log_group import LogGroup
from ..resources.role import Role
from ..resources.security_group import SecurityGroup
from ..resources.service_linked_role import ServiceLinkedRole, linked_role_of_elasticache, linked_role_of_rds
from ..resources.subnet import Subnet
from .alarms import alarm_topic, cache_alarms, database_alarms
from .network import network
from .stack import Stack

_MONITORING = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"


def data(params: Params) -> Stack:
    """The stack of ``02_data``; it depends on the network's private subnets and security groups."""
    settings, net = params.data, network(params)
    private = tuple(cast(Subnet, net[f"subnet.private-{zone}"]) for zone in params.network.zones)
    linked_role = linked_role_of_rds()
    subnet_group = DbSubnetGroup(
        name="private", subnets=private, description="Private subnets", linked_role=linked_role
    )
    parameter_group = DbParameterGroup(
        name="mysql", family="mysql8.4", parameters=tuple(_parameters(settings.log_exports))
    )
    logs = _logs(params)
    monitoring = None
    if settings.monitoring_seconds:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html (confused deputy)
        source = f"arn:aws:rds:{params.region}:{params.account}:db:{params.env}-database"
        service = "monitoring.rds.amazonaws.com"
        monitoring = Role(
            name="monitoring",
            service=service,
            source=source,
            policies=(_MONITORING,),
            boundary=params.permissions_boundary,
        )
    database = DbInstance(
        name="database",
        subnet_group=subnet_group,
        parameter_group=parameter_group,
        security_group=cast(SecurityGroup, net["security_group.db"]),
        logs=logs,
        monitoring_role=monitoring,
        monitoring_seconds=settings.monitoring_seconds,
        engine_version=settings.engine_version,
        instance_class=settings.instance_class,
        storage_gb=settings.storage_gb,
        multi_az=settings.multi_az,
        backup_days=settings.backup_days,
        backup_window=settings.backup_window,
        maintenance_window=settings.maintenance_window,
        minor_upgrades=settings.minor_upgrades,
        deletion_protection=params.guards.deletion_protection,
        final_snapshot=params.guards.final_snapshot,
    )
    return Stack(
        "data",
        subnet_group=(linked_role, subnet_group),
        parameter_group=parameter_group,
        logs=logs,
        monitoring=(monitoring,) if monitoring else (),
        database=(database, *database_alarms(alarm_topic(params), database)),
        cache=_cache(params, net, private),
    )


def _logs(params: Params) -> tuple[LogGroup, ...]:
    folder, settings = f"/aws/rds/instance/{params.env}-database", params.data
    return tuple(
        LogGroup(name=f"database-{log}", path=f"{folder}/{log}", days=settings.log_days) for log in settings.log_exports
    )


def _cache(
    params: Params, net: Stack, private: tuple[Subnet, ...]
) -> tuple[ServiceLinkedRole | CacheSubnetGroup | CacheReplicationGroup | Alarm, ...]:
    """Empty when sessions are kept in cookies."""
    settings = params.data.sessions
    if settings.store == "cookie":
        return ()
    linked_role = linked_role_of_elasticache()
    subnet_group = CacheSubnetGroup(
        name="private", subnets=private, description="Private subnets", linked_role=linked_role
    )
    sessions = CacheReplicationGroup(
        name="sessions",
        subnet_group=subnet_group,
        security_group=cast(SecurityGroup, net["security_group.cache"]),
        description="Sessions",
        node_type=settings.node_type,
        replicas=settings.replicas,
        minor_upgrades=params.data.minor_upgrades,
    )
    return linked_role, subnet_group, sessions, *cache_alarms(alarm_topic(params), sessions)


def _parameters(exports: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """TLS, one character set, and the exported logs: by default MySQL writes the error log only.

    AWS asks to wait five minutes between a new group and its first database where a parameter matters when the
    default database is created.  Of these only the character set and its collation do, and they are the defaults of
    MySQL 8.4; they are written down so that no other default replaces them.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBParameterGroup.html
    https://dev.mysql.com/doc/refman/8.4/en/charset-server.html
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
