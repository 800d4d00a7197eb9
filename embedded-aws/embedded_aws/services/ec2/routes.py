"""Routes whose target is gone."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.route_tables import Route


def _state(route: Any) -> str:
    """Return `blackhole` where the NAT gateway is deleted, or the internet gateway detached.

    "The blackhole state indicates that the route's target isn't available":
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html (State)
    """
    nat_is_gone = route.nat_gateway is not None and route.nat_gateway.state == "deleted"
    gateway_id = str(getattr(route.gateway, "id", ""))
    return "blackhole" if nat_is_gone or (gateway_id.startswith("igw-") and not route.gateway.vpc) else "active"


Route.state = property(_state)
