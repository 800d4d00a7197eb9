"""Attach instances to an Auto Scaling group, detach them, and put them on standby."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import ASG_NAME_TAG, AutoScalingBackend, InstanceState
from moto.core.utils import utcnow

from embedded_aws.patching import Method, patch
from embedded_aws.services.autoscaling.activities import format_time, record
from embedded_aws.services.autoscaling.capacity import deregister, register

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
IN_SERVICE, STANDBY = "InService", "Standby"
CAUSE = "in response to a user request"


@patch(AutoScalingBackend, "attach_instances")
def attach_instances(moto: Method, backend: Any, group_name: str, instance_ids: list[str]) -> None:
    """Attach running instances of the group's zones that belong to no group, and raise the desired capacity.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-detach-attach-instances.html
    """
    group = backend.autoscaling_groups[group_name]
    instances = [_require_attachable(backend, group, instance_id) for instance_id in instance_ids]
    before, group.desired_capacity = group.desired_capacity, _resize(group, "attach", len(instances))
    protected = group.new_instances_protected_from_scale_in
    for instance in instances:
        instance.autoscaling_group = group
        instance.add_tags({ASG_NAME_TAG: group.name})
        state = InstanceState(instance, protected_from_scale_in=protected, autoscaling_group=group)
        group.instance_states.append(state)
        register(group, state)
        _record_change(group, f"Attaching an existing EC2 instance: {instance.id}", "an instance was attached", before)


def _require_attachable(backend: Any, group: Any, instance_id: str) -> Any:
    """Return the instance, or raise a ValidationError if it cannot be attached."""
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
    """Require members of the group; reject a capacity below its minimum.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DetachInstances.html
    """
    group = backend.autoscaling_groups[group_name]
    _require_members(group, instance_ids, IN_SERVICE, STANDBY)
    if decrement:
        _resize(group, "detach", -len(instance_ids))
    return moto(backend, group_name, instance_ids, decrement)


@patch(AutoScalingBackend, "enter_standby_instances")
def enter_standby_instances(
    moto: Method, backend: Any, group_name: str, instance_ids: list[str], decrement: bool
) -> list[Any]:
    """ "The instance is deregistered from the load balancer", and replaced unless the capacity is decremented.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-enter-exit-standby.html
    """
    group = backend.autoscaling_groups[group_name]
    states, before = _require_members(group, instance_ids, IN_SERVICE), group.desired_capacity
    desired = _resize(group, "place into standby", -len(states)) if decrement else before
    descriptions = []
    for state in states:
        state.lifecycle_state = STANDBY
        deregister(group, state.instance.id)
        description = f"Moving EC2 instance to Standby: {state.instance.id}"
        descriptions.append((description, f"instance {state.instance.id} was moved to standby"))
    group.desired_capacity = desired
    activities = [_record_change(group, *one, before) for one in descriptions]
    group.set_desired_capacity(desired)
    return activities


@patch(AutoScalingBackend, "exit_standby_instances")
def exit_standby_instances(moto: Method, backend: Any, group_name: str, instance_ids: list[str]) -> list[Any]:
    """ "Increments the desired capacity when you put an instance that was on standby back in service".

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-enter-exit-standby.html
    """
    group = backend.autoscaling_groups[group_name]
    states, before = _require_members(group, instance_ids, STANDBY), group.desired_capacity
    group.desired_capacity = _resize(group, "move out of standby", len(states))
    activities = []
    for state in states:
        state.lifecycle_state = IN_SERVICE
        register(group, state)
        description = f"Moving EC2 instance out of Standby: {state.instance.id}"
        activities.append(
            _record_change(group, description, f"instance {state.instance.id} was moved out of standby", before)
        )
    return activities


def _require_members(group: Any, instance_ids: list[str], *lifecycle_states: str) -> list[Any]:
    """Return the instances, which have to be members of the group in one of the lifecycle states."""
    known = {state.instance.id: state for state in group.instance_states}
    for instance_id in instance_ids:
        if instance_id not in known:
            raise ValidationError(f"The instance {instance_id} is not part of Auto Scaling group {group.name}.")
        if known[instance_id].lifecycle_state not in lifecycle_states:
            raise ValidationError(f"The instance {instance_id} is not in {' or '.join(lifecycle_states)}.")
    return [known[instance_id] for instance_id in instance_ids]


def _resize(group: Any, action: str, by: int) -> int:
    """Return the new desired capacity, which has to be within the limits.

    The message: https://github.com/LeanerCloud/AutoSpotting/issues/407
    """
    desired = int(group.desired_capacity) + by
    if not group.min_size <= desired <= group.max_size:
        sizes = f"min-size={group.min_size}, max-size={group.max_size}, and desired-size={group.desired_capacity}"
        problem = f"To {action} {abs(by)} instance{'s' if abs(by) > 1 else ''}"
        advice = "please update the AutoScalingGroup sizes appropriately."
        raise ValidationError(f"AutoScalingGroup {group.name} has {sizes}. {problem}, {advice}")
    return desired


def _record_change(group: Any, description: str, cause: str, before: int) -> dict[str, Any]:
    after = group.desired_capacity
    change = f", {'increasing' if after > before else 'shrinking'} the capacity from {before} to {after}"
    return record(group, description, f"{format_time(utcnow())} {cause} {CAUSE}{change if after != before else ''}.")
