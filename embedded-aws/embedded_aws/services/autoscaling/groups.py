"""Auto Scaling groups: refused where AWS refuses, and read back whole."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import AutoScalingBackend, InstanceState
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.exceptions import ServiceException
from moto.core.utils import utcnow

from embedded_aws.patching import Method, patch
from embedded_aws.services.autoscaling.activities import at
from embedded_aws.services.autoscaling.capacity import target_groups, terminate
from embedded_aws.services.autoscaling.lifecycle_hooks import leaving

# Fields that moto forgets; it serializes an attribute under its field's name.
KEPT = {
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


def _find(backend: Any, name: str) -> Any:
    if name not in backend.autoscaling_groups:
        raise ValidationError("AutoScalingGroup name not found - null")
    return backend.autoscaling_groups[name]


@patch(AutoScalingResponse, "create_auto_scaling_group")
def create_auto_scaling_group(moto: Method, response: Any) -> Any:
    """A name is taken once, the sizes fit each other, and what the group stands on exists.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
    """
    backend, name = response.autoscaling_backend, response._get_param("AutoScalingGroupName")
    if name in backend.autoscaling_groups:
        why = f"AutoScalingGroup by this name already exists - A group with the name {name} already exists"
        raise AutoscalingClientError("AlreadyExists", why)
    sizes = [response._get_int_param(field) for field in ("MinSize", "MaxSize", "DesiredCapacity")]
    _refuse_sizes(sizes[0], sizes[1], sizes[2])
    known = backend.elbv2_backend.target_groups
    if any(arn not in known for arn in response._get_param("TargetGroupARNs", [])):
        raise ValidationError("Provided Target Groups may not be valid. Please ensure they exist and try again.")
    refuse_template(backend, response._get_param("LaunchTemplate"))
    result = moto(response)
    group = backend.autoscaling_groups[name]
    # The API's default is 0; moto's is 300, the console's.
    group.health_check_grace_period = 0
    _keep(response, group)
    return result


@patch(AutoScalingResponse, "update_auto_scaling_group")
def update_auto_scaling_group(moto: Method, response: Any) -> Any:
    """A size that is not named stays, and moves the desired capacity only where it has to.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
    """
    group = _find(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
    least, most = response._get_int_param("MinSize"), response._get_int_param("MaxSize")
    least, most = (group.min_size if least is None else least), (group.max_size if most is None else most)
    desired = response._get_int_param("DesiredCapacity")
    _refuse_sizes(least, most, desired)
    refuse_template(response.autoscaling_backend, response._get_param("LaunchTemplate"))
    response.params["DesiredCapacity"] = min(max(group.desired_capacity, least), most) if desired is None else desired
    policy = None if response._get_param("LaunchTemplate") else group.mixed_instances_policy
    result = moto(response)
    group.mixed_instances_policy = group.mixed_instances_policy or policy
    _keep(response, group)
    return result


@patch(AutoScalingBackend, "set_desired_capacity")
def set_desired_capacity(moto: Method, backend: Any, group_name: str, wanted: int | None) -> None:
    """A capacity outside of the group's limits is refused.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetDesiredCapacity.html
    """
    group = _find(backend, group_name)
    if wanted is not None and wanted > group.max_size:
        limit = f"above max value {group.max_size}"
        raise ValidationError(f"New SetDesiredCapacity value {wanted} is {limit} for the AutoScalingGroup.")
    if wanted is not None and wanted < group.min_size:
        limit = f"below min value {group.min_size}"
        raise ValidationError(f"New SetDesiredCapacity value {wanted} is {limit} for the AutoScalingGroup.")
    moto(backend, group_name, wanted)


@patch(AutoScalingResponse, "delete_auto_scaling_group")
def delete_auto_scaling_group(moto: Method, response: Any) -> Any:
    """A group with instances is deleted only by force, which terminates them, and waits for no lifecycle hook.

    "This action also deletes any outstanding lifecycle actions associated with the group" (ForceDelete):
    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html
    """
    group = _find(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
    if group.instance_states and not response._get_bool_param("ForceDelete", False):
        why = "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s)"
        raise AutoscalingClientError("ResourceInUse", f"{why} still in the group.")
    group.min_size = group.desired_capacity = 0
    for state in list(group.instance_states):
        if leaving.is_leaving(state):
            leaving.end(group, state)
        else:
            terminate(group, state, f"{at(utcnow())} the group was deleted by force.", by_force=True)
    group.target_group_arns = [target_group.arn for target_group in target_groups(group)]
    return moto(response)


@patch(AutoScalingBackend, "terminate_instance")
def terminate_instance(moto: Method, backend: Any, instance_id: str, should_decrement: bool) -> dict[str, Any]:
    """A replacement comes with the next health check, unless the capacity is to shrink.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
    """
    everywhere = [(group, state) for group in backend.autoscaling_groups.values() for state in group.instance_states]
    found = next(((group, state) for group, state in everywhere if state.instance.id == instance_id), None)
    if found is None:
        raise ValidationError(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")
    group, state = found
    if leaving.is_leaving(state):
        activity: dict[str, Any] = state.activity
        return activity
    if should_decrement and group.desired_capacity <= group.min_size:
        least = f"Currently, desiredSize equals minSize ({group.min_size})"
        raise ValidationError(f"{least}. Terminating instance without replacement will violate group's min size")
    group.desired_capacity -= 1 if should_decrement else 0
    cause = f"{at(utcnow())} instance {instance_id} was taken out of service in response to a user request."
    return terminate(group, state, cause)


def _refuse_sizes(least: int, most: int, desired: int | None) -> None:
    if least > most:
        raise ValidationError(f"Max bound, {most}, must be greater than or equal to min bound, {least}")
    if desired is not None and not least <= desired <= most:
        limits = f"must be between the specified min size:{least} and max size:{most}"
        raise ValidationError(f"Desired capacity:{desired} {limits}")


def refuse_template(backend: Any, named: dict[str, str] | None) -> None:
    """AWS tries the template, as far as it can without launching.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-launch-template.html
    """
    if not named:
        return
    ec2 = backend.ec2_backend
    try:
        version = ec2._get_template_from_args({k: v for k, v in named.items() if v})
        ec2.describe_images(ami_ids=[version.image_id])
    except (ServiceException, IndexError, ValueError) as error:
        why = getattr(error, "message", str(error))
        raise ValidationError(f"You must use a valid fully-formed launch template. {why}") from error


def _keep(response: Any, group: Any) -> None:
    for field, attribute in KEPT.items():
        value = response._get_param(field)
        if value is not None or not hasattr(group, attribute):
            setattr(group, attribute, value)


def _launched_from(state: Any) -> dict[str, str] | None:
    """The version an instance was launched from, which a later update of its group does not change.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Instance.html
    """
    tags = {tag["key"]: tag["value"] for tag in state.instance.get_tags()}
    version, known = tags.get("aws:ec2launchtemplate:version"), state.instance.ec2_backend.launch_templates
    template = known.get(tags.get("aws:ec2launchtemplate:id"), state.auto_scaling_group.ec2_launch_template)
    if template is None or version is None:
        return None
    return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": version}


InstanceState.launch_template = property(_launched_from)
