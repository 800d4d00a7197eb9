"""The health checks that the account asks for, read from moto's backends; the caller holds their lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from embedded_aws.account import backends as world
from embedded_aws.faults import outages
from embedded_aws.load_balancer.reachability import balancer_reaches
from embedded_aws.load_balancer.target import NOT_IN_USE, OTHER_ZONE, Check, Status, invalid

RUNNING = "running"

PortOf = Callable[[str], int | None]


def groups() -> Iterator[Any]:
    """All target groups of the account whose targets are asked."""
    for elb in world.existing("elbv2"):
        yield from [group for group in elb.target_groups.values() if is_asked(group)]


def is_asked(group: Any) -> bool:
    """Whether a target group has instances behind an Application Load Balancer."""
    return group.target_type == "instance" and group.protocol in ("HTTP", "HTTPS")


def check_of(group: Any, registered: dict[str, Any], port_of: PortOf) -> Check:
    """How the health of a registered target is to be asked for now."""
    instance = group.ec2_backend.get_instance_by_id(registered["Id"])
    users = balancers_of(group)
    port = int(registered["Port"])
    unused = _unused(group, instance, users)
    return Check(
        unused=unused,
        port=None if unused else port_of(registered["Id"]),
        reachable=not unused and _is_reached(users, instance, port),
        host=f"{instance.private_ip}:{port}" if instance else "",
        path=group.health_check_path or "/",
        codes=group.matcher.get("HttpCode") or "200",
        interval=float(group.health_check_interval_seconds),
        timeout=float(group.health_check_timeout_seconds),
        healthy=int(group.healthy_threshold_count),
        unhealthy=int(group.unhealthy_threshold_count),
    )


def _is_reached(users: list[Any], instance: Any, port: int) -> bool:
    there = outages.lost_since(instance) is None
    return there and any(balancer_reaches(user, instance, port) for user in users)


def delay_of(group: Any) -> float:
    """How many seconds a target has to finish its requests when it is deregistered now."""
    return float(group.attributes.get("deregistration_delay.timeout_seconds") or 0)


def balancers_of(group: Any) -> list[Any]:
    """The load balancers that send requests to a target group."""
    elb = world.backend("elbv2", group.region_name)
    return [balancer for balancer in elb.load_balancers.values() if group.arn in _forwarded(elb, balancer)]


def _forwarded(elb: Any, balancer: Any) -> set[str]:
    rules = [rule for listener in balancer.listeners.values() for rule in listener.rules.values()]
    actions = [action for rule in rules for action in rule.actions]
    return {arn for action in actions for arn in elb._get_target_group_arns_from(action_data=action.data)}


def _unused(group: Any, instance: Any, users: list[Any]) -> Status | None:
    if instance is None or instance.state != RUNNING:
        return invalid(instance.state if instance else "terminated")
    if not users:
        return NOT_IN_USE
    zone = group.ec2_backend.get_subnet(instance.subnet_id).availability_zone
    enabled = {subnet.availability_zone for user in users for subnet in user.subnets}
    return None if zone in enabled else OTHER_ZONE
