"""What Auto Scaling does not take: places, templates and settings that there are not, and groups unknown to it."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.exceptions import ServiceException

from embedded_aws.patching import Method, patch
from embedded_aws.services.ec2.launch.validation import refuse_machine

# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
HEALTH_CHECKS = ("EC2", "EBS", "ELB", "VPC_LATTICE")
DAY = 86400
CLEARED = -1  # of an instance maintenance policy
SIZES = ("MinSize", "MaxSize", "DesiredCapacity", "DefaultCooldown", "HealthCheckGracePeriod")
PROCESSES = (
    *("Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck"),
    *("InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions"),
)
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-instance-termination.html
TERMINATION = (
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
        _refuse_settings(response)
    return moto(response)


@patch(AutoScalingResponse, "update_auto_scaling_group")
def update_auto_scaling_group(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html."""
    if response._get_param("AutoScalingGroupName") in response.autoscaling_backend.autoscaling_groups:
        _refuse_settings(response)
    return moto(response)


def _refuse_settings(response: Any) -> None:
    ec2 = response.autoscaling_backend.ec2_backend
    _refuse_negative(response)
    _refuse_tags(response._get_param("Tags", []))
    known_zones = [zone.name for zone in ec2.describe_availability_zones()]
    if strange := [zone for zone in response._get_param("AvailabilityZones", []) if zone not in known_zones]:
        raise ValidationError(f"Invalid availability zones: [{', '.join(strange)}]")
    known = {subnet.id: subnet for zone in ec2.subnets.values() for subnet in zone.values()}
    subnets = [found.strip() for found in (response._get_param("VPCZoneIdentifier") or "").split(",") if found]
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
        if policy not in TERMINATION and not policy.startswith("arn:"):
            raise ValidationError(f"Termination policy '{policy}' is not supported.")
    _refuse_maintenance(response._get_param("InstanceMaintenancePolicy") or {})
    _refuse_machine(ec2, response._get_param("LaunchTemplate"))


def _refuse_maintenance(policy: dict[str, int]) -> None:
    """Both percentages are set, or both are cleared by -1.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_InstanceMaintenancePolicy.html
    """
    if not policy:
        return
    least, most = (policy.get(name) for name in ("MinHealthyPercentage", "MaxHealthyPercentage"))
    if least is None or most is None or (least == CLEARED) != (most == CLEARED):
        raise ValidationError("Both MinHealthyPercentage and MaxHealthyPercentage must be specified.")
    if most != CLEARED and most < 100:
        raise ValidationError(f"MaxHealthyPercentage must be from 100 to 200, not {most}.")
    if most - least > 100:
        why = "The difference between MaxHealthyPercentage and MinHealthyPercentage cannot be greater than 100."
        raise ValidationError(why)


def _refuse_negative(response: Any) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-capacity-limits.html."""
    for field in SIZES:
        size = response._get_int_param(field)
        if size is not None and size < 0:
            where = f"Value '{size}' at '{field[0].lower()}{field[1:]}' failed to satisfy constraint"
            raise ValidationError(
                f"1 validation error detected: {where}: Member must have value greater than or equal to 0"
            )


def _refuse_tags(tags: list[dict[str, str]]) -> None:
    """ "You can't use aws: prefix in your tag names or values because it is reserved".

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
    """
    if any(tag.get("Key", "").lower().startswith("aws:") for tag in tags):
        raise ValidationError("Tag keys starting with 'aws:' are reserved for internal use")


def _refuse_machine(ec2: Any, named: dict[str, str] | None) -> None:
    """A template's image and instance type fit together.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-launch-template.html
    """
    try:
        version = ec2._get_template_from_args({k: v for k, v in (named or {}).items() if v}) if named else None
    except (ServiceException, IndexError, ValueError):
        return  # what cannot be found is told next
    if version and version.image_id and version.data.get("InstanceType"):
        try:
            refuse_machine(ec2, version.image_id, version.data["InstanceType"])
        except ServiceException as error:
            raise ValidationError(f"You must use a valid fully-formed launch template. {error.message}") from error


def _needs_group(operation: str) -> None:
    @patch(AutoScalingResponse, operation)
    def refuse(moto: Method, response: Any) -> Any:
        if response._get_param("AutoScalingGroupName") not in response.autoscaling_backend.autoscaling_groups:
            raise ValidationError("AutoScalingGroup name not found - null")
        return moto(response)


for _operation in (
    *("put_scaling_policy", "put_lifecycle_hook", "put_scheduled_update_group_action", "suspend_processes"),
    *("resume_processes", "attach_load_balancer_target_groups", "detach_load_balancer_target_groups"),
    *("enable_metrics_collection", "attach_instances", "detach_instances", "enter_standby", "exit_standby"),
):
    _needs_group(_operation)


def _names_processes(operation: str) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SuspendProcesses.html (ScalingProcesses)."""

    @patch(AutoScalingBackend, operation)
    def refuse(moto: Method, backend: Any, group_name: str, processes: list[str]) -> None:
        for process in processes or []:
            if process not in PROCESSES:
                raise ValidationError(f"Invalid scaling process '{process}'. Valid values: {', '.join(PROCESSES)}")
        moto(backend, group_name, processes)


for _operation in ("suspend_processes", "resume_processes"):
    _names_processes(_operation)


@patch(AutoScalingBackend, "attach_load_balancer_target_groups")
def attach_load_balancer_target_groups(moto: Method, backend: Any, group_name: str, arns: list[str]) -> None:
    """Those that there are.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AttachLoadBalancerTargetGroups.html
    """
    if any(arn not in backend.elbv2_backend.target_groups for arn in arns):
        raise ValidationError("Provided Target Groups may not be valid. Please ensure they exist and try again.")
    moto(backend, group_name, arns)


@patch(AutoScalingBackend, "create_or_update_tags")
def create_or_update_tags(moto: Method, backend: Any, tags: list[dict[str, str]]) -> None:
    """Of groups that there are; all tags are written, or none.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateOrUpdateTags.html
    """
    _refuse_tags(tags)
    for name in [tag["ResourceId"] for tag in tags]:
        if name not in backend.autoscaling_groups:
            raise ValidationError(f"AutoScalingGroup not found - No AutoScalingGroup found with name: {name}")
    moto(backend, tags)
