"""Select the zone of the next launch, and the instance of the next termination."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from embedded_aws.service_error import ServiceError
from embedded_aws.services.autoscaling import launching


def rank_subnets(group: Any) -> list[Any]:
    """Return the subnets to launch in, one per zone, those with the fewest instances first.

    During an instance refresh, instances that are being replaced do not count.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-availability-zone-balanced.html
    """
    per_zone, per_subnet = count_instances(group)
    staying, _ = count_instances(group, (vars(group).get("refreshing") or {}).get("leaving", ()))
    subnets = _subnets(group)

    def fullness(subnet: Any) -> tuple[int, int, int]:
        zone = subnet.availability_zone
        return staying[zone], per_zone[zone], per_subnet.get(subnet.id, 0)

    emptiest = sorted(subnets, key=fullness)
    return list({subnet.availability_zone: subnet for subnet in reversed(emptiest)}.values())[::-1]


def _subnets(group: Any) -> list[Any]:
    """Return the group's subnets, or else "the default VPC subnet in each Availability Zone".

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html (AvailabilityZones)
    """
    if group.vpc_zone_identifier:
        subnets: list[Any] = group.ec2_backend.describe_subnets(subnet_ids=group.vpc_zone_identifier.split(","))
        return subnets
    defaults = group.ec2_backend.get_default_subnets()
    if missing := [zone for zone in group.availability_zones if zone not in defaults]:
        raise ServiceError("ValidationError", f"No default subnet for availability zone: '{missing[0]}'.")
    return [defaults[zone] for zone in group.availability_zones]


def count_instances(group: Any, excluded: Iterable[str] = ()) -> tuple[dict[str, int], dict[str, int]]:
    """Return the number of instances by zone and by subnet."""
    per_zone = dict.fromkeys(group.availability_zones, 0)
    per_subnet: dict[str, int] = {}
    for state in [state for state in launching.counted_instances(group) if state.instance.id not in excluded]:
        per_zone[state.availability_zone] = per_zone.get(state.availability_zone, 0) + 1
        per_subnet[state.instance.subnet_id] = per_subnet.get(state.instance.subnet_id, 0) + 1
    return per_zone, per_subnet


def select_for_termination(group: Any) -> Any | None:
    """Return the instance to terminate first: in the fullest zone, of the oldest template version, the oldest.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html
    """
    unprotected = [state for state in launching.counted_instances(group) if not state.protected_from_scale_in]
    return next(iter(sort_for_termination(group, unprotected)), None)


def sort_for_termination(group: Any, states: list[Any]) -> list[Any]:
    """Sort instances in the order in which they are terminated."""
    per_zone, _ = count_instances(group)
    return sorted(states, key=lambda state: (-per_zone.get(state.availability_zone, 0), *_age(state)))


def _age(state: Any) -> tuple[int, Any]:
    version = (state.launch_template or {}).get("Version", "0")
    return int(version), state.instance.launch_time
