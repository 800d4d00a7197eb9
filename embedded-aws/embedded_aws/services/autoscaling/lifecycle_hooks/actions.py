"""Lifecycle actions: what an instance waits for in Pending:Wait or Terminating:Wait, one for each hook of its group."""

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

#: One action, in plain types: it is kept with its instance, over a restart, too.
Action = dict[str, Any]


def hooks_of(group: Any, transition: str) -> list[Any]:
    """A group's hooks on a transition."""
    hooks = group.autoscaling_backend.describe_lifecycle_hooks(group.name)
    return [hook for hook in hooks if hook.lifecycle_transition == transition]


def begin(group: Any, state: Any, transition: str) -> None:
    """Let an instance wait for all hooks on a transition, and tell their targets."""
    now = time.time()
    state.lifecycle_actions = [
        {
            "hook": hook.name,
            "transition": transition,
            "token": str(uuid.uuid4()),
            "until": now + seconds(hook),
            "last": now + _at_pace(hook.global_timeout),
            "default": hook.default_result,
            "result": "",
            "why": "",
        }
        for hook in hooks_of(group, transition)
    ]
    for action in state.lifecycle_actions:
        notices.send(group, hook_of(group, action), state.instance.id, action["token"])


def hook_of(group: Any, action: Action) -> Any:
    """The hook of an action; one that was deleted has answered its actions."""
    return group.autoscaling_backend.lifecycle_hooks[f"{group.name}_{action['hook']}"]


def actions_of(state: Any) -> list[Action]:
    """What an instance waits for, or has waited for."""
    found: list[Action] = vars(state).get("lifecycle_actions", [])
    return found


def outstanding(state: Any) -> list[Action]:
    """What nobody has answered yet."""
    return [action for action in actions_of(state) if not action["result"]]


def seconds(hook: Any) -> float:
    """How long a hook waits to hear something.

    Whoever answers a hook is no part of AWS: pace 0, where AWS has everything ready at once, gives them the hook's
    own time and neither ends it at once nor never; any other pace takes its part of it. But CodeDeploy's hook waits
    for machines on this laptop, which boot and install no faster at a fast pace.
    """
    paced, own = _at_pace(hook.heartbeat_timeout), float(hook.heartbeat_timeout)
    return max(paced, min(own, MIN_BOOT_SECONDS)) if hook.name.startswith(CODEDEPLOY) else paced


def beat(hook: Any, action: Action) -> None:
    """Wait anew, as far as the hook waits at all.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html
    """
    action["until"] = min(time.time() + seconds(hook), action["last"])


def answer(action: Action, result: str, why: str = "") -> None:
    """Complete an action, with a reason for the record of what the group did."""
    action["result"], action["why"] = result, why or COMPLETED.format(result)


def expire(state: Any) -> None:
    """Give the default result to whatever has waited for too long."""
    for action in outstanding(state):
        if time.time() >= action["until"]:
            answer(action, action["default"], TIMED_OUT)


def result(state: Any) -> str:
    """CONTINUE when all hooks let an instance go on, ABANDON as soon as one does not; empty while it waits.

    "ABANDON stops any remaining actions, such as other lifecycle hooks, and CONTINUE allows any other lifecycle hooks
    to complete": https://docs.aws.amazon.com/autoscaling/ec2/userguide/adding-lifecycle-hooks.html
    """
    results = {action["result"] for action in actions_of(state)}
    return ABANDON if ABANDON in results else "" if "" in results else CONTINUE


def complaint(state: Any) -> str:
    """Why an instance was abandoned, as its activity says it."""
    action = next(action for action in actions_of(state) if action["result"] == ABANDON)
    what = f"Lifecycle Action with token {action['token']} was abandoned: {action['why']}"
    return f"Instance failed to complete user's Lifecycle Action: {what}"


def _at_pace(own: float) -> float:
    return own * (pace.current_factor() or 1.0)
