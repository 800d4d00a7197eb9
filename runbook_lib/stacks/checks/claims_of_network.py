"""Claims 1 and 5: the subnets, and the private subnets' way out."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from ...resources.interface_endpoint import InterfaceEndpoint
from ...resources.security_group import SecurityGroup
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
        if len(set(zones.values())) < 2:
            where = next(iter(zones.values()), "no zone")
            problems.append(f"{len(zones)} {kind} subnets, in {where}: at least two in two zones are needed")
    holds = [f"{len(public)} public and {len(private)} private subnets in {', '.join(sorted({*public.values()}))}"]
    return Finding.of([*vpcs, *sorted(subnets)], problems, holds)


def way_out(account: Account) -> Finding:
    """Claim 5, for the environment's private subnets; with ``per_zone`` through the NAT gateway of their zone.

    With ``nat: none`` nothing leads to the internet, and every endpoint answers in each zone instead.
    """
    private = account.subnets("private")
    if account.params.network.nat == "none":
        return _no_way_out(account, private)
    problems, paths = [], []
    for subnet in private:
        gateway, problem = nat_of(account, subnet)
        problems += [f"{subnet}: {problem}"] if problem else []
        paths.append(f"{subnet} through {gateway}")
    if not private:
        problems.append("the environment has no private subnet")
    looked_at = [*private, *account.network.tables, *account.network.nats]
    return Finding.of(looked_at, problems, paths)


def _no_way_out(account: Account, private: list[str]) -> Finding:
    network, problems = account.network, list[str]()
    for subnet in private:
        path = reach(network, _server(account, subnet), ANYWHERE, 443, ports=LINUX)
        if path.reachable:
            problems.append(f"{subnet}: it reaches the internet, against nat: none: {' → '.join(path.steps)}")
    if not private:
        problems.append("the environment has no private subnet")
    wanted = list(account.environment.every(InterfaceEndpoint))
    endpoints = {each: account.observed(each) for each in wanted}
    for each, observed in endpoints.items():
        if observed is None or not observed.ready:
            problems.append(f"there is no endpoint of {each.service}" if observed is None else
                            f"the endpoint of {each.service} is {observed.status}")  # fmt: skip
        elif lacking := [subnet for subnet in private if subnet not in observed.state["subnets"]]:
            problems.append(f"the endpoint of {each.service} is not in {', '.join(lacking)}")
    problems += _closed_endpoints(account, private)
    looked_at = [*private, *network.tables, *(one.id for one in endpoints.values() if one)]
    names = ", ".join(each.service for each in wanted)
    return Finding.of(looked_at, problems, [f"nothing leads to the internet; endpoints of {names} answer instead"])


def _closed_endpoints(account: Account, private: list[str]) -> Iterator[str]:
    """Endpoints that a web server in a private subnet does not reach."""
    network = account.network
    group = account.observed(account.the(SecurityGroup, "web"))
    web = (group.id,) if group else ()
    ends = [each for each in network.interfaces.values() if each.kind == "vpc_endpoint"]
    for subnet in private if web else ():
        server = as_place(Interface("a server", subnet, (), web), network, subnet)
        for end in ends:
            path = reach(network, server, end, 443, ports=LINUX)
            if not path.reachable or path.partly:
                yield f"a web server in {subnet} does not reach {end.description or end.id}: {path.partly or path}"


def _server(account: Account, subnet: str) -> Interface:
    return as_place(Interface("a server", subnet, (), None), account.network, subnet)


def nat_of(account: Account, subnet: str) -> tuple[str, str]:
    """The NAT gateway through which a subnet reaches the internet, and what is wrong; one of them is empty or both."""
    network = account.network
    path = reach(network, _server(account, subnet), ANYWHERE, 443, ports=LINUX)
    if not path.reachable or path.partly:
        return "", path.partly or str(path)
    gateway = next((step for step in path.steps if step in network.nats), "")
    return gateway, next(_problems(account, subnet, gateway, path.steps), "")


def _problems(account: Account, subnet: str, gateway: str, steps: tuple[str, ...]) -> Iterator[str]:
    network = account.network
    if not gateway:
        yield f"it leaves without a NAT gateway: {' → '.join(steps)}"
        return
    zone, own = network.subnets[network.nats[gateway].subnet].zone, network.subnets[subnet].zone
    if account.params.network.nat == "per_zone" and zone != own:
        yield f"{gateway} is in {zone}, and nat: per_zone promises one in {own}"
