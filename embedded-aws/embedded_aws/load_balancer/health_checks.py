"""Read from moto's backends how targets are to be checked; the caller holds their lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from embedded_aws.account import backends
from embedded_aws.faults import outages
from embedded_aws.load_balancer.reachability import balancer_reaches
from embedded_aws.load_balancer.target import NOT_IN_USE, OTHER_ZONE, Check, Status, invalid_state

RUNNING = "running"

PortOf = Callable[[str], int | None]


def checked_groups() -> Iterator[Any]:
    """Yield all target groups whose targets are checked."""
    for elb in backends.existing("elbv2"):
        yield from [group for group in elb.target_groups.values() if is_checked(group)]


def is_checked(group: Any) -> bool:
    """Whether a target group has instances behind an Application Load Balancer."""
    return group.target_type == "instance" and group.protocol in ("HTTP", "HTTPS")


def check_of(group: Any, registered: dict[str, Any], port_of: PortOf) -> Check:
    """Return how a registered target is checked now."""
    instance = group.ec2_backend.get_instance_by_id(registered["Id"])
    balancers = balancers_of(group)
    port = int(registered["Port"])
    unused = _unused_status(group, instance, balancers)
    return Check(
        unused=unused,
        port=None if unused else port_of(registered["Id"]),
        reachable=not unused and _is_reachable(balancers, instance, port),
        host=f"{instance.private_ip}:{port}" if instance else "",
        path=group.health_check_path or "/",
        codes=group.matcher.get("HttpCode") or "200",
        interval=float(group.health_check_interval_seconds),
        timeout=float(group.health_check_timeout_seconds),
        healthy=int(group.healthy_threshold_count),
        unhealthy=int(group.unhealthy_threshold_count),
    )


def _is_reachable(balancers: list[Any], instance: Any, port: int) -> bool:
    is_up = outages.lost_since(instance) is None
    return is_up and any(balancer_reaches(balancer, instance, port) for balancer in balancers)


def deregistration_delay(group: Any) -> float:
    """Return how many seconds a target has to finish its requests after it is deregistered."""
    return float(group.attributes.get("deregistration_delay.timeout_seconds") or 0)


def balancers_of(group: Any) -> list[Any]:
    """Return the load balancers that forward requests to a target group."""
    elb = backends.backend("elbv2", group.region_name, backends.account_of(group.arn))
    return [balancer for balancer in elb.load_balancers.values() if group.arn in _target_groups_of(elb, balancer)]


def _target_groups_of(elb: Any, balancer: Any) -> set[str]:
    rules = [rule for listener in balancer.listeners.values() for rule in listener.rules.values()]
    actions = [action for rule in rules for action in rule.actions]
    return {arn for action in actions for arn in elb._get_target_group_arns_from(action_data=action.data)}


def _unused_status(group: Any, instance: Any, balancers: list[Any]) -> Status | None:
    if instance is None or instance.state != RUNNING:
        return invalid_state(instance.state if instance else "terminated")
    if not balancers:
        return NOT_IN_USE
    zone = group.ec2_backend.get_subnet(instance.subnet_id).availability_zone
    enabled = {subnet.availability_zone for balancer in balancers for subnet in balancer.subnets}
    return None if zone in enabled else OTHER_ZONE
