"""Between the decision to terminate an instance and its end: its requests are finished, and its hooks answered.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html
"""

from __future__ import annotations

from typing import Any

from embedded_aws.account import backends as world
from embedded_aws.load_balancer import health
from embedded_aws.services.autoscaling.activities import finish
from embedded_aws.services.autoscaling.lifecycle_hooks import actions
from embedded_aws.ticker import run_each

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
DRAINING, WAITING = "Terminating", "Terminating:Wait"
ENDING = ("pending", "running", "stopped", "stopping")


def tick() -> bool:
    """Bring every instance forward that leaves its group; returns whether the account has changed."""
    groups = [group for scaling in world.existing("autoscaling") for group in scaling.autoscaling_groups.values()]
    leaving = [(group, state) for group in groups for state in group.instance_states if is_leaving(state)]
    return run_each(leaving, lambda one: _advance(*one))


def is_leaving(state: Any) -> bool:
    """Whether an instance is on its way out of its group."""
    return state.lifecycle_state in (DRAINING, WAITING)


def begin(group: Any, state: Any, activity: dict[str, Any], *, at_once: bool = False) -> None:
    """Let an instance leave that has been deregistered from its load balancer: at once where no hook holds it.

    Args:
        activity: The record of its termination, which says how it goes on.
        at_once: Whether no hook may.
    """
    state.activity = activity
    if not at_once and actions.hooks_of(group, actions.TERMINATING):
        state.lifecycle_state = DRAINING
        finish(activity, "WaitingForELBConnectionDraining")
        _advance(group, state)
    else:
        end(group, state)


def end(group: Any, state: Any) -> None:
    """Take an instance out of its group, and terminate it."""
    group.instance_states.remove(state)
    if state.instance.state in ENDING:
        state.instance.disable_api_termination = False  # it guards against callers, not against the group
        group.ec2_backend.terminate_instances([state.instance.id])
    finish(state.activity, "Successful")


def _advance(group: Any, state: Any) -> bool:
    if state.lifecycle_state == DRAINING:
        asked = health.installed()
        if asked and asked.is_draining(state.instance.id):
            return False
        state.lifecycle_state = WAITING
        finish(state.activity, "MidLifecycleAction")
        actions.begin(group, state, actions.TERMINATING)
        return True
    actions.expire(state)
    if not actions.result(state):
        return False
    end(group, state)
    return True
