"""Lifecycle actions: an instance waits for one per hook of its group, in Pending:Wait or Terminating:Wait."""

from __future__ import annotations

import time
import uuid
from typing import Any

from embedded_aws import pace
from embedded_aws.load_balancer.health import MIN_BOOT_SECONDS
from embedded_aws.services.autoscaling.lifecycle_hooks import notices

LAUNCHING, TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"
CONTINUE, ABANDON = "CONTINUE", "ABANDON"
CODEDEPLOY = "CodeDeploy-managed-"

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/tutorial-lifecycle-hook-instance-metadata.html
COMPLETED = "Lifecycle Action Completed with {} Result"
# https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-auto-scaling.html
TIMED_OUT = "Heartbeat Timeout"

#: One action, in plain types; it is saved with its instance.
Action = dict[str, Any]


def hooks_of(group: Any, transition: str) -> list[Any]:
    """Return a group's hooks for a transition."""
    hooks = group.autoscaling_backend.describe_lifecycle_hooks(group.name)
    return [hook for hook in hooks if hook.lifecycle_transition == transition]


def begin(group: Any, state: Any, transition: str) -> None:
    """Start an action for each hook for a transition, and notify the hooks' targets."""
    now = time.time()
    state.lifecycle_actions = [
        {
            "hook": hook.name,
            "transition": transition,
            "token": str(uuid.uuid4()),
            "until": now + timeout_seconds(hook),
            "last": now + _scale_by_pace(hook.global_timeout),
            "default": hook.default_result,
            "result": "",
            "reason": "",
        }
        for hook in hooks_of(group, transition)
    ]
    for action in state.lifecycle_actions:
        notices.send(group, hook_of(group, action), state.instance.id, action["token"])


def hook_of(group: Any, action: Action) -> Any:
    """Return the hook of an action that is not completed."""
    return group.autoscaling_backend.lifecycle_hooks[f"{group.name}_{action['hook']}"]


def actions_of(state: Any) -> list[Action]:
    """Return all actions of an instance, completed or not."""
    actions: list[Action] = vars(state).get("lifecycle_actions", [])
    return actions


def outstanding(state: Any) -> list[Action]:
    """Return the actions that are not completed."""
    return [action for action in actions_of(state) if not action["result"]]


def timeout_seconds(hook: Any) -> float:
    """Return the heartbeat timeout of a hook, scaled by the pace.

    The client that completes an action is not part of AWS, so it has the hook's whole timeout at pace 0. CodeDeploy's
    hook waits for hosts on this machine, which do not boot faster at a fast pace, so it has a minimum.
    """
    paced, own = _scale_by_pace(hook.heartbeat_timeout), float(hook.heartbeat_timeout)
    return max(paced, min(own, MIN_BOOT_SECONDS)) if hook.name.startswith(CODEDEPLOY) else paced


def record_heartbeat(hook: Any, action: Action) -> None:
    """Restart the timeout of an action, within the hook's global timeout.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html
    """
    action["until"] = min(time.time() + timeout_seconds(hook), action["last"])


def complete(action: Action, result: str, reason: str = "") -> None:
    """Complete an action; the reason appears in the group's activities."""
    action["result"], action["reason"] = result, reason or COMPLETED.format(result)


def expire(state: Any) -> None:
    """Complete the actions whose timeout is over, with their default result."""
    for action in outstanding(state):
        if time.time() >= action["until"]:
            complete(action, action["default"], TIMED_OUT)


def result(state: Any) -> str:
    """Return CONTINUE if all actions were completed with it, ABANDON if one was; empty while the instance waits.

    "ABANDON stops any remaining actions, such as other lifecycle hooks, and CONTINUE allows any other lifecycle hooks
    to complete": https://docs.aws.amazon.com/autoscaling/ec2/userguide/adding-lifecycle-hooks.html
    """
    results = {action["result"] for action in actions_of(state)}
    return ABANDON if ABANDON in results else "" if "" in results else CONTINUE


def abandon_reason(state: Any) -> str:
    """Return why an instance was abandoned, in the words of its activity."""
    action = next(action for action in actions_of(state) if action["result"] == ABANDON)
    problem = f"Lifecycle Action with token {action['token']} was abandoned: {action['reason']}"
    return f"Instance failed to complete user's Lifecycle Action: {problem}"


def _scale_by_pace(seconds: float) -> float:
    return seconds * (pace.current_factor() or 1.0)
