"""Who may reach whom: by the rules of the security groups, and for the internet by the routes, too.

Network ACLs are left out, since nothing here changes a VPC's own, which lets everything pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from embedded_aws.account import backends as world

EVERYWHERE = "0.0.0.0/0"
INSIDE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))


@dataclass(frozen=True)
class Party:
    """One end of a connection: its security groups, and where in the network it stands."""

    groups: frozenset[str]
    places: tuple[IPv4Network, ...]


# Whoever sits at this machine plays the internet. The rules of an environment may let in some addresses
# only, and its operator comes from one of them: any public range admits.
INTERNET = Party(frozenset(), ())


def of_instance(instance: Any) -> Party:
    """An EC2 instance with its first interface."""
    return Party(frozenset(group.id for group in instance.security_groups), (_network(instance.private_ip),))


def of_balancer(balancer: Any) -> Party:
    """A load balancer, whose nodes stand anywhere in its subnets."""
    return Party(frozenset(balancer.security_groups), tuple(_network(subnet.cidr_block) for subnet in balancer.subnets))


def of_groups(groups: Iterable[str], blocks: Iterable[str]) -> Party:
    """Anything else, for instance a database: its security groups, and the address ranges of its subnets."""
    return Party(frozenset(groups), tuple(_network(block) for block in blocks))


def may_reach(ec2: Any, source: Party, destination: Party, port: int) -> bool:
    """Whether a TCP connection comes about: the source's groups let it out, and the destination's let it in.

    "If there is more than one rule for a specific port, Amazon EC2 applies the most permissive rule", and what is
    not allowed is dropped without an answer:
    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
    """
    out = source is INTERNET or _admit(_rules(ec2, source, "egress_rules"), destination, port)
    return out and _admit(_rules(ec2, destination, "ingress_rules"), source, port)


def internet_reaches(balancer: Any, port: int) -> bool:
    """Whether a load balancer can be reached from the internet: by its scheme, groups and one of its subnets' routes.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    """
    ec2 = _ec2(balancer)
    routed = any(is_public(ec2, subnet) for subnet in balancer.subnets)
    return balancer.scheme != "internal" and routed and may_reach(ec2, INTERNET, of_balancer(balancer), port)


def balancer_reaches(balancer: Any, instance: Any, port: int) -> bool:
    """Whether a load balancer can connect to a target, for requests and health checks alike."""
    return may_reach(_ec2(balancer), of_balancer(balancer), of_instance(instance), port)


def is_public(ec2: Any, subnet: Any) -> bool:
    """Whether a subnet has a route to an internet gateway.

    https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
    """
    tables = [table for table in ec2.route_tables.values() if table.vpc_id == subnet.vpc_id]
    own = [table for table in tables if subnet.id in table._associations.values()]
    routes = [route for table in own or [t for t in tables if t.main_association_id] for route in table.routes]
    return any(
        route.destination_cidr_block == EVERYWHERE and str(getattr(route.gateway, "id", "")).startswith("igw-")
        for route in routes
    )


def _ec2(balancer: Any) -> Any:
    return world.backend("ec2", balancer.arn.split(":")[3])


def _network(block: str) -> IPv4Network:
    return IPv4Network(block, strict=False)


def _rules(ec2: Any, party: Party, direction: str) -> list[Any]:
    groups = [ec2.get_security_group_from_id(group_id) for group_id in party.groups]
    return [rule for group in groups if group for rule in getattr(group, direction)]


def _admit(rules: Iterable[Any], peer: Party, port: int) -> bool:
    return any(_covers_port(rule, port) and _covers_peer(rule, peer) for rule in rules)


def _covers_port(rule: Any, port: int) -> bool:
    return rule.ip_protocol == "-1" or bool(rule.ip_protocol == "tcp" and rule.from_port <= port <= rule.to_port)


def _covers_peer(rule: Any, peer: Party) -> bool:
    if group := rule.source_group.get("GroupId"):
        return group in peer.groups
    block = rule.ip_range.get("CidrIp")
    if not block:  # IPv6, or a prefix list, of AWS's own services
        return False
    if peer is INTERNET:
        return not any(_network(block).subnet_of(inside) for inside in INSIDE)
    return any(place.subnet_of(_network(block)) for place in peer.places)
