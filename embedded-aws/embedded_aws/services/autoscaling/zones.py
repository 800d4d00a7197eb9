"""Which zone of a group gets the next instance, and which instance goes first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from embedded_aws.service_error import ServiceError
from embedded_aws.services.autoscaling import launching


def emptiest_first(group: Any) -> list[Any]:
    """The subnets to launch in, one of each zone: first of the zone with the fewest instances, the one with the fewest.

    During an instance refresh, the fewest of those that are not to be replaced.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-availability-zone-balanced.html
    """
    per_zone, per_subnet = counts(group)
    staying, _ = counts(group, (vars(group).get("refreshing") or {}).get("leaving", ()))
    subnets = _subnets(group)

    def fullness(subnet: Any) -> tuple[int, int, int]:
        zone = subnet.availability_zone
        return staying[zone], per_zone[zone], per_subnet.get(subnet.id, 0)

    emptiest = sorted(subnets, key=fullness)
    return list({subnet.availability_zone: subnet for subnet in reversed(emptiest)}.values())[::-1]


def _subnets(group: Any) -> list[Any]:
    """Those that a group names, or else "the default VPC subnet in each Availability Zone".

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html (AvailabilityZones)
    """
    if group.vpc_zone_identifier:
        named: list[Any] = group.ec2_backend.describe_subnets(subnet_ids=group.vpc_zone_identifier.split(","))
        return named
    defaults = group.ec2_backend.get_default_subnets()
    if missing := [zone for zone in group.availability_zones if zone not in defaults]:
        raise ServiceError("ValidationError", f"No default subnet for availability zone: '{missing[0]}'.")
    return [defaults[zone] for zone in group.availability_zones]


def counts(group: Any, without: Iterable[str] = ()) -> tuple[dict[str, int], dict[str, int]]:
    """How many instances each zone and each subnet has, but for some."""
    per_zone = dict.fromkeys(group.availability_zones, 0)
    per_subnet: dict[str, int] = {}
    for state in [state for state in launching.counted(group) if state.instance.id not in without]:
        per_zone[state.availability_zone] = per_zone.get(state.availability_zone, 0) + 1
        per_subnet[state.instance.subnet_id] = per_subnet.get(state.instance.subnet_id, 0) + 1
    return per_zone, per_subnet


def superfluous(group: Any) -> Any | None:
    """The instance that goes first: in the fullest zone, of the oldest template version, the oldest.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html
    """
    free = [state for state in launching.counted(group) if not state.protected_from_scale_in]
    return next(iter(in_order(group, free)), None)


def in_order(group: Any, states: list[Any]) -> list[Any]:
    """Instances in the order in which they are to go."""
    per_zone, _ = counts(group)
    return sorted(states, key=lambda state: (-per_zone.get(state.availability_zone, 0), *_age(state)))


def _age(state: Any) -> tuple[int, Any]:
    version = (state.launch_template or {}).get("Version", "0")
    return int(version), state.instance.launch_time
