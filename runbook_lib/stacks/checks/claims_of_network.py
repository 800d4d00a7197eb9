"""Claims 1 and 5: the subnets, and the private subnets' way out."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from .account import Account
from .check import Finding
from .paths.atoms import as_place
from .paths.model import LINUX, Interface, Outside
from .paths.trace import reach

ANYWHERE = Outside(ip_address("1.1.1.1"))
"""An address on the internet; a route that leads there leads everywhere that no other route names."""


def one_vpc(account: Account) -> Finding:
    """Claim 1; whether a subnet is public is what its routes say, not its name."""
    vpcs, region = [vpc["VpcId"] for vpc in account.vpcs], account.params.region
    if len(vpcs) != 1:
        return Finding.of(vpcs, [f"{len(vpcs)} VPCs are tagged as this environment's"], ())
    subnets = account.network.subnets
    public = {own: each.zone for own, each in subnets.items() if account.network.is_public(own)}
    private = {own: each.zone for own, each in subnets.items() if own not in public}
    problems = [f"{own} is in {each.zone}, not in {region}" for own, each in subnets.items()
                if not each.zone.startswith(region)]  # fmt: skip
    for kind, zones in (("public", public), ("private", private)):
        if len(zones) < 2 or len(set(zones.values())) < 2:
            where = ", ".join(sorted(set(zones.values()))) or "no zone"
            problems.append(f"{len(zones)} {kind} subnets, in {where}: at least two in two zones are needed")
    holds = [f"{len(public)} public and {len(private)} private subnets in {', '.join(sorted({*public.values()}))}"]
    return Finding.of([*vpcs, *sorted(subnets)], problems, holds)


def way_out(account: Account) -> Finding:
    """Claim 5, for the environment's private subnets; with ``per_zone`` through the NAT gateway of their zone."""
    private = account.subnets("private")
    problems, paths = [], []
    for subnet in private:
        gateway, problem = nat_of(account, subnet)
        problems += [f"{subnet}: {problem}"] if problem else []
        paths.append(f"{subnet} through {gateway}")
    if not private:
        problems.append("the environment has no private subnet")
    looked_at = [*private, *account.network.tables, *account.network.nats]
    return Finding.of(looked_at, problems, paths)


def nat_of(account: Account, subnet: str) -> tuple[str, str]:
    """The NAT gateway through which a subnet reaches the internet, and what is wrong; one of them is empty or both."""
    network = account.network
    server = as_place(Interface("a server", subnet, (), None), network, subnet)
    path = reach(network, server, ANYWHERE, 443, ports=LINUX)
    if not path.reachable or path.partly:
        return "", path.partly or str(path)
    gateway = next((step for step in path.steps if step in network.nats), "")
    return gateway, next(_problems(account, subnet, gateway, path.steps), "")


def _problems(account: Account, subnet: str, gateway: str, steps: tuple[str, ...]) -> Iterator[str]:
    network = account.network
    if not gateway:
        yield f"it leaves without a NAT gateway: {' → '.join(steps)}"
        return
    nat = network.nats[gateway]
    if not network.is_public(nat.subnet):
        yield f"{gateway} is in {nat.subnet}, which is not public"
    zone, own = network.subnets[nat.subnet].zone, network.subnets[subnet].zone
    if account.params.network.nat == "per_zone" and zone != own:
        yield f"{gateway} is in {zone}, and nat: per_zone promises one in {own}"
