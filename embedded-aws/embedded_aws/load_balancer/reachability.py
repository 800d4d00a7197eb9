"""Decide who can reach whom: by security group rules, and from the internet also by routes.

Network ACLs are ignored: stacks do not change a VPC's default ACL, which allows everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from embedded_aws.account import backends

EVERYWHERE = "0.0.0.0/0"
PRIVATE_NETWORKS = tuple(
    IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)


@dataclass(frozen=True)
class Party:
    """One end of a connection: its security groups, and its address ranges."""

    groups: frozenset[str]
    networks: tuple[IPv4Network, ...]


# Clients on this machine stand for the internet. The rules of an environment may allow only some public addresses,
# which include its operator's: so any public range allows them.
INTERNET = Party(frozenset(), ())


def party_of_instance(instance: Any) -> Party:
    """Return the party of an EC2 instance, with its first interface."""
    return Party(frozenset(group.id for group in instance.security_groups), (_network(instance.private_ip),))


def party_of_balancer(balancer: Any) -> Party:
    """Return the party of a load balancer, whose nodes can be anywhere in its subnets."""
    return Party(frozenset(balancer.security_groups), tuple(_network(subnet.cidr_block) for subnet in balancer.subnets))


def party_of_groups(groups: Iterable[str], blocks: Iterable[str]) -> Party:
    """Return the party of anything else, such as a database: its security groups, and its subnets' ranges."""
    return Party(frozenset(groups), tuple(_network(block) for block in blocks))


def can_reach(ec2: Any, source: Party, destination: Party, port: int) -> bool:
    """Whether a TCP connection is possible: the source's groups allow egress, and the destination's groups ingress.

    "If there is more than one rule for a specific port, Amazon EC2 applies the most permissive rule", and packets that
    no rule allows are dropped without an answer:
    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
    """
    egress = source is INTERNET or _allow(_rules(ec2, source, "egress_rules"), destination, port)
    return egress and _allow(_rules(ec2, destination, "ingress_rules"), source, port)


def internet_reaches(balancer: Any, port: int) -> bool:
    """Whether the internet reaches a load balancer: by its scheme, groups and one of its subnets' routes.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    """
    ec2 = _ec2(balancer)
    routed = any(is_public(ec2, subnet) for subnet in balancer.subnets)
    return balancer.scheme != "internal" and routed and can_reach(ec2, INTERNET, party_of_balancer(balancer), port)


def balancer_reaches(balancer: Any, instance: Any, port: int) -> bool:
    """Whether a load balancer reaches a target, for requests and health checks alike."""
    return can_reach(_ec2(balancer), party_of_balancer(balancer), party_of_instance(instance), port)


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
    return backends.backend("ec2", balancer.arn.split(":")[3], backends.account_of(balancer.arn))


def _network(block: str) -> IPv4Network:
    return IPv4Network(block, strict=False)


def _rules(ec2: Any, party: Party, direction: str) -> list[Any]:
    groups = [ec2.get_security_group_from_id(group_id) for group_id in party.groups]
    return [rule for group in groups if group for rule in getattr(group, direction)]


def _allow(rules: Iterable[Any], peer: Party, port: int) -> bool:
    return any(_covers_port(rule, port) and _covers_peer(rule, peer) for rule in rules)


def _covers_port(rule: Any, port: int) -> bool:
    return rule.ip_protocol == "-1" or bool(rule.ip_protocol == "tcp" and rule.from_port <= port <= rule.to_port)


def _covers_peer(rule: Any, peer: Party) -> bool:
    if group := rule.source_group.get("GroupId"):
        return group in peer.groups
    block = rule.ip_range.get("CidrIp")
    if not block:  # IPv6, or a prefix list of AWS's own services
        return False
    if peer is INTERNET:
        return not any(_network(block).subnet_of(private) for private in PRIVATE_NETWORKS)
    return any(network.subnet_of(_network(block)) for network in peer.networks)
