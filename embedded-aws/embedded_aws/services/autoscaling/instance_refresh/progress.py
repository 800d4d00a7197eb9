"""How an instance refresh goes on by itself, a few instances at a time.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
"""

from __future__ import annotations

import time
from typing import Any

from moto.core.utils import utcnow

from embedded_aws import pace
from embedded_aws.services.autoscaling import capacity as scaling_capacity
from embedded_aws.services.autoscaling import launching
from embedded_aws.services.autoscaling.activities import activities_of, at
from embedded_aws.services.autoscaling.instance_refresh import standing
from embedded_aws.services.autoscaling.instance_refresh.model import ACTIVE, Refresh, active, bounds
from embedded_aws.services.autoscaling.zones import in_order
from embedded_aws.ticker import run_each

WHY = "an instance refresh"
# How long AWS waits for protected instances, and tries to launch.
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html (ScaleInProtectedInstances)
HOUR = 3600.0
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/check-status-instance-refresh.html
WARMS_UP = "Waiting for instances to warm up before continuing. For example: {} is warming up."
COMES_UP = (
    "Waiting for remaining instances to be available. For example: {} has insufficient data to evaluate its health "
    "with Amazon EC2."
)
HELD = "Waiting for instances that are protected from scale in or in Standby. For example: {}."
CANCELLING, CANCELLED = "Replacing instances before cancelling.", "Cancelled due to user request."


def tick() -> bool:
    """Bring every refresh forward; returns whether the account has changed."""
    going = [(group, refresh) for group in scaling_capacity.groups() if (refresh := active(group))]
    return run_each(going, lambda one: _step(*one))


def _step(group: Any, refresh: Refresh) -> bool:
    before = repr(refresh)
    _prepare(group, refresh)
    if refresh.status == "Pending":
        refresh.info["Status"] = "InProgress"
    elif refresh.status == "Cancelling":
        if not any(launching.is_waiting(state) for state in group.instance_states):
            refresh.end("Cancelled", CANCELLED)
    elif "InstanceRefresh" not in group._suspended_processes:
        _go_on(group, refresh)
    _prepare(group, refresh)
    return before != repr(refresh)


def _prepare(group: Any, refresh: Refresh) -> None:
    """Have the group's own launches and terminations fit to the refresh: what it launches, where, and how many."""
    if refresh.status in ("InProgress", "RollbackInProgress"):
        _, most = bounds(refresh.preferences, group.desired_capacity)
        surplus = max(0, most - group.desired_capacity) if standing.left(group, refresh) else 0
        group.refreshing = {"template": refresh.template, "surplus": surplus, "leaving": refresh.to_replace}
    elif refresh.status not in ACTIVE:
        group.refreshing = None


def _go_on(group: Any, refresh: Refresh) -> None:
    standing.look(group, refresh)
    if why := _failure(group, refresh):
        _fail(group, refresh, why)
        return
    _replace(group, refresh)
    standing.look(group, refresh)
    _tell(group, refresh)
    left, counted = standing.left(group, refresh), launching.counted(group)
    serving = [state for state in counted if standing.serves(refresh, state)]
    if not left and len(serving) == len(counted) == group.desired_capacity:
        _succeed(group, refresh)


def _replace(group: Any, refresh: Refresh) -> None:
    """Take out as many as are not needed for now, and launch what may be launched."""
    least, most = bounds(refresh.preferences, group.desired_capacity)
    serving = sum(standing.serves(refresh, state) for state in launching.counted(group))
    free = [state for state in standing.left(group, refresh) if not standing.is_held(refresh, state)]
    for state in in_order(group, free):
        if standing.serves(refresh, state):
            if serving <= least:
                continue
            serving -= 1
        now = at(utcnow())
        cause = f"{now} an instance was taken out of service in response to {WHY}."
        scaling_capacity.terminate(
            group, state, f"{cause}  {now} instance {state.instance.id} was selected for termination."
        )
    scaling_capacity.reach(group, WHY)
    ahead = sum(not standing.is_held(refresh, state) for state in standing.left(group, refresh))
    wanted = min(most, group.desired_capacity + ahead)
    while len(launching.counted(group)) < wanted and scaling_capacity.launch_one(group, WHY):
        pass


def _tell(group: Any, refresh: Refresh) -> None:
    """How far it has come, and what it waits for."""
    left, new = standing.left(group, refresh), _new(group, refresh)
    total, warm = len(refresh.to_replace), [state for state in new if standing.serves(refresh, state)]
    replaced = min(total - len(left), len(warm))
    before = refresh.info["PercentageComplete"], refresh.info["InstancesToUpdate"]
    if back := refresh.info.get("RollbackDetails"):
        share = (total - replaced) / total if total else 0.0
        refresh.info["PercentageComplete"] = int(back["PercentageCompleteOnRollback"] * share)
    else:
        refresh.info["PercentageComplete"] = 100 * replaced // total if total else 100
        refresh.info["InstancesToUpdate"] = total - replaced
    coming = [state for state in new if state.instance.id not in refresh.since]
    cold = [state for state in new if state not in warm and state not in coming]
    held = [state for state in left if standing.is_held(refresh, state)]
    told = ((COMES_UP, coming), (WARMS_UP, cold), (HELD, held))
    reasons = [text.format(found[0].instance.id) for text, found in told if found]
    refresh.info["StatusReason"] = next(iter(reasons), None)
    moves = before != (refresh.info["PercentageComplete"], refresh.info["InstancesToUpdate"])
    if moves or cold or any(launching.is_waiting(state) for state in coming):
        refresh.moved = time.time()


def _new(group: Any, refresh: Refresh) -> list[Any]:
    stays = [*refresh.to_replace, *refresh.known]
    return [state for state in launching.counted(group) if state.instance.id not in stays]


def _failure(group: Any, refresh: Refresh) -> str:
    """Why a refresh has to fail; empty when it has not.

    AWS tries to launch for an hour at its pace, so that pace 0 has the first failure be the last; but it is for people
    that it waits for an instance to be unprotected, or to become healthy, and they have their hour also at pace 0.
    """
    now = time.time()
    refresh.failing = (refresh.failing or now) if now < vars(group).get("retry_at", 0.0) else 0.0
    if refresh.failing and now - refresh.failing >= HOUR * pace.current_factor():
        return _last_failure(group)
    waited = now - refresh.moved >= HOUR * (pace.current_factor() or 1.0)
    return (refresh.info.get("StatusReason") or "No instance could be replaced for an hour.") if waited else ""


def _last_failure(group: Any) -> str:
    for activity in activities_of(group.autoscaling_backend):
        if activity["AutoScalingGroupName"] == group.name and activity["StatusCode"] in ("Failed", "Cancelled"):
            return str(activity["StatusMessage"])
    return "Launching EC2 instances failed."


def _fail(group: Any, refresh: Refresh, why: str) -> None:
    if refresh.status == "RollbackInProgress":
        refresh.end("RollbackFailed", why)
    elif refresh.preferences["AutoRollback"]:
        group.retry_at = 0.0
        refresh.turn_back([state.instance.id for state in standing.members(group)], why)
    else:
        refresh.end("Failed", why)


def _succeed(group: Any, refresh: Refresh) -> None:
    """After a success the group keeps the configuration that was asked for."""
    if refresh.status == "RollbackInProgress":
        refresh.end("RollbackSuccessful")
        return
    if refresh.template:
        group._set_launch_configuration("", dict(refresh.template), None)
    refresh.end("Successful")
