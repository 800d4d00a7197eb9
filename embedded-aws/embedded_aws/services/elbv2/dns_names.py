"""DNS names of load balancers: the address of the local proxy, `localhost:10443`, instead of Amazon's."""

from __future__ import annotations

from typing import Any, Protocol

from moto.elbv2.models import ELBv2Backend

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.ticker import run_each


class AddressProvider(Protocol):
    """Knows the local address of each load balancer; implemented by `Proxy`."""

    def address(self, balancer: str) -> str:
        """Return host and port at which a load balancer listens, or is going to listen."""


_installed: list[AddressProvider] = []


def install(provider: AddressProvider) -> None:
    """Use the addresses of a provider as DNS names from now on."""
    _installed[:] = [provider]


def tick() -> bool:
    """Update the names whose port has changed; return whether any has."""
    balancers = [balancer for elb in backends.existing("elbv2") for balancer in elb.load_balancers.values()]
    return run_each(balancers, _update_dns_name)


@patch(ELBv2Backend, "create_load_balancer")
def create_load_balancer(moto: Method, elb: Any, *args: Any, **params: Any) -> Any:
    """Give a new load balancer its local DNS name.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancer.html (DNSName)
    """
    balancer = moto(elb, *args, **params)
    _update_dns_name(balancer)
    return balancer


def _update_dns_name(balancer: Any) -> bool:
    """Set the local DNS name of a load balancer; return whether it has changed."""
    before = balancer.dns_name
    if _installed and balancer.type == "application" and balancer.scheme != "internal":
        balancer.dns_name = _installed[0].address(balancer.name)
    return bool(balancer.dns_name != before)
