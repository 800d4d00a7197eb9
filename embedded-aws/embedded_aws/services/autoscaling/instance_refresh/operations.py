"""API calls for instance refreshes, which moto lacks."""

from __future__ import annotations

import uuid
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from embedded_aws.patching import Method, add_method, attach_dict, patch
from embedded_aws.services.autoscaling.groups import validate_template
from embedded_aws.services.autoscaling.instance_refresh import progress, standing
from embedded_aws.services.autoscaling.instance_refresh.model import Fields, Refresh, active_refresh, refreshes_of
from embedded_aws.services.autoscaling.launch import get_version, template_version_of
from embedded_aws.services.autoscaling.requests import find_group, paginate

PAGE_SIZE = 50
UNSUPPORTED = ("AlarmSpecification", "BakeTime")
MOVING_VERSIONS = ("$Latest", "$Default")
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RollbackInstanceRefresh.html
ROLLBACK_IMPOSSIBLE = (
    "The request failed because a desired configuration was not found or an incompatible launch template (uses a "
    "Systems Manager parameter instead of an AMI ID) or launch template version ($Latest or $Default) is present on "
    "the Auto Scaling group."
)


@add_method(AutoScalingResponse)
def start_instance_refresh(response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StartInstanceRefresh.html."""
    group, params = _find_group(response), response._get_params()
    if active_refresh(group):
        message = "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
        raise AutoscalingClientError("InstanceRefreshInProgress", message)
    desired = _desired_configuration(group, params)
    preferences = _preferences(group, params.get("Preferences") or {})
    if preferences["AutoRollback"] and not _can_roll_back(group, desired):
        raise ValidationError(f"AutoRollback is not possible: {ROLLBACK_IMPOSSIBLE}")
    group.retry_at = 0.0
    to_replace = _select_to_replace(group, preferences, desired)
    refresh = Refresh(
        {
            "InstanceRefreshId": str(uuid.uuid4()),
            "AutoScalingGroupName": group.name,
            "Status": "Pending",
            "StartTime": utcnow(),
            "PercentageComplete": 0,
            "InstancesToUpdate": len(to_replace),
            "Preferences": preferences,
            "DesiredConfiguration": desired,
            "Strategy": "Rolling",
        },
        [state.instance.id for state in standing.members(group)],
        to_replace,
    )
    refreshes_of(response.autoscaling_backend, group.name).insert(0, refresh)
    return ActionResult({"InstanceRefreshId": refresh.info["InstanceRefreshId"]})


@add_method(AutoScalingResponse)
def describe_instance_refreshes(response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeInstanceRefreshes.html."""
    group, ids = _find_group(response), response._get_param("InstanceRefreshIds", [])
    infos = [refresh.info for refresh in refreshes_of(response.autoscaling_backend, group.name)]
    matching = [info for info in infos if not ids or info["InstanceRefreshId"] in ids]
    page, token = paginate(response, matching, PAGE_SIZE)
    return ActionResult({"InstanceRefreshes": page, "NextToken": token})


@add_method(AutoScalingResponse)
def cancel_instance_refresh(response: Any) -> ActionResult:
    """Cancel without a rollback; wait for launching instances unless WaitForTransitioningInstances is false.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CancelInstanceRefresh.html
    """
    refresh = _require_active(_find_group(response))
    refresh.info |= {"Status": "Cancelling", "StatusReason": progress.CANCELLING}
    if not response._get_bool_param("WaitForTransitioningInstances", True):
        refresh.end("Cancelled", progress.CANCELLED)
        _find_group(response).refreshing = None
    return ActionResult({"InstanceRefreshId": refresh.info["InstanceRefreshId"]})


@add_method(AutoScalingResponse)
def rollback_instance_refresh(response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RollbackInstanceRefresh.html."""
    group = _find_group(response)
    refresh = _require_active(group)
    if refresh.status not in ("Pending", "InProgress"):
        raise _no_active_refresh()
    if not _can_roll_back(group, refresh.info["DesiredConfiguration"]):
        raise AutoscalingClientError("IrreversibleInstanceRefresh", ROLLBACK_IMPOSSIBLE)
    refresh.roll_back([state.instance.id for state in standing.members(group)], "Rollback initiated by user request.")
    return ActionResult({"InstanceRefreshId": refresh.info["InstanceRefreshId"]})


@patch(AutoScalingResponse, "update_auto_scaling_group")
def update_auto_scaling_group(moto: Method, response: Any) -> Any:
    """Reject changes of the configuration while a refresh with a desired configuration is active."""
    group = response.autoscaling_backend.autoscaling_groups.get(response._get_param("AutoScalingGroupName"))
    refresh = active_refresh(group) if group else None
    new_configuration = [
        response._get_param(field) for field in ("LaunchTemplate", "MixedInstancesPolicy", "LaunchConfigurationName")
    ]
    if refresh and refresh.info["DesiredConfiguration"] and any(new_configuration):
        raise ValidationError(
            "An active instance refresh with a desired configuration exists. All configuration options derived from "
            "the desired configuration are not available for update while the instance refresh is active."
        )
    return moto(response)


@patch(AutoScalingBackend, "delete_auto_scaling_group")
def delete_auto_scaling_group(moto: Method, backend: Any, group_name: str) -> None:
    """Delete the refreshes of a group with it."""
    moto(backend, group_name)
    attach_dict(backend, "instance_refreshes").pop(group_name, None)


def _desired_configuration(group: Any, params: Fields) -> Fields | None:
    if params.get("Strategy", "Rolling") != "Rolling":
        raise NotImplementedError("instance refreshes that replace root volumes")
    desired = params.get("DesiredConfiguration")
    if group.ec2_launch_template is None or "MixedInstancesPolicy" in (desired or {}):
        raise NotImplementedError("instance refreshes without a launch template")
    if desired is None:
        return None
    template = desired.get("LaunchTemplate") or {}
    if not (template.get("LaunchTemplateId") or template.get("LaunchTemplateName")):
        raise ValidationError("Valid requests must contain either launchTemplateId or LaunchTemplateName")
    validate_template(group.autoscaling_backend, template)
    return {"LaunchTemplate": dict(template)}


def _preferences(group: Any, params: Fields) -> Fields:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/understand-instance-refresh-default-values.html."""
    if any(params.get(field) for field in UNSUPPORTED):
        raise NotImplementedError("instance refreshes with alarms or a bake time")
    policy = vars(group).get("instance_maintenance_policy") or {}
    warmup = vars(group).get("default_instance_warmup")
    preferences = {
        "MinHealthyPercentage": _percentage(policy, "MinHealthyPercentage", 90),
        "MaxHealthyPercentage": _percentage(policy, "MaxHealthyPercentage", None),
        "InstanceWarmup": group.health_check_grace_period if warmup in (None, -1) else warmup,
        "SkipMatching": False,
        "AutoRollback": False,
        "ScaleInProtectedInstances": "Wait",
        "StandbyInstances": "Wait",
    } | {field: value for field, value in params.items() if value is not None}
    _validate_percentages(preferences, params)
    return preferences | _checkpoints(params)


def _percentage(policy: Fields, field: str, default: int | None) -> int | None:
    """Return a percentage of the group's instance maintenance policy, or the default if it is unset or cleared."""
    value = policy.get(field)
    return default if value in (None, -1) else value


def _validate_percentages(preferences: Fields, params: Fields) -> None:
    """Validate the percentages together; each one is validated against the service's model."""
    minimum, maximum = preferences["MinHealthyPercentage"], preferences["MaxHealthyPercentage"]
    if params.get("MaxHealthyPercentage") is not None and params.get("MinHealthyPercentage") is None:
        raise ValidationError("If you specify MaxHealthyPercentage, you must also specify MinHealthyPercentage.")
    if maximum is not None and maximum - minimum > 100:
        message = "The difference between MaxHealthyPercentage and MinHealthyPercentage cannot be greater than 100."
        raise ValidationError(message)


def _checkpoints(params: Fields) -> Fields:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-adding-checkpoints-instance-refresh.html."""
    percentages, delay = params.get("CheckpointPercentages") or [], params.get("CheckpointDelay")
    if not percentages:
        if delay is not None:
            raise ValidationError("If you specify CheckpointDelay, you must also specify CheckpointPercentages.")
        return {}
    if sorted(set(percentages)) != percentages or not 1 <= percentages[0] <= percentages[-1] <= 100:
        raise ValidationError("CheckpointPercentages must be unique values from 1 to 100 in ascending order.")
    if percentages[-1] < 100:
        raise NotImplementedError("instance refreshes that end before all instances are replaced")
    return {"CheckpointPercentages": percentages, "CheckpointDelay": 3600 if delay is None else delay}


def _select_to_replace(group: Any, preferences: Fields, desired: Fields | None) -> list[str]:
    version = get_version(group, (desired or {}).get("LaunchTemplate"))
    target_version = (version.template.id, str(version.number))
    to_replace = []
    for state in standing.members(group):
        protected = state.protected_from_scale_in and preferences["ScaleInProtectedInstances"] == "Ignore"
        standby = state.lifecycle_state == standing.STANDBY and preferences["StandbyInstances"] == "Ignore"
        matches = preferences["SkipMatching"] and template_version_of(state.instance) == target_version
        if not protected and not standby and not matches:
            to_replace.append(state.instance.id)
    return to_replace


def _can_roll_back(group: Any, desired: Fields | None) -> bool:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-rollback.html."""
    return desired is not None and group.launch_template_version not in MOVING_VERSIONS


def _require_active(group: Any) -> Refresh:
    refresh = active_refresh(group)
    if refresh is None:
        raise _no_active_refresh()
    return refresh


def _no_active_refresh() -> AutoscalingClientError:
    message = "No in progress or pending Instance Refresh found for Auto Scaling group"
    return AutoscalingClientError("ActiveInstanceRefreshNotFound", message)


def _find_group(response: Any) -> Any:
    return find_group(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
