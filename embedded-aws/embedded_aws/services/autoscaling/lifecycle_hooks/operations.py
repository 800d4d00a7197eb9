"""The operations on lifecycle hooks; moto keeps hooks without their targets, and no instance waits for them."""

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
    answer,
    beat,
    hook_of,
    outstanding,
)

MOST = 50  # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-quotas.html
LONGEST = 172800
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
def made(moto: Method, hook: Any, *args: Any, **sent: Any) -> None:
    """moto invents a role and a queue."""
    moto(hook, *args, **sent)
    hook.role_arn = hook.notification_target_arn = hook.notification_metadata = None
    hook.global_timeout = min(LONGEST, 100 * hook.heartbeat_timeout)


@patch(AutoScalingResponse, "put_lifecycle_hook")
def put_lifecycle_hook(moto: Method, response: Any) -> EmptyResult:
    """What is not sent stays as it is.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html
    """
    backend, sent = response.autoscaling_backend, response._get_params()
    group = _group(backend, sent["AutoScalingGroupName"])
    hook = _made(backend, group.name, sent)
    if sent.get("NotificationTargetARN"):
        notices.test(group, hook)
    backend.lifecycle_hooks[f"{group.name}_{hook.name}"] = hook
    return EmptyResult()


@patch(AutoScalingResponse, "create_auto_scaling_group")
def create_auto_scaling_group(moto: Method, response: Any) -> Any:
    """Its first instances wait for the hooks that it is created with (LifecycleHookSpecificationList).

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
    """
    backend, name = response.autoscaling_backend, response._get_param("AutoScalingGroupName")
    wanted = response._get_param("LifecycleHookSpecificationList", [])
    if not wanted or name in backend.autoscaling_groups:
        return moto(response)
    if len(wanted) > MOST:
        raise _too_many()
    hooks = {f"{name}_{sent['LifecycleHookName']}": _made(backend, name, sent) for sent in wanted}
    backend.lifecycle_hooks.update(hooks)
    try:
        return moto(response)
    finally:
        if name not in backend.autoscaling_groups:
            _forget(backend, name)


@patch(AutoScalingBackend, "delete_lifecycle_hook")
def delete_lifecycle_hook(moto: Method, backend: Any, as_name: str, name: str) -> None:
    """ "If there are any outstanding lifecycle actions, they are completed first (ABANDON for launching instances,
    CONTINUE for terminating instances)".

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteLifecycleHook.html
    """
    group = backend.autoscaling_groups.get(as_name)
    for state in group.instance_states if group else []:
        for action in outstanding(state):
            if action["hook"] == name:
                answer(action, ABANDON if action["transition"] == LAUNCHING else CONTINUE)
    moto(backend, as_name, name)


@patch(AutoScalingBackend, "delete_auto_scaling_group")
def delete_auto_scaling_group(moto: Method, backend: Any, group_name: str) -> None:
    """The hooks of a group go with it."""
    moto(backend, group_name)
    if group_name not in backend.autoscaling_groups:
        _forget(backend, group_name)


@add_method(AutoScalingResponse)
def describe_lifecycle_hook_types(response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeLifecycleHookTypes.html."""
    return ActionResult({"LifecycleHookTypes": [LAUNCHING, TERMINATING]})


@add_method(AutoScalingResponse)
def complete_lifecycle_action(response: Any) -> ActionResult:
    """By token or by instance; the instance goes on a moment later.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html
    """
    result = response._get_param("LifecycleActionResult")
    _refuse_result(result)
    _, action = _find(response)
    answer(action, result)
    return ActionResult({})


@add_method(AutoScalingResponse)
def record_lifecycle_action_heartbeat(response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html."""
    group, action = _find(response)
    beat(hook_of(group, action), action)
    return ActionResult({})


def _made(backend: Any, group_name: str, sent: dict[str, Any]) -> Any:
    """A hook as it is to be: new, or a copy of the present one with what was sent."""
    name = sent["LifecycleHookName"]
    known = backend.describe_lifecycle_hooks(group_name)
    before = next((hook for hook in known if hook.name == name), None)
    transition = sent.get("LifecycleTransition") or (before and before.lifecycle_transition)
    if transition not in (LAUNCHING, TERMINATING):
        raise ValidationError(f"LifecycleTransition must be {LAUNCHING} or {TERMINATING}, not {transition}.")
    if before is None and len(known) >= MOST:
        raise _too_many()
    hook = LifecycleHook(name, group_name, transition, None, None)
    for field, attribute in FIELDS.items():
        value = sent[field] if sent.get(field) is not None else before and getattr(before, attribute)
        if value is not None:
            setattr(hook, attribute, value)
    hook.heartbeat_timeout = int(hook.heartbeat_timeout)
    hook.global_timeout = min(LONGEST, 100 * hook.heartbeat_timeout)
    _refuse(hook)
    return hook


def _too_many() -> AutoscalingClientError:
    return AutoscalingClientError("LimitExceeded", f"An Auto Scaling group can have {MOST} lifecycle hooks.")


def _refuse(hook: Any) -> None:
    if not 30 <= hook.heartbeat_timeout <= 7200:
        raise ValidationError(f"HeartbeatTimeout must be between 30 and 7200 seconds, not {hook.heartbeat_timeout}.")
    _refuse_result(hook.default_result)


def _refuse_result(result: str | None) -> None:
    if result not in (CONTINUE, ABANDON):
        raise ValidationError(f"A lifecycle action's result must be {CONTINUE} or {ABANDON}, not {result}.")


def _find(response: Any) -> tuple[Any, Action]:
    group = _group(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
    hook, token = response._get_param("LifecycleHookName"), response._get_param("LifecycleActionToken")
    instance_id = response._get_param("InstanceId")
    for state in group.instance_states:
        if instance_id in (None, state.instance.id) and (token or instance_id):
            for action in outstanding(state):
                if action["hook"] == hook and token in (None, action["token"]):
                    return group, action
    by = f"token {token}" if token else f"instance ID {instance_id}"
    raise ValidationError(f"No active Lifecycle Action found with {by}")


def _group(backend: Any, name: str) -> Any:
    if name not in backend.autoscaling_groups:
        raise ValidationError("AutoScalingGroup name not found - null")
    return backend.autoscaling_groups[name]


def _forget(backend: Any, group_name: str) -> None:
    for hook in backend.describe_lifecycle_hooks(group_name):
        del backend.lifecycle_hooks[f"{group_name}_{hook.name}"]
