"""Capacity of Auto Scaling groups: spread instances over the zones, replace unhealthy ones, register targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup, InstanceState
from moto.core.exceptions import ServiceException
from moto.core.utils import utcnow

from embedded_aws.account import backends
from embedded_aws.faults import outages
from embedded_aws.load_balancer import health
from embedded_aws.patching import Method, patch
from embedded_aws.services.autoscaling import launching
from embedded_aws.services.autoscaling.activities import format_time, record
from embedded_aws.services.autoscaling.launch import launch_instance
from embedded_aws.services.autoscaling.lifecycle_hooks import leaving
from embedded_aws.services.autoscaling.zones import count_instances, rank_subnets, select_for_termination
from embedded_aws.services.ec2.outages import NO_CAPACITY
from embedded_aws.ticker import run_each

RETRY_SECONDS = 10.0  # after a launch that failed; AWS waits longer each time

ALIVE = ("pending", "running")

#: Returns whether the host of an instance has failed; the server replaces it where it runs hosts.
is_host_broken: Callable[[str], bool] = lambda _: False  # noqa: E731 - a default that is replaced


def tick() -> bool:
    """Reconcile every group, and bring launched instances into service; return whether the account has changed."""
    return run_each(groups(), reconcile) | launching.tick(register, abandon)


def groups() -> Iterator[Any]:
    """Yield all groups of the account."""
    for backend in backends.existing("autoscaling"):
        yield from list(backend.autoscaling_groups.values())


def reconcile(group: Any) -> bool:
    """Replace instances that are unhealthy or outside of the group's zones, and rebalance the zones.

    "If an instance is terminated, Amazon EC2 Auto Scaling launches a replacement", and rebalances zones by
    launching before terminating:
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html#AutoScalingBehavior.InstanceUsage
    """
    if group.ec2_launch_template is None:
        return False
    to_replace = [state for state in group.instance_states if _must_be_replaced(group, state)]
    for state in to_replace:
        _take_out_of_service(group, state, unhealthy_reason(group, state))
    scaled = scale_to_desired(group, "an unhealthy instance needing to be replaced")
    return bool(to_replace) | scaled | _rebalance_zones(group)


def scale_to_desired(group: Any, reason: str) -> bool:
    """Launch or terminate until the group has its desired capacity; return whether its instances have changed."""
    before = [state.instance.id for state in launching.counted_instances(group)]
    while len(launching.counted_instances(group)) < (group.desired_capacity or 0) and try_launch(group, reason):
        pass
    while len(launching.counted_instances(group)) > (group.desired_capacity or 0) + _surplus(group) and (
        state := select_for_termination(group)
    ):
        cause = f"{format_time(utcnow())} an instance was taken out of service in response to {reason}"
        terminate(group, state, f"{cause}, shrinking the capacity to {group.desired_capacity}.")
    return before != [state.instance.id for state in launching.counted_instances(group)]


def terminate(group: Any, state: Any, cause: str, *, skip_hooks: bool = False) -> dict[str, Any]:
    """Deregister an instance from its target groups, and terminate it after its hooks; return the activity.

    Args:
        skip_hooks: Terminate it at once, without waiting for lifecycle hooks.
    """
    deregister(group, state.instance.id)
    activity = record(group, f"Terminating EC2 instance: {state.instance.id}", cause, subnet=_subnet_of(group, state))
    leaving.begin(group, state, activity, skip_hooks=skip_hooks)
    return activity


def deregister(group: Any, instance_id: str) -> None:
    """Deregister an instance from the group's target groups.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/attach-load-balancer-asg.html
    """
    for target_group in target_groups(group):
        if instance_id in target_group.targets:
            target_group.deregister([{"Id": instance_id}])


def target_groups(group: Any) -> list[Any]:
    """Return the group's target groups that still exist."""
    known = group.autoscaling_backend.elbv2_backend.target_groups
    return [known[arn] for arn in group.target_group_arns if arn in known]


def register(group: Any, state: Any) -> None:
    """Register an instance that has come into service with the group's target groups, unless it is registered."""
    for target_group in target_groups(group):
        if state.instance.id not in target_group.targets and state.instance.state == "running":
            target_group.register([{"Id": state.instance.id, "Port": target_group.port}])


def abandon(group: Any, state: Any, reason: str) -> None:
    """Terminate an instance that has not come into service, and delay the next launch."""
    _take_out_of_service(group, state, reason)
    group.retry_at = utcnow().timestamp() + RETRY_SECONDS


def _take_out_of_service(group: Any, state: Any, reason: str) -> None:
    terminate(group, state, f"{format_time(utcnow())} an instance was taken out of service in response to {reason}.")


def _must_be_replaced(group: Any, state: Any) -> bool:
    if state.lifecycle_state != "InService" or "ReplaceUnhealthy" in group._suspended_processes:
        return False
    return bool(unhealthy_reason(group, state)) or state.availability_zone not in group.availability_zones


