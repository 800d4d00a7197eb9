"""Instances that are attached to an Auto Scaling group, detached from it, and put on standby: by hand, one and all."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import ASG_NAME_TAG, AutoScalingBackend, InstanceState
from moto.core.utils import utcnow

from embedded_aws.patching import Method, patch
from embedded_aws.services.autoscaling.activities import at, record
from embedded_aws.services.autoscaling.capacity import deregister, enter

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
IN_SERVICE, STANDBY = "InService", "Standby"
ASKED = "in response to a user request"


@patch(AutoScalingBackend, "attach_instances")
def attach_instances(moto: Method, backend: Any, group_name: str, instance_ids: list[str]) -> None:
    """Instances that run in one of the group's zones and belong to no group; the desired capacity rises by them.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-detach-attach-instances.html
    """
    group = backend.autoscaling_groups[group_name]
    instances = [_free(backend, group, instance_id) for instance_id in instance_ids]
    before, group.desired_capacity = group.desired_capacity, _resized(group, "attach", len(instances))
    protected = group.new_instances_protected_from_scale_in
    for instance in instances:
        instance.autoscaling_group = group
        instance.add_tags({ASG_NAME_TAG: group.name})
        state = InstanceState(instance, protected_from_scale_in=protected, autoscaling_group=group)
        group.instance_states.append(state)
        enter(group, state)
        _tell(group, f"Attaching an existing EC2 instance: {instance.id}", "an instance was attached", before)


def _free(backend: Any, group: Any, instance_id: str) -> Any:
    """An instance that can be attached, or the refusal."""
    instance = backend.ec2_backend.get_instance_by_id(instance_id)
    if instance is None:
        raise ValidationError(f"Invalid Instance ID(s): [{instance_id}]")
    if instance.state != "running":
        raise ValidationError(f"The instance {instance_id} is not in running state.")
    for other in backend.autoscaling_groups.values():
        if any(state.instance is instance for state in other.instance_states):
            raise ValidationError(f"The instance {instance_id} is already part of AutoScalingGroup:{other.name}.")
    if instance.placement.zone not in group.availability_zones:
        raise ValidationError(f"The availability zone {instance.placement.zone} is not part of group {group.name}.")
    return instance


@patch(AutoScalingBackend, "detach_instances")
def detach_instances(moto: Method, backend: Any, group_name: str, instance_ids: list[str], decrement: bool) -> Any:
    """Members of the group, and no more than its minimum allows.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DetachInstances.html
    """
    group = backend.autoscaling_groups[group_name]
    _members(group, instance_ids, IN_SERVICE, STANDBY)
    if decrement:
        _resized(group, "detach", -len(instance_ids))
    return moto(backend, group_name, instance_ids, decrement)


@patch(AutoScalingBackend, "enter_standby_instances")
def enter_standby(moto: Method, backend: Any, group_name: str, instance_ids: list[str], decrement: bool) -> list[Any]:
    """ "The instance is deregistered from the load balancer", and replaced unless the capacity is to shrink.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-enter-exit-standby.html
    """
    group = backend.autoscaling_groups[group_name]
    states, before = _members(group, instance_ids, IN_SERVICE), group.desired_capacity
    wanted = _resized(group, "place into standby", -len(states)) if decrement else before
    told = []
    for state in states:
        state.lifecycle_state = STANDBY
        deregister(group, state.instance.id)
        what = f"Moving EC2 instance to Standby: {state.instance.id}"
        told.append((what, f"instance {state.instance.id} was moved to standby"))
    group.desired_capacity = wanted
    activities = [_tell(group, *one, before) for one in told]
    group.set_desired_capacity(wanted)
    return activities


@patch(AutoScalingBackend, "exit_standby_instances")
def exit_standby(moto: Method, backend: Any, group_name: str, instance_ids: list[str]) -> list[Any]:
    """ "Increments the desired capacity when you put an instance that was on standby back in service".

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-enter-exit-standby.html
    """
    group = backend.autoscaling_groups[group_name]
    states, before = _members(group, instance_ids, STANDBY), group.desired_capacity
    group.desired_capacity = _resized(group, "move out of standby", len(states))
    activities = []
    for state in states:
        state.lifecycle_state = IN_SERVICE
        enter(group, state)
        what = f"Moving EC2 instance out of Standby: {state.instance.id}"
        activities.append(_tell(group, what, f"instance {state.instance.id} was moved out of standby", before))
    return activities


def _members(group: Any, instance_ids: list[str], *wanted: str) -> list[Any]:
    """The named instances, which have to be the group's, and in one of the wanted states."""
    known = {state.instance.id: state for state in group.instance_states}
    for instance_id in instance_ids:
        if instance_id not in known:
            raise ValidationError(f"The instance {instance_id} is not part of Auto Scaling group {group.name}.")
        if known[instance_id].lifecycle_state not in wanted:
            raise ValidationError(f"The instance {instance_id} is not in {' or '.join(wanted)}.")
    return [known[instance_id] for instance_id in instance_ids]


def _resized(group: Any, deed: str, by: int) -> int:
    """The desired capacity afterwards, which has to be within the limits.

    The words: https://github.com/LeanerCloud/AutoSpotting/issues/407
    """
    wanted = int(group.desired_capacity) + by
    if not group.min_size <= wanted <= group.max_size:
        sizes = f"min-size={group.min_size}, max-size={group.max_size}, and desired-size={group.desired_capacity}"
        what = f"To {deed} {abs(by)} instance{'s' if abs(by) > 1 else ''}"
        advice = "please update the AutoScalingGroup sizes appropriately."
        raise ValidationError(f"AutoScalingGroup {group.name} has {sizes}. {what}, {advice}")
    return wanted


def _tell(group: Any, what: str, how: str, before: int) -> dict[str, Any]:
    after = group.desired_capacity
    change = f", {'increasing' if after > before else 'shrinking'} the capacity from {before} to {after}"
    return record(group, what, f"{at(utcnow())} {how} {ASKED}{change if after != before else ''}.")
