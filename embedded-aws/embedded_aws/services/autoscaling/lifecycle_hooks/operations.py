"""API calls for lifecycle hooks; moto stores hooks without their targets, and no instance waits for them."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import AutoScalingBackend, LifecycleHook
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from embedded_aws.patching import Method, add_method, patch
from embedded_aws.services.autoscaling.lifecycle_hooks import notices
from embedded_aws.services.autoscaling.lifecycle_hooks.actions import (
    ABANDON,
    CONTINUE,
    LAUNCHING,
    TERMINATING,
    Action,
    complete,
    hook_of,
    outstanding,
    record_heartbeat,
)
from embedded_aws.services.autoscaling.requests import find_group

MAX_HOOKS = 50  # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-quotas.html
MAX_GLOBAL_TIMEOUT = 172800
MAX_GLOBAL_TIMEOUT = 172800  # seconds
# Fields of PutLifecycleHook, and the attributes of moto's hooks.
FIELDS = {
    "LifecycleTransition": "lifecycle_transition",
    "RoleARN": "role_arn",
    "NotificationTargetARN": "notification_target_arn",
    "NotificationMetadata": "notification_metadata",
    "HeartbeatTimeout": "heartbeat_timeout",
    "DefaultResult": "default_result",
}


@patch(LifecycleHook, "__init__")
def initialize(moto: Method, hook: Any, *args: Any, **params: Any) -> None:
    """Create a hook without role and target, which moto makes up; set the global timeout."""
    moto(hook, *args, **params)
    hook.role_arn = hook.notification_target_arn = hook.notification_metadata = None
    hook.global_timeout = min(MAX_GLOBAL_TIMEOUT, 100 * hook.heartbeat_timeout)


@patch(AutoScalingResponse, "put_lifecycle_hook")
def put_lifecycle_hook(moto: Method, response: Any) -> EmptyResult:
    """Create or update a hook; fields that are not sent stay as they are.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html
    """
    backend, params = response.autoscaling_backend, response._get_params()
    group = find_group(backend, params["AutoScalingGroupName"])
    hook = _build_hook(backend, group.name, params)
    if params.get("NotificationTargetARN"):
        notices.send_test(group, hook)
    backend.lifecycle_hooks[f"{group.name}_{hook.name}"] = hook
    return EmptyResult()


@patch(AutoScalingResponse, "create_auto_scaling_group")
def create_auto_scaling_group(moto: Method, response: Any) -> Any:
    """Create the hooks of LifecycleHookSpecificationList first, so that the first instances wait for them.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
    """
    backend, name = response.autoscaling_backend, response._get_param("AutoScalingGroupName")
    specifications = response._get_param("LifecycleHookSpecificationList", [])
    if not specifications or name in backend.autoscaling_groups:
        return moto(response)
    if len(specifications) > MAX_HOOKS:
        raise _limit_exceeded()
    hooks = {f"{name}_{one['LifecycleHookName']}": _build_hook(backend, name, one) for one in specifications}
    backend.lifecycle_hooks.update(hooks)
    try:
        return moto(response)
    finally:
        if name not in backend.autoscaling_groups:
            _delete_hooks(backend, name)


@patch(AutoScalingBackend, "delete_lifecycle_hook")
def delete_lifecycle_hook(moto: Method, backend: Any, as_name: str, name: str) -> None:
    """Complete outstanding lifecycle actions first.

    "ABANDON for launching instances, CONTINUE for terminating instances":

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteLifecycleHook.html
    """
    group = backend.autoscaling_groups.get(as_name)
    for state in group.instance_states if group else []:
        for action in outstanding(state):
            if action["hook"] == name:
                complete(action, ABANDON if action["transition"] == LAUNCHING else CONTINUE)
    moto(backend, as_name, name)


@patch(AutoScalingBackend, "delete_auto_scaling_group")
def delete_auto_scaling_group(moto: Method, backend: Any, group_name: str) -> None:
    """Delete the hooks of a group with it."""
    moto(backend, group_name)
    if group_name not in backend.autoscaling_groups:
        _delete_hooks(backend, group_name)


@add_method(AutoScalingResponse)
def complete_lifecycle_action(response: Any) -> ActionResult:
    """Complete an action, by token or by instance; the next tick advances the instance.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html
    """
    result = response._get_param("LifecycleActionResult")
    _validate_result(result)
    _, action = _find_action(response)
    complete(action, result)
    return ActionResult({})


@add_method(AutoScalingResponse)
def record_lifecycle_action_heartbeat(response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html."""
    group, action = _find_action(response)
    record_heartbeat(hook_of(group, action), action)
    return ActionResult({})


def _build_hook(backend: Any, group_name: str, params: dict[str, Any]) -> Any:
    """Return a new hook, or a copy of the existing one, with the fields of the request."""
    name = params["LifecycleHookName"]
    hooks = backend.describe_lifecycle_hooks(group_name)
    existing = next((hook for hook in hooks if hook.name == name), None)
    transition = params.get("LifecycleTransition") or (existing and existing.lifecycle_transition)
    if transition not in (LAUNCHING, TERMINATING):
        raise ValidationError(f"LifecycleTransition must be {LAUNCHING} or {TERMINATING}, not {transition}.")
    if existing is None and len(hooks) >= MAX_HOOKS:
        raise _limit_exceeded()
    hook = LifecycleHook(name, group_name, transition, None, None)
    for field, attribute in FIELDS.items():
        value = params[field] if params.get(field) is not None else existing and getattr(existing, attribute)
        if value is not None:
            setattr(hook, attribute, value)
    hook.heartbeat_timeout = int(hook.heartbeat_timeout)
    hook.global_timeout = min(MAX_GLOBAL_TIMEOUT, 100 * hook.heartbeat_timeout)
    _validate_hook(hook)
    return hook


def _limit_exceeded() -> AutoscalingClientError:
    return AutoscalingClientError("LimitExceeded", f"An Auto Scaling group can have {MAX_HOOKS} lifecycle hooks.")


def _validate_hook(hook: Any) -> None:
    if not 30 <= hook.heartbeat_timeout <= 7200:
        raise ValidationError(f"HeartbeatTimeout must be between 30 and 7200 seconds, not {hook.heartbeat_timeout}.")
    _validate_result(hook.default_result)


def _validate_result(result: str | None) -> None:
    if result not in (CONTINUE, ABANDON):
        raise ValidationError(f"A lifecycle action's result must be {CONTINUE} or {ABANDON}, not {result}.")


def _find_action(response: Any) -> tuple[Any, Action]:
    group = find_group(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
    hook, token = response._get_param("LifecycleHookName"), response._get_param("LifecycleActionToken")
    instance_id = response._get_param("InstanceId")
    for state in group.instance_states:
        if instance_id in (None, state.instance.id) and (token or instance_id):
            for action in outstanding(state):
                if action["hook"] == hook and token in (None, action["token"]):
                    return group, action
    criterion = f"token {token}" if token else f"instance ID {instance_id}"
    raise ValidationError(f"No active Lifecycle Action found with {criterion}")


def _delete_hooks(backend: Any, group_name: str) -> None:
    for hook in backend.describe_lifecycle_hooks(group_name):
        del backend.lifecycle_hooks[f"{group_name}_{hook.name}"]
