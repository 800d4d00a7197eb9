"""Terminate instances of a group: drain their connections, and wait for their lifecycle hooks.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html
"""

from __future__ import annotations

from typing import Any

from embedded_aws.account import backends
from embedded_aws.load_balancer import health
from embedded_aws.services.autoscaling.activities import set_status
from embedded_aws.services.autoscaling.lifecycle_hooks import actions
from embedded_aws.ticker import run_each

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
DRAINING, WAITING = "Terminating", "Terminating:Wait"
LIVE_STATES = ("pending", "running", "stopped", "stopping")


def tick() -> bool:
    """Advance every terminating instance; return whether the account has changed."""
    groups = [group for scaling in backends.existing("autoscaling") for group in scaling.autoscaling_groups.values()]
    leaving = [(group, state) for group in groups for state in group.instance_states if is_leaving(state)]
    return run_each(leaving, lambda one: _advance(*one))


def is_leaving(state: Any) -> bool:
    """Return whether an instance is being terminated."""
    return state.lifecycle_state in (DRAINING, WAITING)


def begin(group: Any, state: Any, activity: dict[str, Any], *, skip_hooks: bool = False) -> None:
    """Start to terminate a deregistered instance; terminate it at once if the group has no terminating hooks.

    Args:
        activity: The activity of its termination, whose status is updated.
        skip_hooks: Terminate it at once in any case.
    """
    state.activity = activity
    if not skip_hooks and actions.hooks_of(group, actions.TERMINATING):
        state.lifecycle_state = DRAINING
        set_status(activity, "WaitingForELBConnectionDraining")
        _advance(group, state)
    else:
        end(group, state)


def end(group: Any, state: Any) -> None:
    """Remove an instance from its group, and terminate it."""
    group.instance_states.remove(state)
    if state.instance.state in LIVE_STATES:
        state.instance.disable_api_termination = False  # it protects from API calls, not from the group
        group.ec2_backend.terminate_instances([state.instance.id])
    set_status(state.activity, "Successful")


def _advance(group: Any, state: Any) -> bool:
    if state.lifecycle_state == DRAINING:
        checks = health.installed()
        if checks and checks.is_draining(state.instance.id):
            return False
        state.lifecycle_state = WAITING
        set_status(state.activity, "MidLifecycleAction")
        actions.begin(group, state, actions.TERMINATING)
        return True
    actions.expire(state)
    if not actions.result(state):
        return False
    end(group, state)
    return True
