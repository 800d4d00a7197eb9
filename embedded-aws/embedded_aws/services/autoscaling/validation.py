"""Validate requests of Auto Scaling: zones, subnets, templates and settings, and that the group exists."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.exceptions import ServiceException

from embedded_aws.patching import Method, patch
from embedded_aws.services.autoscaling.requests import find_group
from embedded_aws.services.ec2.launch.validation import validate_image_and_type

# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
HEALTH_CHECKS = ("EC2", "EBS", "ELB", "VPC_LATTICE")
DAY = 86400  # seconds
CLEARED = -1  # removes a percentage of an instance maintenance policy
NON_NEGATIVE = ("MinSize", "MaxSize", "DesiredCapacity", "DefaultCooldown", "HealthCheckGracePeriod")
PROCESSES = (
    *("Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck"),
    *("InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions"),
)
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-instance-termination.html
TERMINATION_POLICIES = (
    *("Default", "OldestInstance", "NewestInstance", "OldestLaunchConfiguration", "OldestLaunchTemplate"),
    *("ClosestToNextInstanceHour", "AllocationStrategy"),
)


@patch(AutoScalingResponse, "create_auto_scaling_group")
def create_auto_scaling_group(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html."""
    name = response._get_param("AutoScalingGroupName") or ""
    if ":" in name:
        raise ValidationError(f"The Auto Scaling group name '{name}' must not contain a colon.")
    if name not in response.autoscaling_backend.autoscaling_groups:
        _validate_settings(response)
    return moto(response)


