"""Auto Scaling capacity: instances spread evenly over the zones, replaced when lost, registered as targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup, InstanceState
from moto.core.exceptions import ServiceException
from moto.core.utils import utcnow

from embedded_aws.account import backends as world
from embedded_aws.faults import outages
from embedded_aws.load_balancer import health
from embedded_aws.patching import Method, patch
from embedded_aws.services.autoscaling import launching
from embedded_aws.services.autoscaling.activities import at, record
from embedded_aws.services.autoscaling.launch import launch
from embedded_aws.services.autoscaling.lifecycle_hooks import leaving
from embedded_aws.services.autoscaling.zones import counts, emptiest_first, superfluous
from embedded_aws.services.ec2.outages import NO_CAPACITY
from embedded_aws.ticker import run_each

RETRY_SECONDS = 10.0  # after a launch that failed; AWS waits longer each time

ALIVE = ("pending", "running")

#: Whether the machine under an instance has broken; where there are no machines, none has.
broken: Callable[[str], bool] = lambda _: False  # noqa: E731 - a default for who has something better


def tick() -> bool:
    """Let every group mend itself, and bring what it has launched into service."""
    return run_each(groups(), mend) | launching.tick(enter, abandon)


def groups() -> Iterator[Any]:
    """All groups of the account."""
    for backend in world.existing("autoscaling"):
        yield from list(backend.autoscaling_groups.values())


def mend(group: Any) -> bool:
    """Take out what is unhealthy or in a zone that the group has left, bring back what is missing, even out the zones.

    "If an instance is terminated, Amazon EC2 Auto Scaling launches a replacement", and rebalances zones by
    launching before terminating:
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html#AutoScalingBehavior.InstanceUsage
    """
    if group.ec2_launch_template is None:
        return False
    lost = [state for state in group.instance_states if _lost(group, state)]
    for state in lost:
        why = unhealthy(group, state)
        terminate(group, state, f"{at(utcnow())} an instance was taken out of service in response to {why}.")
    return bool(lost) | reach(group, "an unhealthy instance needing to be replaced") | _even_out(group)


def reach(group: Any, reason: str) -> bool:
    """Launch or terminate until the group has its desired number of instances."""
    before = [state.instance.id for state in launching.counted(group)]
    while len(launching.counted(group)) < (group.desired_capacity or 0) and launch_one(group, reason):
        pass
    while len(launching.counted(group)) > (group.desired_capacity or 0) + _surplus(group) and (
        state := superfluous(group)
    ):
        cause = f"{at(utcnow())} an instance was taken out of service in response to {reason}"
        terminate(group, state, f"{cause}, shrinking the capacity to {group.desired_capacity}.")
    return before != [state.instance.id for state in launching.counted(group)]


def terminate(group: Any, state: Any, cause: str, *, by_force: bool = False) -> dict[str, Any]:
    """Take an instance out of its target groups, and terminate it as soon as its hooks allow; returns the activity.

    Args:
        by_force: Wait for no hook.
    """
    deregister(group, state.instance.id)
    activity = record(group, f"Terminating EC2 instance: {state.instance.id}", cause, subnet=_subnet(group, state))
    leaving.begin(group, state, activity, at_once=by_force)
    return activity


def deregister(group: Any, instance_id: str) -> None:
    """Take an instance out of the group's target groups.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/attach-load-balancer-asg.html
    """
    for target_group in target_groups(group):
        if instance_id in target_group.targets:
            target_group.deregister([{"Id": instance_id}])


def target_groups(group: Any) -> list[Any]:
    """The group's target groups, as far as they still exist."""
    known = group.autoscaling_backend.elbv2_backend.target_groups
    return [known[arn] for arn in group.target_group_arns if arn in known]


def enter(group: Any, state: Any) -> None:
    """Put an instance that has come into service into the group's target groups; what it finds there stays."""
    for target_group in target_groups(group):
        if state.instance.id not in target_group.targets and state.instance.state == "running":
            target_group.register([{"Id": state.instance.id, "Port": target_group.port}])


def abandon(group: Any, state: Any, why: str) -> None:
    """Terminate an instance that has not come into service, and wait before the next is launched."""
    terminate(group, state, f"{at(utcnow())} an instance was taken out of service in response to {why}.")
    group.retry_at = utcnow().timestamp() + RETRY_SECONDS


def _lost(group: Any, state: Any) -> bool:
    if state.lifecycle_state != "InService" or "ReplaceUnhealthy" in group._suspended_processes:
        return False
    return bool(unhealthy(group, state)) or state.availability_zone not in group.availability_zones


def unhealthy(group: Any, state: Any) -> str:
    """Why a group takes an instance for unhealthy; empty when it does not."""
    if state.instance.state not in ALIVE:
        return "an EC2 health check indicating it has been terminated or stopped"
    if state.health_status == "Unhealthy":
        return "a user health-check"
    if broken(state.instance.id) or outages.is_impaired(state.instance):
        # https://repost.aws/knowledge-center/auto-scaling-instance-how-terminated
        return "an EC2 instance status checks failure"
    return "an ELB system health check failure" if _fails(group, state) else ""