def unhealthy_reason(group: Any, state: Any) -> str:
    """Return why an instance is unhealthy; empty when it is healthy."""
    if state.instance.state not in ALIVE:
        return "an EC2 health check indicating it has been terminated or stopped"
    if state.health_status == "Unhealthy":
        return "a user health-check"
    if is_host_broken(state.instance.id) or outages.is_impaired(state.instance):
        # https://repost.aws/knowledge-center/auto-scaling-instance-how-terminated
        return "an EC2 instance status checks failure"
    return "an ELB system health check failure" if _fails_elb_check(group, state) else ""


def _fails_elb_check(group: Any, state: Any) -> bool:
    """Return whether a load balancer's health check fails after the grace period; False without health checks.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-add-elb-healthcheck.html
    """
    checks = health.installed()
    if checks is None or group.health_check_type != "ELB" or "HealthCheck" in group._suspended_processes:
        return False
    arns = [target_group.arn for target_group in target_groups(group)]
    return checks.is_failing(arns, state.instance.id, float(group.health_check_grace_period or 0))


def try_launch(group: Any, reason: str) -> bool:
    """Launch an instance in the emptiest zone that has capacity; return whether one was launched.

    If no zone has capacity, the next try is delayed. A `balanced-only` group tries the emptiest zone only:
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-availability-zone-balanced.html
    """
    if "Launch" in group._suspended_processes or utcnow().timestamp() < vars(group).get("retry_at", 0.0):
        return False
    try:
        subnets = rank_subnets(group)
    except ServiceException as error:
        _record_failure(group, reason, error)
        subnets = []
    for subnet in subnets:
        if (launch_error := _launch_in(group, subnet, reason)) is None:
            return True
        if launch_error.code != NO_CAPACITY or _is_balanced_only(group):
            break
    group.retry_at = utcnow().timestamp() + RETRY_SECONDS
    return False


def _is_balanced_only(group: Any) -> bool:
    distribution = vars(group).get("availability_zone_distribution") or {}
    return bool(distribution.get("CapacityDistributionStrategy") == "balanced-only")


def _launch_in(group: Any, subnet: Any, reason: str) -> ServiceException | None:
    """Launch in a subnet; record and return the error of a failed launch."""
    try:
        instance = launch_instance(group, subnet.id)
    except ServiceException as error:
        _record_failure(group, reason, error)
        return error
    protected = group.new_instances_protected_from_scale_in
    state = InstanceState(instance, protected_from_scale_in=protected)
    group.instance_states.append(state)
    activity = record(group, f"Launching a new EC2 instance: {instance.id}", _launch_cause(reason), subnet=subnet)
    if launching.begin(group, state, activity):
        register(group, state)
    return None


def _record_failure(group: Any, reason: str, error: ServiceException) -> None:
    failure = f"{error.message} Launching EC2 instance failed."
    record(group, f"Launching a new EC2 instance.  Status Reason: {failure}", _launch_cause(reason), failure=failure)


def _launch_cause(reason: str) -> str:
    return f"{format_time(utcnow())} an instance was launched in response to {reason}."


def _surplus(group: Any) -> int:
    """Return how many instances above the desired capacity an instance refresh may launch."""
    return int((vars(group).get("refreshing") or {}).get("surplus", 0))


def _rebalance_zones(group: Any) -> bool:
    if vars(group).get("refreshing"):  # an instance refresh balances the zones itself
        return False
    per_zone, _ = count_instances(group)
    if max(per_zone.values()) - min(per_zone.values()) <= 1 or "AZRebalance" in group._suspended_processes:
        return False
    if outages.is_lost(rank_subnets(group)[0].availability_zone):  # rebalanced when the zone has recovered
        return False
    if not try_launch(group, "an imbalance of the availability zones"):
        return False
    cause = f"{format_time(utcnow())} an instance was taken out of service to balance the availability zones."
    if state := select_for_termination(group):
        terminate(group, state, cause)
    return True


def _subnet_of(group: Any, state: Any) -> Any | None:
    return next(iter(group.ec2_backend.describe_subnets(filters={"subnet-id": [state.instance.subnet_id]})), None)


@patch(FakeAutoScalingGroup, "set_desired_capacity")
def set_desired_capacity(moto: Method, group: Any, desired: int | None) -> None:
    """Launch in all zones, and with the whole launch template; moto uses the first subnet and some of the fields."""
    if group.ec2_launch_template is None:  # a launch configuration: left to moto
        moto(group, desired)
        return
    group.desired_capacity = group.min_size if desired is None else desired
    group.retry_at = 0.0
    limits = f"min: {group.min_size}, max: {group.max_size}, desired: {group.desired_capacity}"
    scale_to_desired(group, f"a user request update of AutoScalingGroup constraints to {limits}")


@patch(AutoScalingBackend, "update_attached_target_groups")
def update_attached_target_groups(moto: Method, backend: Any, group_name: str) -> None:
    """Skip deleted target groups and instances that are not running; moto fails on them."""
    group = backend.autoscaling_groups[group_name]
    for state in group.active_instances():
        register(group, state)


@patch(AutoScalingBackend, "notify_terminate_instances")
def notify_terminate_instances(moto: Method, backend: Any, instance_ids: list[str]) -> None:
    """Leave the replacement of a manually terminated instance to the next health check (`tick`)."""
