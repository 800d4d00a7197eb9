"""Which instances of a group serve, as an instance refresh counts them."""

from __future__ import annotations

import time
from typing import Any

from embedded_aws import pace
from embedded_aws.load_balancer import health
from embedded_aws.services.autoscaling.capacity import target_groups, unhealthy
from embedded_aws.services.autoscaling.instance_refresh.model import Refresh
from embedded_aws.services.autoscaling.launching import IN_SERVICE
from embedded_aws.services.autoscaling.lifecycle_hooks.leaving import is_leaving

STANDBY = "Standby"


def members(group: Any) -> list[Any]:
    """The instances of a group that are not about to leave it."""
    return [state for state in group.instance_states if not is_leaving(state)]


def left(group: Any, refresh: Refresh) -> list[Any]:
    """Those that are still to be replaced."""
    return [state for state in members(group) if state.instance.id in refresh.to_replace]


def look(group: Any, refresh: Refresh) -> None:
    """Take note of who is up, and since when."""
    now = time.time()
    up = [state.instance.id for state in members(group) if is_up(group, state)]
    refresh.since = {name: refresh.since.get(name, now) for name in up}


def is_up(group: Any, state: Any) -> bool:
    """Whether an instance is in service, and healthy also for the load balancer where the group asks it."""
    if state.lifecycle_state != IN_SERVICE or state.instance.state != "running" or unhealthy(group, state):
        return False
    asked = health.installed()
    if asked is None or "ELB" not in group.health_check_type:
        return True
    name = state.instance.id
    found = target_groups(group)
    return all(name in one.targets and asked.state(one.arn, name) in ("healthy", "unused") for one in found)


def serves(refresh: Refresh, state: Any) -> bool:
    """Whether an instance is up, and a new one also warm.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html (InstanceWarmup)
    """
    since = refresh.since.get(state.instance.id)
    if since is None or state.instance.id in refresh.known:
        return since is not None
    return time.time() - since >= float(refresh.preferences["InstanceWarmup"]) * pace.current_factor()


def is_held(refresh: Refresh, state: Any) -> bool:
    """Whether the refresh waits for somebody to let it have an instance."""
    asked = refresh.preferences
    standby = state.lifecycle_state == STANDBY and asked["StandbyInstances"] == "Wait"
    return standby or bool(state.protected_from_scale_in and asked["ScaleInProtectedInstances"] == "Wait")