def _fails(group: Any, state: Any) -> bool:
    """Whether a load balancer finds an instance unhealthy, the grace period being over; where nobody asks, never.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-add-elb-healthcheck.html
    """
    asked = health.installed()
    if asked is None or group.health_check_type != "ELB" or "HealthCheck" in group._suspended_processes:
        return False
    arns = [target_group.arn for target_group in target_groups(group)]
    return asked.is_failing(arns, state.instance.id, float(group.health_check_grace_period or 0))


def launch_one(group: Any, reason: str) -> bool:
    """Launch in the emptiest zone, or in the next one where a zone has no capacity; later where all refuse.

    A group whose distribution is `balanced-only` keeps trying in the one zone:
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-availability-zone-balanced.html
    """
    if "Launch" in group._suspended_processes or utcnow().timestamp() < vars(group).get("retry_at", 0.0):
        return False
    try:
        subnets = emptiest_first(group)
    except ServiceException as error:
        _record_failure(group, reason, error)
        subnets = []
    for subnet in subnets:
        if (refusal := _launch_in(group, subnet, reason)) is None:
            return True
        if refusal.code != NO_CAPACITY or _is_balanced_only(group):
            break
    group.retry_at = utcnow().timestamp() + RETRY_SECONDS
    return False


def _is_balanced_only(group: Any) -> bool:
    distribution = vars(group).get("availability_zone_distribution") or {}
    return bool(distribution.get("CapacityDistributionStrategy") == "balanced-only")


def _launch_in(group: Any, subnet: Any, reason: str) -> ServiceException | None:
    """Launch in a subnet; a launch that AWS would refuse is recorded as failed."""
    try:
        instance = launch(group, subnet.id)
    except ServiceException as error:
        _record_failure(group, reason, error)
        return error
    protected = group.new_instances_protected_from_scale_in
    state = InstanceState(instance, protected_from_scale_in=protected)
    group.instance_states.append(state)
    activity = record(group, f"Launching a new EC2 instance: {instance.id}", _launched(reason), subnet=subnet)
    if launching.begin(group, state, activity):
        enter(group, state)
    return None


def _record_failure(group: Any, reason: str, error: ServiceException) -> None:
    failure = f"{error.message} Launching EC2 instance failed."
    record(group, f"Launching a new EC2 instance.  Status Reason: {failure}", _launched(reason), failure=failure)


def _launched(reason: str) -> str:
    return f"{at(utcnow())} an instance was launched in response to {reason}."


def _surplus(group: Any) -> int:
    """How many more than desired a group may have for now: those that an instance refresh launches ahead."""
    return int((vars(group).get("refreshing") or {}).get("surplus", 0))


def _even_out(group: Any) -> bool:
    if vars(group).get("refreshing"):  # it launches in the emptiest zone, and ends with all of them even
        return False
    per_zone, _ = counts(group)
    if max(per_zone.values()) - min(per_zone.values()) <= 1 or "AZRebalance" in group._suspended_processes:
        return False
    if outages.is_lost(emptiest_first(group)[0].availability_zone):  # balanced again when the zone has recovered
        return False
    if not launch_one(group, "an imbalance of the availability zones"):
        return False
    cause = f"{at(utcnow())} an instance was taken out of service to balance the availability zones."
    if state := superfluous(group):
        terminate(group, state, cause)
    return True


def _subnet(group: Any, state: Any) -> Any | None:
    return next(iter(group.ec2_backend.describe_subnets(filters={"subnet-id": [state.instance.subnet_id]})), None)


@patch(FakeAutoScalingGroup, "set_desired_capacity")
def set_desired_capacity(moto: Method, group: Any, wanted: int | None) -> None:
    """moto launches all in the first subnet, without profile, metadata options, monitoring and volumes."""
    if group.ec2_launch_template is None:  # a launch configuration: as moto has it
        moto(group, wanted)
        return
    group.desired_capacity = group.min_size if wanted is None else wanted
    group.retry_at = 0.0
    limits = f"min: {group.min_size}, max: {group.max_size}, desired: {group.desired_capacity}"
    reach(group, f"a user request update of AutoScalingGroup constraints to {limits}")


@patch(AutoScalingBackend, "update_attached_target_groups")
def update_attached_target_groups(moto: Method, backend: Any, group_name: str) -> None:
    """moto fails on a target group that is gone, and on an instance that is not running."""
    group = backend.autoscaling_groups[group_name]
    for state in group.active_instances():
        enter(group, state)


@patch(AutoScalingBackend, "notify_terminate_instances")
def notify_terminate_instances(moto: Method, backend: Any, instance_ids: list[str]) -> None:
    """An instance terminated by hand is replaced after the next health check, by `tick`, in its own zone."""


@patch(AutoScalingBackend, "detach_instances")
def detach_instances(moto: Method, backend: Any, group_name: str, instance_ids: list[str], decrement: bool) -> Any:
    """A detached instance leaves the target groups, too.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DetachInstances.html
    """
    activities = moto(backend, group_name, instance_ids, decrement)
    for instance_id in instance_ids:
        deregister(backend.autoscaling_groups[group_name], instance_id)
    return activities
