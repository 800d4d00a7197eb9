"""The DNS name of a load balancer, where one listens on this machine: `localhost:10443` instead of Amazon's."""

from __future__ import annotations

from typing import Any, Protocol

from moto.elbv2.models import ELBv2Backend

from embedded_aws.account import backends as world
from embedded_aws.patching import Method, patch
from embedded_aws.ticker import run_each


class Doors(Protocol):
    """What the overlay asks of `Proxy`."""

    def address(self, balancer: str) -> str:
        """Host and port at which a load balancer is, or is going to be, found."""


_doors: list[Doors] = []


def install(doors: Doors) -> None:
    """From now on, load balancers have an address that leads to them."""
    _doors[:] = [doors]


def tick() -> bool:
    """An address changes when somebody else has taken the port meanwhile."""
    balancers = [one for elb in world.existing("elbv2") for one in elb.load_balancers.values()]
    return run_each(balancers, _name)


@patch(ELBv2Backend, "create_load_balancer")
def create_load_balancer(moto: Method, elb: Any, *args: Any, **sent: Any) -> Any:
    """It keeps its name for as long as it exists.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancer.html (DNSName)
    """
    balancer = moto(elb, *args, **sent)
    _name(balancer)
    return balancer


def _name(balancer: Any) -> bool:
    """Returns whether the name has changed."""
    before = balancer.dns_name
    if _doors and balancer.type == "application" and balancer.scheme != "internal":
        balancer.dns_name = _doors[0].address(balancer.name)
    return bool(balancer.dns_name != before)
