"""The alarms of what an environment has, each beside the resource that it watches, and the dashboard.

Where AWS recommends an alarm, its statistic, threshold and periods are those:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Best_Practice_Recommended_Alarms_AWS_Services.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..params import Params
from ..resources.alarm import Alarm
from ..resources.auto_scaling_group import AutoScalingGroup
from ..resources.base import Resource
from ..resources.cache_replication_group import CacheReplicationGroup
from ..resources.dashboard import Dashboard
from ..resources.db_instance import DbInstance
from ..resources.load_balancer import LoadBalancer
from ..resources.nat_gateway import NatGateway
from ..resources.target_group import TargetGroup
from ..resources.topic import Topic

Dimensions = tuple[tuple[str, str, Resource], ...]
_GIB = 1024**3


def alarm_topic(params: Params) -> Topic | None:
    """The topic of the parameters; without one there are no alarms."""
    return Topic(name="alarms", known_as=params.alarms.topic) if params.alarms.topic else None


def nat_alarms(topic: Topic | None, gateways: Iterable[NatGateway]) -> Iterator[Topic | Alarm]:
    """A gateway without free ports for 15 minutes, or that drops packets for five: both as AWS recommends.

    What counts as dropping depends on the traffic; at 100 packets a minute somebody waits for them.
    """
    named = list(gateways) if topic else []
    if topic and named:
        yield topic
    for gateway in named:
        where: Dimensions = (("NatGatewayId", "{}", gateway),)
        yield _alarm(
            topic, f"nat-{gateway.name}-ports", "AWS/NATGateway ErrorPortAllocation", where, "Maximum", "> 0", 15,
            "The NAT gateway has no free port for a destination: new connections from the servers fail.",
        )  # fmt: skip
        yield _alarm(
            topic, f"nat-{gateway.name}-packets-dropped", "AWS/NATGateway PacketsDropCount", where, "Sum", "> 100", 5,
            "The NAT gateway drops packets: connections from the servers are slow or break.",
        )  # fmt: skip


def database_alarms(topic: Topic | None, database: DbInstance) -> Iterator[Topic | Alarm]:
    """As AWS recommends; free storage below a tenth, connections near what MySQL accepts."""
    where: Dimensions = (("DBInstanceIdentifier", "{}", database),)
    if topic is None:
        return
    yield topic
    yield _alarm(
        topic, "database-cpu", "AWS/RDS CPUUtilization", where, "Average", "> 90", 5,
        "The database's processor is busy: look at the slow queries, or take a larger class.",
    )  # fmt: skip
    tenth = database.storage_gb * _GIB // 10
    yield _alarm(
        topic, "database-storage", "AWS/RDS FreeStorageSpace", where, "Minimum", f"< {tenth}", 5,
        "Less than a tenth of the database's storage is free; a full database stops. Raise data.storage_gb.",
    )  # fmt: skip
    yield _alarm(
        topic, "database-connections", "AWS/RDS DatabaseConnections", where, "Average",
        f"> {most_connections(database.instance_class)}", 5,
        "The database has nearly as many connections as it accepts; further ones are refused.",
    )  # fmt: skip


def most_connections(instance_class: str) -> int:
    """Seven tenths of the connections that MySQL accepts in a class: by default its memory / 12582880.

    RDS itself needs some of the memory, most in small classes, where a third of the connections is missing.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html
    """
    _, family, size = instance_class.split(".")
    large = {"r": 16, "x": 32, "z": 16, "c": 4}.get(family[0], 8)
    sizes = {"micro": 1 / 8, "small": 1 / 4, "medium": 1 / 2, "large": 1, "xlarge": 2}
    times = re.match(r"(\d+)xlarge", size)
    gib = large * (2 * int(times[1]) if times else sizes.get(size, 1))
    return int(0.7 * min(100_000, gib * _GIB / 12_582_880))


def cache_alarms(topic: Topic | None, cache: CacheReplicationGroup) -> Iterator[Alarm]:
    """For each node; Valkey uses one processor, which is what EngineCPUUtilization shows.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.WhichShouldIMonitor.html
    """
    for number in range(1, cache.replicas + 2) if topic else ():
        name, where = f"cache-{number}", (("CacheClusterId", f"{{}}-{number:03}", cache),)
        yield _alarm(
            topic, f"{name}-cpu", "AWS/ElastiCache EngineCPUUtilization", where, "Average", "> 90", 5,
            "The cache's processor is busy: sessions are slow. Take a larger data.sessions.node_type.",
        )  # fmt: skip
        yield _alarm(
            topic, f"{name}-evictions", "AWS/ElastiCache Evictions", where, "Sum", "> 0", 5,
            "The cache is full and drops sessions: people are signed out. Take a larger data.sessions.node_type.",
        )  # fmt: skip


def site_alarms(topic: Topic | None, balancer: LoadBalancer, targets: TargetGroup) -> Iterator[Topic | Alarm]:
    """What the site's users notice.  AWS recommends no numbers for load balancers: theirs depend on the site.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    """
    site: Dimensions = (("LoadBalancer", "{}", balancer),)
    group: Dimensions = (*site, ("TargetGroup", "{}", targets))
    if topic is None:
        return
    yield topic
    yield _alarm(
        topic, "site-target-5xx", "AWS/ApplicationELB HTTPCode_Target_5XX_Count", group, "Sum", "> 10", 3,
        "The application answers with errors: runbook logs shows them.",
    )  # fmt: skip
    yield _alarm(
        topic, "site-elb-5xx", "AWS/ApplicationELB HTTPCode_ELB_5XX_Count", site, "Sum", "> 10", 3,
        "The load balancer finds no server that answers.",
    )  # fmt: skip
    yield _alarm(
        topic, "site-unhealthy-hosts", "AWS/ApplicationELB UnHealthyHostCount", group, "Maximum", "> 0", 5,
        "A server has failed its health check for five minutes, and was not replaced.",
    )  # fmt: skip
    yield _alarm(
        topic, "site-response-time", "AWS/ApplicationELB TargetResponseTime", group, "p90", "> 2", 5,
        "One request in ten takes longer than two seconds.",
    )  # fmt: skip