@patch(AutoScalingResponse, "update_auto_scaling_group")
def update_auto_scaling_group(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html."""
    if response._get_param("AutoScalingGroupName") in response.autoscaling_backend.autoscaling_groups:
        _validate_settings(response)
    return moto(response)


def _validate_settings(response: Any) -> None:
    ec2 = response.autoscaling_backend.ec2_backend
    _validate_sizes(response)
    _validate_tags(response._get_param("Tags", []))
    known_zones = [zone.name for zone in ec2.describe_availability_zones()]
    if unknown := [zone for zone in response._get_param("AvailabilityZones", []) if zone not in known_zones]:
        raise ValidationError(f"Invalid availability zones: [{', '.join(unknown)}]")
    known = {subnet.id: subnet for zone in ec2.subnets.values() for subnet in zone.values()}
    subnets = [name.strip() for name in (response._get_param("VPCZoneIdentifier") or "").split(",") if name]
    for subnet_id in subnets:
        if subnet_id not in known:
            raise ValidationError(f"The subnet ID '{subnet_id}' does not exist")
    if len({known[subnet_id].vpc_id for subnet_id in subnets}) > 1:
        raise ValidationError("All subnets must be in the same VPC.")
    for check in (response._get_param("HealthCheckType") or "EC2").split(","):
        if check not in HEALTH_CHECKS:
            raise ValidationError(f"Health check type '{check}' is not valid. Valid values: {', '.join(HEALTH_CHECKS)}")
    lifetime = response._get_int_param("MaxInstanceLifetime")
    if lifetime and lifetime < DAY:
        raise ValidationError(f"MaxInstanceLifetime must be 0 or at least {DAY} seconds, not {lifetime}.")
    for policy in response._get_param("TerminationPolicies", []):
        if policy not in TERMINATION_POLICIES and not policy.startswith("arn:"):
            raise ValidationError(f"Termination policy '{policy}' is not supported.")
    _validate_maintenance(response._get_param("InstanceMaintenancePolicy") or {})
    _validate_image_and_type(ec2, response._get_param("LaunchTemplate"))


def _validate_maintenance(policy: dict[str, int]) -> None:
    """Require that both percentages are set, or both are cleared by -1.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_InstanceMaintenancePolicy.html
    """
    if not policy:
        return
    minimum, maximum = (policy.get(name) for name in ("MinHealthyPercentage", "MaxHealthyPercentage"))
    if minimum is None or maximum is None or (minimum == CLEARED) != (maximum == CLEARED):
        raise ValidationError("Both MinHealthyPercentage and MaxHealthyPercentage must be specified.")
    if maximum != CLEARED and maximum < 100:
        raise ValidationError(f"MaxHealthyPercentage must be from 100 to 200, not {maximum}.")
    if maximum - minimum > 100:
        message = "The difference between MaxHealthyPercentage and MinHealthyPercentage cannot be greater than 100."
        raise ValidationError(message)


def _validate_sizes(response: Any) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-capacity-limits.html."""
    for field in NON_NEGATIVE:
        size = response._get_int_param(field)
        if size is not None and size < 0:
            problem = f"Value '{size}' at '{field[0].lower()}{field[1:]}' failed to satisfy constraint"
            raise ValidationError(
                f"1 validation error detected: {problem}: Member must have value greater than or equal to 0"
            )


def _validate_tags(tags: list[dict[str, str]]) -> None:
    """ "You can't use aws: prefix in your tag names or values because it is reserved".

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
    """
    if any(tag.get("Key", "").lower().startswith("aws:") for tag in tags):
        raise ValidationError("Tag keys starting with 'aws:' are reserved for internal use")


def _validate_image_and_type(ec2: Any, template: dict[str, str] | None) -> None:
    """Require that the template's image and instance type fit together.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-launch-template.html
    """
    try:
        version = ec2._get_template_from_args({k: v for k, v in (template or {}).items() if v}) if template else None
    except (ServiceException, IndexError, ValueError):
        return  # the next patch in the chain raises the error
    if version and version.image_id and version.data.get("InstanceType"):
        try:
            validate_image_and_type(ec2, version.image_id, version.data["InstanceType"])
        except ServiceException as error:
            raise ValidationError(f"You must use a valid fully-formed launch template. {error.message}") from error


def _require_group(operation: str) -> None:
    @patch(AutoScalingResponse, operation)
    def validate(moto: Method, response: Any) -> Any:
        find_group(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
        return moto(response)


for _operation in (
    *("put_scaling_policy", "put_lifecycle_hook", "suspend_processes"),
    *("resume_processes", "attach_load_balancer_target_groups", "detach_load_balancer_target_groups"),
    *("enable_metrics_collection",),
):
    _require_group(_operation)


def _validate_processes_of(operation: str) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SuspendProcesses.html (ScalingProcesses)."""

    @patch(AutoScalingBackend, operation)
    def validate(moto: Method, backend: Any, group_name: str, processes: list[str]) -> None:
        for process in processes or []:
            if process not in PROCESSES:
                raise ValidationError(f"Invalid scaling process '{process}'. Valid values: {', '.join(PROCESSES)}")
        moto(backend, group_name, processes)


for _operation in ("suspend_processes", "resume_processes"):
    _validate_processes_of(_operation)


@patch(AutoScalingBackend, "attach_load_balancer_target_groups")
def attach_load_balancer_target_groups(moto: Method, backend: Any, group_name: str, arns: list[str]) -> None:
    """Require that the target groups exist.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AttachLoadBalancerTargetGroups.html
    """
    if any(arn not in backend.elbv2_backend.target_groups for arn in arns):
        raise ValidationError("Provided Target Groups may not be valid. Please ensure they exist and try again.")
    moto(backend, group_name, arns)


@patch(AutoScalingBackend, "create_or_update_tags")
def create_or_update_tags(moto: Method, backend: Any, tags: list[dict[str, str]]) -> None:
    """Require that all groups exist, before any tag is written.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateOrUpdateTags.html
    """
    _validate_tags(tags)
    for name in [tag["ResourceId"] for tag in tags]:
        if name not in backend.autoscaling_groups:
            raise ValidationError(f"AutoScalingGroup not found - No AutoScalingGroup found with name: {name}")
    moto(backend, tags)
