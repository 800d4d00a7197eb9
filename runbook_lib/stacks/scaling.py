"""How many web servers there are: the group's sizes, its scaling policy and its scheduled actions."""

from __future__ import annotations

from collections.abc import Iterator

from ..params import Params
from ..resources.auto_scaling_group import AutoScalingGroup
from ..resources.listener import Listener
from ..resources.scaling_policy import ScalingPolicy
from ..resources.scheduled_action import ScheduledAction


def sizes(params: Params) -> tuple[int, int]:
    """The least and the most servers; without scaling one for each zone, and room to replace them."""
    zones, given = len(params.network.zones), params.compute.scaling
    least = given.minimum if given and given.minimum else zones
    most = given.maximum if given and given.maximum else zones * params.compute.max_per_zone
    return least, most


def scaling(params: Params, servers: AutoScalingGroup, listener: Listener) -> Iterator[ScalingPolicy | ScheduledAction]:
    """The policy that ``compute.scaling`` asks for, and the actions of ``compute.schedules``.

    Without a policy nothing brings the desired capacity down again, so that an action sets it with the minimum.
    """
    given = params.compute.scaling
    if given:
        by_requests = given.metric == "requests_per_target"
        yield ScalingPolicy(
            name="web",
            servers=servers,
            metric=given.metric,
            target=given.target,
            listener=listener if by_requests else None,
        )
    for one in params.compute.schedules:
        yield ScheduledAction(
            name=one.name,
            servers=servers,
            recurrence=one.recurrence,
            minimum=one.minimum,
            maximum=one.maximum,
            time_zone=one.time_zone,
            capacity=None if given else one.minimum,
        )
