"""Whether the subnets have enough free addresses for what a plan places in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from math import ceil

from ...aws.snapshot import Snapshot, tags_of
from ...resources.auto_scaling_group import AutoScalingGroup
from ...resources.base import Resource
from ...resources.cache_replication_group import CacheReplicationGroup
from ...resources.db_instance import DbInstance
from ...resources.instance import Instance
from ...resources.load_balancer import LoadBalancer
from ...resources.nat_gateway import NatGateway
from ...resources.subnet import Subnet
from ..plan import Action, Change
from .row import FAILED, PASSED, Prerequisite

_RESERVED = 5
"""Addresses of each subnet that AWS keeps; https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html."""
_LOAD_BALANCER = 8
"""Free addresses that a load balancer asks for in each of its subnets.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
"""


def check_addresses(snapshot: Snapshot, changes: Iterable[Change]) -> Iterator[Prerequisite]:
    """Compare the free addresses of each subnet with what the changes place in it."""
    wanted: Counter[Subnet] = Counter()
    for change in changes:
        if change.action is Action.CREATE:
            for subnet, amount in _addresses_of(change.resource):
                wanted[subnet] += amount
    for subnet, amount in wanted.items():
        free = _free_addresses(snapshot, subnet)
        name, finding = f"addresses: {subnet.key}", f"{free} free in {subnet.cidr}, {amount} planned"
        if amount <= free:
            yield Prerequisite(name, PASSED, finding)
        else:
            fix = "Free some by deleting what nobody uses; AWS cannot make a subnet larger."
            yield Prerequisite(name, FAILED, finding, fix)


def _addresses_of(resource: Resource) -> Iterator[tuple[Subnet, int]]:
    match resource:
        case NatGateway() | Instance():
            yield resource.subnet, 1
        case LoadBalancer():
            yield from ((subnet, _LOAD_BALANCER) for subnet in resource.subnets)
        case AutoScalingGroup():
            yield from ((subnet, ceil(resource.most / len(resource.subnets))) for subnet in resource.subnets)
        case DbInstance():  # it may be placed in any of them, and fail over to any other
            yield from ((subnet, 1) for subnet in resource.subnet_group.subnets)
        case CacheReplicationGroup():
            subnets = resource.subnet_group.subnets
            yield from ((subnet, ceil((resource.replicas + 1) / len(subnets))) for subnet in subnets)


def _free_addresses(snapshot: Snapshot, subnet: Subnet) -> int:
    for one in snapshot.tagged_with_env("describe_subnets", "Subnets"):
        if tags_of(one).get(snapshot.aws.KEY) == subnet.key:
            return int(one["AvailableIpAddressCount"])
    return ip_network(subnet.cidr).num_addresses - _RESERVED
