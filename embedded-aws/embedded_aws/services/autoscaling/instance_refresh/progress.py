"""Advance instance refreshes, a few instances at a time.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
"""

from __future__ import annotations

import time
from typing import Any

from moto.core.utils import utcnow

from embedded_aws import pace, pacing
from embedded_aws.services.autoscaling import capacity as scaling_capacity
from embedded_aws.services.autoscaling import launching
from embedded_aws.services.autoscaling.activities import activities_of, format_time
from embedded_aws.services.autoscaling.instance_refresh import standing
from embedded_aws.services.autoscaling.instance_refresh.model import ACTIVE, Refresh, active_refresh, capacity_limits
from embedded_aws.services.autoscaling.zones import sort_for_termination
from embedded_aws.ticker import run_each

REASON = "an instance refresh"
# Seconds for which AWS waits for protected instances, and tries to launch.
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html (ScaleInProtectedInstances)
TIMEOUT_SECONDS = 3600.0
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/check-status-instance-refresh.html
WARMING_UP = "Waiting for instances to warm up before continuing. For example: {} is warming up."
LAUNCHING = (
    "Waiting for remaining instances to be available. For example: {} has insufficient data to evaluate its health "
    "with Amazon EC2."
)
# AWS documents the pause, not its words.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-adding-checkpoints-instance-refresh.html
CHECKPOINT = "Waiting for the checkpoint delay of {} seconds after the checkpoint at {} percent."
PROTECTED = "Waiting for instances that are protected from scale in or in Standby. For example: {}."
CANCELLING, CANCELLED = "Replacing instances before cancelling.", "Cancelled due to user request."


def tick() -> bool:
    """Advance every active refresh; return whether the account has changed."""
    refreshes = [(group, refresh) for group in scaling_capacity.groups() if (refresh := active_refresh(group))]
    return run_each(refreshes, lambda one: _advance(*one))


def _advance(group: Any, refresh: Refresh) -> bool:
    before = repr(refresh)
    _configure_group(group, refresh)
    if refresh.status == "Pending":
        refresh.info["Status"] = "InProgress"
    elif refresh.status == "Cancelling":
        if not any(launching.is_waiting(state) for state in group.instance_states):
            refresh.end("Cancelled", CANCELLED)
    elif "InstanceRefresh" not in group._suspended_processes:
        _replace_instances(group, refresh)
    _configure_group(group, refresh)
    return before != repr(refresh)


def _configure_group(group: Any, refresh: Refresh) -> None:
    """Set what the group's own launches and terminations need: template, surplus, and the instances to replace."""
    if refresh.status in ("InProgress", "RollbackInProgress"):
        _, maximum = capacity_limits(refresh.preferences, group.desired_capacity)
        surplus = max(0, maximum - group.desired_capacity) if standing.remaining(group, refresh) else 0
        group.refreshing = {"template": refresh.template, "surplus": surplus, "leaving": refresh.to_replace}
    elif refresh.status not in ACTIVE:
        group.refreshing = None


def _replace_instances(group: Any, refresh: Refresh) -> None:
    standing.update_in_service_times(group, refresh)
    if reason := _failure_reason(group, refresh):
        _fail(group, refresh, reason)
        return
    if not pacing.is_in_progress(refresh.pause):
        _terminate_and_launch(group, refresh)
    standing.update_in_service_times(group, refresh)
    _update_progress(group, refresh)
    _pause_at_checkpoint(refresh)
    remaining, counted = standing.remaining(group, refresh), launching.counted_instances(group)
    ready = [state for state in counted if standing.is_ready(refresh, state)]
    if not remaining and len(ready) == len(counted) == group.desired_capacity:
        _succeed(group, refresh)


def _terminate_and_launch(group: Any, refresh: Refresh) -> None:
    """Terminate as many instances as the minimum allows, and launch as many as the maximum allows."""
    minimum, maximum = capacity_limits(refresh.preferences, group.desired_capacity)
    quota = refresh.quota - (len(refresh.to_replace) - len(standing.remaining(group, refresh)))
    ready = sum(standing.is_ready(refresh, state) for state in launching.counted_instances(group))
    free = [state for state in standing.remaining(group, refresh) if not standing.is_protected(refresh, state)]
    for state in sort_for_termination(group, free)[: max(0, quota)]:
        if standing.is_ready(refresh, state):
            if ready <= minimum:
                continue
            ready -= 1
        now = format_time(utcnow())
        cause = f"{now} an instance was taken out of service in response to {REASON}."
        scaling_capacity.terminate(
            group, state, f"{cause}  {now} instance {state.instance.id} was selected for termination."
        )
    scaling_capacity.scale_to_desired(group, REASON)
    remaining = standing.remaining(group, refresh)
    ahead = sum(not standing.is_protected(refresh, state) for state in remaining)
    quota = refresh.quota - (len(refresh.to_replace) - len(remaining))
    capacity = min(maximum, group.desired_capacity + min(ahead, max(0, quota)))
    while len(launching.counted_instances(group)) < capacity and scaling_capacity.try_launch(group, REASON):
        pass


