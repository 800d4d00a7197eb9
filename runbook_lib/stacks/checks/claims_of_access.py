"""Claims 4, 6 and 11: who can connect to what.

What is claimed of everybody is tried with everybody: each interface of the VPC, a member of each security group at
each place where one could be, and addresses outside.  Where rules and entries treat addresses or ports alike, one of
them stands for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .account import Account
from .check import EXCEPTION, FAIL, Finding
from .paths.atoms import destination_ports, outside, places, protocols
from .paths.model import LINUX, TCP, UDP, Interface, IpNetwork, Outside
from .paths.trace import End, Path, reach

_ALL_PORTS = range(0, 65536)
_SSH = 22
MYSQL = 3306
"""Where databases of the stack listen, and what its security group opens."""
_NO_WAY_IN = ("nat_gateway",)
"""Interfaces that answer only what was asked from inside."""
_NO_PORT_PASSES = ("IGW_", "NO_ROUTE_TO_DESTINATION")
"""How the codes begin of what stops a source whatever the port."""


def database_port(account: Account) -> Finding:
    """Claim 4."""
    network, database = account.network, account.interfaces("database")
    described = account.database if database else None
    if described is None:
        return Finding(FAIL, (), ("there is no database",))
    port = MYSQL
    servers = account.interfaces("web")
    groups, own = {each.groups for each in servers}, _ids(database)
    problems = [*_unreachable(account, servers, database, port)] if servers else ["there is no web server"]
    for source in _everybody(account, ()):
        if source.id in own or (isinstance(source, Interface) and source.groups in groups):
            continue
        problems += [f"{_name(account, source)} reaches {end.id} on {port}" for end in database
                     if reach(network, source, end, port).reachable]  # fmt: skip
    looked_at = [described["DBInstanceIdentifier"], *own, *_ids(servers), *_groups(database)]
    holds = [f"{len(servers)} web servers reach {port}, and nothing else of {len(network.interfaces)} interfaces does"]
    return Finding.of(looked_at, _first(problems), holds)


def way_in(account: Account) -> Finding:
    """Claim 6."""
    network = account.network
    balancer = {each.id for each in account.interfaces("load_balancer")}
    bastion = {each.id for each in account.interfaces("bastion")}
    administrators = account.params.network.admin_cidrs if account.params.compute.bastion == "ssh" else ()
    problems = []
    sources = list(outside(network, administrators))
    for interface in network.interfaces.values():
        if interface.id in balancer or interface.kind in _NO_WAY_IN:
            continue
        for source, protocol, port, _ in _ways_from_internet(account, interface, sources):
            ssh = interface.id in bastion and (protocol, port) == (TCP, _SSH)
            if not (ssh and _within(source, administrators)):
                problems.append(f"{source.id} reaches {_name(account, interface)} on {protocol} {port}")
    entries = {own: _ways_from_internet(account, network.interfaces[own], sources) for own in sorted(balancer)}
    reachable = [own for own, ways in entries.items() if any(ways)]
    if not reachable:
        problems.append("nothing reaches the load balancer")
    looked_at = [*sorted(network.interfaces), *network.gateways]
    return Finding.of(looked_at, _first(problems), [f"the internet reaches {', '.join(reachable)}"])


def bastion(account: Account) -> Finding:
    """Claim 11, for each of the ways that ``compute.bastion`` names.

    With ``ssh`` administrators' networks reach it; with the others nothing outside does: Session Manager's agent
    asks from inside, and an endpoint asks IAM.
    """
    network, own = account.network, account.interfaces("bastion")
    servers, database = account.interfaces("web"), account.interfaces("database")
    mode = account.params.compute.bastion
    if mode == "none":
        return _no_bastion(account, servers)
    if not own:
        return Finding(FAIL, (), ("there is no bastion",))
    problems = [*_unreachable(account, own, servers, _SSH)] if servers else ["there is no web server"]
    problems += [f"{source.id} reaches the database on {port}" for source in own for end in database
                 for port in destination_ports(network, TCP, _ALL_PORTS, end.groups or ())
                 if reach(network, source, end, port).reachable]  # fmt: skip
    administrators = account.params.network.admin_cidrs if mode == "ssh" else ()
    everybody = [source for source in _everybody(account, administrators) if source.id not in _ids(own)]
    for end in own:
        for source, protocol, port, _ in _ways(account, end, everybody):
            if not _within(source, administrators):
                problems.append(f"{_name(account, source)} reaches the bastion on {protocol} {port}")
        if mode != "ssh" and end.public:
            problems.append(f"{end.instance or end.id} has a public address")
    for each in administrators:
        if not any(reach(network, Outside(each[0]), end, _SSH).reachable for end in own):
            problems.append(f"{each} does not reach the bastion on {_SSH}")
    who = f"{', '.join(map(str, administrators))} reach it" if administrators else f"nothing reaches it but by {mode}"
    holds = [f"it reaches {len(servers)} web servers on {_SSH}; {who}"]
    return Finding.of([*_ids(own), *_groups(own), *_ids(servers), *_ids(database)], _first(problems), holds)


def _no_bastion(account: Account, servers: list[Interface]) -> Finding:
    """Claim 11 with ``none``: nobody reaches a web server by SSH."""
    problems = [f"{_name(account, source)} reaches {end.instance or end.id} on {_SSH}"
                for end in servers for source in _everybody(account, ()) if source.id != end.id
                if reach(account.network, source, end, _SSH).reachable]  # fmt: skip
    problems += [f"{each.instance} is there, against bastion: none" for each in account.interfaces("bastion")]
    if problems:
        return Finding.of(_ids(servers), _first(problems), ())
    why = "the parameters ask for no bastion, and nothing reaches a web server by SSH"
    return Finding(EXCEPTION, tuple(_ids(servers)), (why,))


def _everybody(account: Account, more: Iterable[IpNetwork]) -> Iterator[End]:
    network = account.network
    yield from (each for each in network.interfaces.values() if each.kind not in _NO_WAY_IN)
    yield from places(network)
    yield from outside(network, more)


def _ways_from_internet(
    account: Account, end: Interface, sources: Iterable[End]
) -> Iterator[tuple[End, str, int, Path]]:
    """The ways through an internet gateway, not by a peering connection or a VPN."""
    gateways = account.network.gateways
    return (way for way in _ways(account, end, sources) if not gateways.isdisjoint(way[3].steps))


def _ways(account: Account, end: Interface, sources: Iterable[End]) -> Iterator[tuple[End, str, int, Path]]:
    """Each source with each protocol and port by which it reaches the interface, and the path."""
    network = account.network
    groups = end.groups or ()
    ports = {each: destination_ports(network, each, _ALL_PORTS, groups) if each in (TCP, UDP) else (0, 8, 128)
             for each in protocols(network)}  # fmt: skip
    for source in sources:
        for protocol, numbers in ports.items():
            for port in numbers:
                path = reach(network, source, end, port, protocol)
                if path.reachable:
                    yield source, protocol, port, path
                elif path.code.startswith(_NO_PORT_PASSES):
                    break


def _unreachable(account: Account, sources: Iterable[Interface], ends: list[Interface], port: int) -> Iterator[str]:
    """Why the sources do not reach all of the ends, or not from all of their ports."""
    for source in sources:
        for end in ends:
            path = reach(account.network, source, end, port, ports=LINUX)
            if not path.reachable or path.partly:
                yield f"{source.id} does not reach {end.id} on {port}: {path.partly or path}"


def _within(source: End, networks: Iterable[IpNetwork]) -> bool:
    return isinstance(source, Outside) and any(source.address in each for each in networks)


def _name(account: Account, end: End) -> str:
    if isinstance(end, Outside):
        return end.id
    groups = ", ".join(account.network.names.get(group) or group for group in end.groups or ())
    if end.id in account.network.interfaces:
        return f"{end.instance or end.description or end.id} ({groups or 'no group'})"
    return f"a member of {groups}"


def _ids(interfaces: Iterable[Interface]) -> list[str]:
    return [each.id for each in interfaces]


def _groups(interfaces: Iterable[Interface]) -> list[str]:
    return sorted(dict.fromkeys(group for each in interfaces for group in each.groups or ()))


def _first(problems: Iterable[str], most: int = 5) -> list[str]:
    """The problems once each; of many, the first, and how many more there are."""
    unique = list(dict.fromkeys(problems))
    return unique if len(unique) <= most else [*unique[:most], f"and {len(unique) - most} more"]