def _alarm(
    topic: Topic | None, name: str, metric: str, about: Dimensions, statistic: str, beyond: str, periods: int, why: str
) -> Alarm:
    assert topic is not None
    sign, _, threshold = beyond.partition(" ")
    return Alarm(
        name=name, metric=metric, dimensions=about, statistic=statistic, comparison=sign, threshold=float(threshold),
        periods=periods, topic=topic, why=why,
    )  # fmt: skip


def dashboard(
    region: str,
    balancer: LoadBalancer,
    targets: TargetGroup,
    servers: AutoScalingGroup,
    database: DbInstance,
    gateways: Iterable[NatGateway],
    cache: CacheReplicationGroup | None,
) -> Dashboard:
    """Requests, errors, response times and servers first, then what they depend on."""
    site: Dimensions = (("LoadBalancer", "{}", balancer),)
    group: Dimensions = (*site, ("TargetGroup", "{}", targets))
    scaling: Dimensions = (("AutoScalingGroupName", "{}", servers),)
    store: Dimensions = (("DBInstanceIdentifier", "{}", database),)
    elb, rds = "AWS/ApplicationELB", "AWS/RDS"
    ways: tuple[Dimensions, ...] = tuple((("NatGatewayId", "{}", gateway),) for gateway in gateways)
    graphs: list[tuple[str, str, tuple[tuple[str, Dimensions], ...]]] = [
        ("Requests", "Sum", ((f"{elb} RequestCount", site), (f"{elb} RequestCountPerTarget", group))),
        ("Errors", "Sum", ((f"{elb} HTTPCode_Target_5XX_Count", group), (f"{elb} HTTPCode_ELB_5XX_Count", site))),
        ("Response time in seconds", "p90", ((f"{elb} TargetResponseTime", group),)),
        ("Hosts", "Maximum", ((f"{elb} HealthyHostCount", group), (f"{elb} UnHealthyHostCount", group))),
        ("Processors of the servers", "Average", (("AWS/EC2 CPUUtilization", scaling),)),
        ("Processor of the database", "Average", ((f"{rds} CPUUtilization", store),)),
        ("Connections of the database", "Average", ((f"{rds} DatabaseConnections", store),)),
        ("Free storage of the database", "Minimum", ((f"{rds} FreeStorageSpace", store),)),
    ]
    if ways:
        lost = tuple((f"AWS/NATGateway {name}", way) for way in ways for name in ("ErrorPortAllocation",
                                                                                    "PacketsDropCount"))  # fmt: skip
        graphs.append(("NAT gateways", "Sum", lost))
    if cache:
        nodes = tuple((("CacheClusterId", f"{{}}-{number:03}", cache),) for number in range(1, cache.replicas + 2))
        graphs.append(("Processors of the cache", "Average",
                       tuple(("AWS/ElastiCache EngineCPUUtilization", node) for node in nodes)))  # fmt: skip
    return Dashboard(name="overview", region=region, graphs=tuple(graphs))
