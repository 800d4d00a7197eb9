"""Auto Scaling groups: validate sizes and references, and store all fields."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup, InstanceState
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.exceptions import ServiceException
from moto.core.utils import utcnow

from embedded_aws.patching import Method, patch
from embedded_aws.services.autoscaling.activities import format_time
from embedded_aws.services.autoscaling.capacity import target_groups, terminate
from embedded_aws.services.autoscaling.launch import template_version_of
from embedded_aws.services.autoscaling.lifecycle_hooks import leaving
from embedded_aws.services.autoscaling.requests import find_group

# Fields that moto does not store, and the attributes from which it serializes them.
ATTRIBUTES = {
    "AvailabilityZoneDistribution": "availability_zone_distribution",
    "AvailabilityZoneImpairmentPolicy": "availability_zone_impairment_policy",
    "MaxInstanceLifetime": "max_instance_lifetime",
    "DefaultInstanceWarmup": "default_instance_warmup",
    "InstanceMaintenancePolicy": "instance_maintenance_policy",
    "Context": "context",
    "DesiredCapacityType": "desired_capacity_type",
    "DefaultCooldown": "default_cooldown",
    "PlacementGroup": "placement_group",
    "TerminationPolicies": "termination_policies",
    "CapacityRebalance": "capacity_rebalance",
    "HealthCheckGracePeriod": "health_check_grace_period",
}


@patch(AutoScalingResponse, "create_auto_scaling_group")
def create_auto_scaling_group(moto: Method, response: Any) -> Any:
    """Require a new name, consistent sizes, and existing target groups and launch template.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
    """
    backend, name = response.autoscaling_backend, response._get_param("AutoScalingGroupName")
    if name in backend.autoscaling_groups:
        message = f"AutoScalingGroup by this name already exists - A group with the name {name} already exists"
        raise AutoscalingClientError("AlreadyExists", message)
    sizes = [response._get_int_param(field) for field in ("MinSize", "MaxSize", "DesiredCapacity")]
    _validate_sizes(sizes[0], sizes[1], sizes[2])
    known = backend.elbv2_backend.target_groups
    if any(arn not in known for arn in response._get_param("TargetGroupARNs", [])):
        raise ValidationError("Provided Target Groups may not be valid. Please ensure they exist and try again.")
    validate_template(backend, response._get_param("LaunchTemplate"))
    result = moto(response)
    group = backend.autoscaling_groups[name]
    # The API's default is 0; moto's is 300, the console's.
    group.health_check_grace_period = 0
    _store_fields(response, group)
    return result


@patch(AutoScalingResponse, "update_auto_scaling_group")
def update_auto_scaling_group(moto: Method, response: Any) -> Any:
    """Keep sizes that are not sent, and move the desired capacity only as far as the limits require.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
    """
    group = find_group(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
    minimum, maximum = response._get_int_param("MinSize"), response._get_int_param("MaxSize")
    minimum = group.min_size if minimum is None else minimum
    maximum = group.max_size if maximum is None else maximum
    desired = response._get_int_param("DesiredCapacity")
    _validate_sizes(minimum, maximum, desired)
    validate_template(response.autoscaling_backend, response._get_param("LaunchTemplate"))
    if desired is None:
        desired = min(max(group.desired_capacity, minimum), maximum)
    response.params["DesiredCapacity"] = desired
    policy = None if response._get_param("LaunchTemplate") else group.mixed_instances_policy
    result = moto(response)
    group.mixed_instances_policy = group.mixed_instances_policy or policy
    _store_fields(response, group)
    return result


@patch(AutoScalingBackend, "set_desired_capacity")
def set_desired_capacity(moto: Method, backend: Any, group_name: str, desired: int | None) -> None:
    """Reject a capacity outside of the group's limits.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetDesiredCapacity.html
    """
    group = find_group(backend, group_name)
    if desired is not None and desired > group.max_size:
        limit = f"above max value {group.max_size}"
        raise ValidationError(f"New SetDesiredCapacity value {desired} is {limit} for the AutoScalingGroup.")
    if desired is not None and desired < group.min_size:
        limit = f"below min value {group.min_size}"
        raise ValidationError(f"New SetDesiredCapacity value {desired} is {limit} for the AutoScalingGroup.")
    moto(backend, group_name, desired)


@patch(AutoScalingResponse, "delete_auto_scaling_group")
def delete_auto_scaling_group(moto: Method, response: Any) -> Any:
    """Reject the deletion of a group with instances; with ForceDelete, terminate them without lifecycle hooks.

    "This action also deletes any outstanding lifecycle actions associated with the group" (ForceDelete):
    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html
    """
    group = find_group(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
    if group.instance_states and not response._get_bool_param("ForceDelete", False):
        message = "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s)"
        raise AutoscalingClientError("ResourceInUse", f"{message} still in the group.")
    group.min_size = group.desired_capacity = 0
    for state in list(group.instance_states):
        if leaving.is_leaving(state):
            leaving.end(group, state)
        else:
            terminate(group, state, f"{format_time(utcnow())} the group was deleted by force.", skip_hooks=True)
    group.target_group_arns = [target_group.arn for target_group in target_groups(group)]
    return moto(response)


@patch(AutoScalingBackend, "terminate_instance")
def terminate_instance(moto: Method, backend: Any, instance_id: str, should_decrement: bool) -> dict[str, Any]:
    """Terminate an instance; it is replaced with the next health check, unless the capacity is decremented.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
    """
    members = [(group, state) for group in backend.autoscaling_groups.values() for state in group.instance_states]
    member = next(((group, state) for group, state in members if state.instance.id == instance_id), None)
    if member is None:
        raise ValidationError(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")
    group, state = member
    if leaving.is_leaving(state):
        activity: dict[str, Any] = state.activity
        return activity
    if should_decrement and group.desired_capacity <= group.min_size:
        problem = f"Currently, desiredSize equals minSize ({group.min_size})"
        raise ValidationError(f"{problem}. Terminating instance without replacement will violate group's min size")
    group.desired_capacity -= 1 if should_decrement else 0
    cause = f"{format_time(utcnow())} instance {instance_id} was taken out of service in response to a user request."
    return terminate(group, state, cause)


def _validate_sizes(minimum: int, maximum: int, desired: int | None) -> None:
    if minimum > maximum:
        raise ValidationError(f"Max bound, {maximum}, must be greater than or equal to min bound, {minimum}")
    if desired is not None and not minimum <= desired <= maximum:
        limits = f"must be between the specified min size:{minimum} and max size:{maximum}"
        raise ValidationError(f"Desired capacity:{desired} {limits}")


def validate_template(backend: Any, template: dict[str, str] | None) -> None:
    """Require that the launch template, its version and its image exist.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-launch-template.html
    """
    if not template:
        return
    ec2 = backend.ec2_backend
    try:
        version = ec2._get_template_from_args({k: v for k, v in template.items() if v})
        ec2.describe_images(ami_ids=[version.image_id])
    except (ServiceException, IndexError, ValueError) as error:
        message = getattr(error, "message", str(error))
        raise ValidationError(f"You must use a valid fully-formed launch template. {message}") from error


def _store_fields(response: Any, group: Any) -> None:
    for field, attribute in ATTRIBUTES.items():
        value = response._get_param(field)
        if value is not None or not hasattr(group, attribute):
            setattr(group, attribute, value)


def _launch_template_of(state: Any) -> dict[str, str] | None:
    """Return the template version from which an instance was launched; None for a launch configuration.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Instance.html
    """
    template_id, version = template_version_of(state.instance)
    templates = state.instance.ec2_backend.launch_templates
    template = templates.get(template_id, state.auto_scaling_group.ec2_launch_template)
    if template is None or not version:
        return None
    return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": version}


def _traffic_sources(group: Any) -> list[dict[str, str]]:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TrafficSourceIdentifier.html."""
    sources = [("elb", name) for name in group.load_balancer_names or ()]
    sources += [("elbv2", arn) for arn in group.target_group_arns or ()]
    return [{"Identifier": identifier, "Type": kind} for kind, identifier in sources]


FakeAutoScalingGroup.traffic_sources = property(_traffic_sources)
InstanceState.launch_template = property(_launch_template_of)