def _update_progress(group: Any, refresh: Refresh) -> None:
    """Update the percentage and the status reason, and note when there was progress."""
    remaining, new = standing.remaining(group, refresh), _new_instances(group, refresh)
    total, warm = len(refresh.to_replace), [state for state in new if standing.is_ready(refresh, state)]
    replaced = min(total - len(remaining), len(warm))
    before = refresh.info["PercentageComplete"], refresh.info["InstancesToUpdate"]
    if rollback := refresh.info.get("RollbackDetails"):
        share = (total - replaced) / total if total else 0.0
        refresh.info["PercentageComplete"] = int(rollback["PercentageCompleteOnRollback"] * share)
    else:
        refresh.info["PercentageComplete"] = 100 * replaced // total if total else 100
        refresh.info["InstancesToUpdate"] = total - replaced
    launched = [state for state in new if state.instance.id not in refresh.in_service_since]
    warming_up = [state for state in new if state not in warm and state not in launched]
    protected = [state for state in remaining if standing.is_protected(refresh, state)]
    waiting_for = ((LAUNCHING, launched), (WARMING_UP, warming_up), (PROTECTED, protected))
    reasons = [text.format(states[0].instance.id) for text, states in waiting_for if states]
    refresh.info["StatusReason"] = next(iter(reasons), None)
    progressed = before != (refresh.info["PercentageComplete"], refresh.info["InstancesToUpdate"])
    if progressed or warming_up or any(launching.is_waiting(state) for state in launched):
        refresh.progressed_at = time.time()


def _pause_at_checkpoint(refresh: Refresh) -> None:
    """Note a checkpoint that is reached, and say that the refresh waits there; the last one is the end."""
    percentage, delay = refresh.next_checkpoint, refresh.preferences.get("CheckpointDelay", 0)
    if percentage < 100 and refresh.info["PercentageComplete"] >= percentage:
        refresh.checkpoints += 1
        now = time.time()
        refresh.pause = (now, now + delay * pace.current_factor(), "paused")
    if pacing.is_in_progress(refresh.pause):
        reached = refresh.preferences["CheckpointPercentages"][refresh.checkpoints - 1]
        refresh.info["StatusReason"] = CHECKPOINT.format(delay, reached)
        refresh.progressed_at = time.time()


def _new_instances(group: Any, refresh: Refresh) -> list[Any]:
    old = [*refresh.to_replace, *refresh.initial]
    return [state for state in launching.counted_instances(group) if state.instance.id not in old]


def _failure_reason(group: Any, refresh: Refresh) -> str:
    """Return why a refresh has to fail; empty when it has not.

    AWS retries launches for an hour, scaled by the pace: at pace 0 the first failure is final. It waits an hour for
    people to unprotect or repair an instance; they have the whole hour at pace 0, too.
    """
    now = time.time()
    refresh.failing_since = (refresh.failing_since or now) if now < vars(group).get("retry_at", 0.0) else 0.0
    if refresh.failing_since and now - refresh.failing_since >= TIMEOUT_SECONDS * pace.current_factor():
        return _last_failure(group)
    timed_out = now - refresh.progressed_at >= TIMEOUT_SECONDS * (pace.current_factor() or 1.0)
    return (refresh.info.get("StatusReason") or "No instance could be replaced for an hour.") if timed_out else ""


def _last_failure(group: Any) -> str:
    for activity in activities_of(group.autoscaling_backend):
        if activity["AutoScalingGroupName"] == group.name and activity["StatusCode"] in ("Failed", "Cancelled"):
            return str(activity["StatusMessage"])
    return "Launching EC2 instances failed."


def _fail(group: Any, refresh: Refresh, reason: str) -> None:
    if refresh.status == "RollbackInProgress":
        refresh.end("RollbackFailed", reason)
    elif refresh.preferences["AutoRollback"]:
        group.retry_at = 0.0
        refresh.roll_back([state.instance.id for state in standing.members(group)], reason)
    else:
        refresh.end("Failed", reason)


def _succeed(group: Any, refresh: Refresh) -> None:
    """End the refresh; let the group use the desired configuration from now on."""
    if refresh.status == "RollbackInProgress":
        refresh.end("RollbackSuccessful")
        return
    if refresh.template:
        group._set_launch_configuration("", dict(refresh.template), None)
    refresh.end("Successful")
