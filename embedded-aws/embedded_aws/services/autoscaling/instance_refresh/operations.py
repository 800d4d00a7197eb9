"""The operations on instance refreshes, which moto lacks."""

from __future__ import annotations

import uuid
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from embedded_aws.patching import Method, add_method, attach_dict, patch
from embedded_aws.services.autoscaling.groups import refuse_template
from embedded_aws.services.autoscaling.instance_refresh import progress, standing
from embedded_aws.services.autoscaling.instance_refresh.model import Fields, Refresh, active, refreshes_of
from embedded_aws.services.autoscaling.launch import version_of

PAGE = 50
UNSUPPORTED = ("CheckpointPercentages", "CheckpointDelay", "AlarmSpecification", "BakeTime")
MOVING = ("$Latest", "$Default")
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RollbackInstanceRefresh.html
NO_WAY_BACK = (
    "The request failed because a desired configuration was not found or an incompatible launch template (uses a "
    "Systems Manager parameter instead of an AMI ID) or launch template version ($Latest or $Default) is present on "
    "the Auto Scaling group."
)


@add_method(AutoScalingResponse)
def start_instance_refresh(response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StartInstanceRefresh.html."""
    group, sent = _group(response), response._get_params()
    if active(group):
        why = "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
        raise AutoscalingClientError("InstanceRefreshInProgress", why)
    desired = _desired(group, sent)
    preferences = _preferences(group, sent.get("Preferences") or {})
    if preferences["AutoRollback"] and not _can_turn_back(group, desired):
        raise ValidationError(f"AutoRollback is not possible: {NO_WAY_BACK}")
    group.retry_at = 0.0
    to_replace = _to_replace(group, preferences, desired)
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
    group, ids = _group(response), response._get_param("InstanceRefreshIds", [])
    known = [refresh.info for refresh in refreshes_of(response.autoscaling_backend, group.name)]
    found = [info for info in known if not ids or info["InstanceRefreshId"] in ids]
    start, size = int(response._get_param("NextToken") or 0), response._get_int_param("MaxRecords", PAGE)
    token = str(start + size) if len(found) > start + size else None
    return ActionResult({"InstanceRefreshes": found[start : start + size], "NextToken": token})


@add_method(AutoScalingResponse)
def cancel_instance_refresh(response: Any) -> ActionResult:
    """What is being launched is waited for, unless the caller does not want to; nothing is taken back.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CancelInstanceRefresh.html
    """
    refresh = _active(_group(response))
    refresh.info |= {"Status": "Cancelling", "StatusReason": progress.CANCELLING}
    if not response._get_bool_param("WaitForTransitioningInstances", True):
        refresh.end("Cancelled", progress.CANCELLED)
        _group(response).refreshing = None
    return ActionResult({"InstanceRefreshId": refresh.info["InstanceRefreshId"]})


@add_method(AutoScalingResponse)
def rollback_instance_refresh(response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RollbackInstanceRefresh.html."""
    group = _group(response)
    refresh = _active(group)
    if refresh.status not in ("Pending", "InProgress"):
        raise _not_found()
    if not _can_turn_back(group, refresh.info["DesiredConfiguration"]):
        raise AutoscalingClientError("IrreversibleInstanceRefresh", NO_WAY_BACK)
    refresh.turn_back([state.instance.id for state in standing.members(group)], "Rollback initiated by user request.")
    return ActionResult({"InstanceRefreshId": refresh.info["InstanceRefreshId"]})


@patch(AutoScalingResponse, "update_auto_scaling_group")
def update_auto_scaling_group(moto: Method, response: Any) -> Any:
    """What a refresh with a desired configuration is about to set cannot be set meanwhile."""
    group = response.autoscaling_backend.autoscaling_groups.get(response._get_param("AutoScalingGroupName"))
    refresh = active(group) if group else None
    sets = [
        response._get_param(field) for field in ("LaunchTemplate", "MixedInstancesPolicy", "LaunchConfigurationName")
    ]
    if refresh and refresh.info["DesiredConfiguration"] and any(sets):
        why = "An active instance refresh with a desired configuration exists. All configuration options derived from"
        raise ValidationError(
            f"{why} the desired configuration are not available for update while the instance refresh is active."
        )
    return moto(response)


@patch(AutoScalingBackend, "delete_auto_scaling_group")
def delete_auto_scaling_group(moto: Method, backend: Any, group_name: str) -> None:
    """The refreshes of a group end with it."""
    moto(backend, group_name)
    attach_dict(backend, "instance_refreshes").pop(group_name, None)


def _desired(group: Any, sent: Fields) -> Fields | None:
    if sent.get("Strategy", "Rolling") != "Rolling":
        raise NotImplementedError("instance refreshes that replace root volumes")
    desired = sent.get("DesiredConfiguration")
    if group.ec2_launch_template is None or "MixedInstancesPolicy" in (desired or {}):
        raise NotImplementedError("instance refreshes without a launch template")
    if desired is None:
        return None
    named = desired.get("LaunchTemplate") or {}
    if not (named.get("LaunchTemplateId") or named.get("LaunchTemplateName")):
        raise ValidationError("Valid requests must contain either launchTemplateId or LaunchTemplateName")
    refuse_template(group.autoscaling_backend, named)
    return {"LaunchTemplate": dict(named)}


def _preferences(group: Any, sent: Fields) -> Fields:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/understand-instance-refresh-default-values.html."""
    if any(sent.get(field) for field in UNSUPPORTED):
        raise NotImplementedError("instance refreshes with checkpoints, alarms or a bake time")
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
    } | {field: value for field, value in sent.items() if value is not None}
    _refuse(preferences, sent)
    return preferences


def _percentage(policy: Fields, field: str, default: int | None) -> int | None:
    """A percentage of the group's instance maintenance policy; -1 has taken it back."""
    value = policy.get(field)
    return default if value in (None, -1) else value


def _refuse(preferences: Fields, sent: Fields) -> None:
    """Of the percentages together; each by itself is held to the service's model."""
    least, most = preferences["MinHealthyPercentage"], preferences["MaxHealthyPercentage"]
    if sent.get("MaxHealthyPercentage") is not None and sent.get("MinHealthyPercentage") is None:
        raise ValidationError("If you specify MaxHealthyPercentage, you must also specify MinHealthyPercentage.")
    if most is not None and most - least > 100:
        why = "The difference between MaxHealthyPercentage and MinHealthyPercentage cannot be greater than 100."
        raise ValidationError(why)


def _to_replace(group: Any, preferences: Fields, desired: Fields | None) -> list[str]:
    wanted = version_of(group, (desired or {}).get("LaunchTemplate"))
    found = []
    for state in standing.members(group):
        protected = state.protected_from_scale_in and preferences["ScaleInProtectedInstances"] == "Ignore"
        standby = state.lifecycle_state == standing.STANDBY and preferences["StandbyInstances"] == "Ignore"
        matches = preferences["SkipMatching"] and _launched_from(state) == (wanted.template.id, str(wanted.number))
        if not protected and not standby and not matches:
            found.append(state.instance.id)
    return found


def _launched_from(state: Any) -> tuple[str, str]:
    tags = {tag["key"]: tag["value"] for tag in state.instance.get_tags()}
    return tags.get("aws:ec2launchtemplate:id", ""), tags.get("aws:ec2launchtemplate:version", "")


def _can_turn_back(group: Any, desired: Fields | None) -> bool:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-rollback.html."""
    return desired is not None and group.launch_template_version not in MOVING


def _active(group: Any) -> Refresh:
    refresh = active(group)
    if refresh is None:
        raise _not_found()
    return refresh


def _not_found() -> AutoscalingClientError:
    why = "No in progress or pending Instance Refresh found for Auto Scaling group"
    return AutoscalingClientError("ActiveInstanceRefreshNotFound", why)


def _group(response: Any) -> Any:
    groups, name = response.autoscaling_backend.autoscaling_groups, response._get_param("AutoScalingGroupName")
    if name not in groups:
        raise ValidationError("AutoScalingGroup name not found - null")
    return groups[name]
