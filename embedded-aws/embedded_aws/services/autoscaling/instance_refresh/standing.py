"""The instances of a group as an instance refresh counts them: in service, warmed up, protected."""

from __future__ import annotations

import time
from typing import Any

from embedded_aws import pace
from embedded_aws.load_balancer import health
from embedded_aws.services.autoscaling.capacity import target_groups, unhealthy_reason
from embedded_aws.services.autoscaling.instance_refresh.model import Refresh
from embedded_aws.services.autoscaling.launching import IN_SERVICE
from embedded_aws.services.autoscaling.lifecycle_hooks.leaving import is_leaving

STANDBY = "Standby"


def members(group: Any) -> list[Any]:
    """Return the instances of a group that are not being terminated."""
    return [state for state in group.instance_states if not is_leaving(state)]


def remaining(group: Any, refresh: Refresh) -> list[Any]:
    """Return the instances that are still to be replaced."""
    return [state for state in members(group) if state.instance.id in refresh.to_replace]


def update_in_service_times(group: Any, refresh: Refresh) -> None:
    """Record which instances are in service, and since when."""
    now = time.time()
    healthy = [state.instance.id for state in members(group) if is_in_service(group, state)]
    refresh.in_service_since = {name: refresh.in_service_since.get(name, now) for name in healthy}


def is_in_service(group: Any, state: Any) -> bool:
    """Return whether an instance is in service and healthy; with ELB health checks, for the load balancer, too."""
    if state.lifecycle_state != IN_SERVICE or state.instance.state != "running" or unhealthy_reason(group, state):
        return False
    checks = health.installed()
    if checks is None or "ELB" not in group.health_check_type:
        return True
    name = state.instance.id
    groups = target_groups(group)
    return all(name in one.targets and checks.state(one.arn, name) in ("healthy", "unused") for one in groups)


def is_ready(refresh: Refresh, state: Any) -> bool:
    """Return whether an instance is in service and, if it is new, warmed up.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html (InstanceWarmup)
    """
    since = refresh.in_service_since.get(state.instance.id)
    if since is None or state.instance.id in refresh.initial:
        return since is not None
    return time.time() - since >= float(refresh.preferences["InstanceWarmup"]) * pace.current_factor()


def is_protected(refresh: Refresh, state: Any) -> bool:
    """Return whether the refresh has to wait until an instance is unprotected or leaves standby."""
    preferences = refresh.preferences
    standby = state.lifecycle_state == STANDBY and preferences["StandbyInstances"] == "Wait"
    return standby or bool(state.protected_from_scale_in and preferences["ScaleInProtectedInstances"] == "Wait")
