"""Whether the account's quotas leave room for what a plan creates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from ...aws.snapshot import Snapshot
from ...resources.auto_scaling_group import AutoScalingGroup
from ...resources.base import Resource
from ...resources.db_instance import DbInstance
from ...resources.elastic_ip import ElasticIp
from ...resources.instance import Instance
from ...resources.internet_gateway import InternetGateway
from ...resources.load_balancer import LoadBalancer
from ...resources.nat_gateway import NatGateway
from ...resources.security_group import SecurityGroup
from ...resources.security_group_rule import SecurityGroupRule
from ...resources.target_group import TargetGroup
from ...resources.vpc import Vpc
from ..plan import Action, Change
from . import usage
from .row import FAILED, NOT_ASKED, PASSED, Prerequisite, ask

_UNKNOWN = "NoSuchResourceException"
_FIX = "Request a higher quota: aws service-quotas request-service-quota-increase --service-code {} --quota-code {}"


@dataclass(frozen=True)
class Quota:
    """A quota by its codes in Service Quotas.

    Args:
        name: What it limits, e.g. ``NAT gateways in {}``, with the place where there is one.
    """

    service: str
    code: str
    name: str
    unit: str = ""


# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html links each quota by its code.
VPCS = Quota("vpc", "L-F678F1CE", "VPCs")
GATEWAYS = Quota("vpc", "L-A4707A72", "internet gateways")
NAT_GATEWAYS = Quota("vpc", "L-FE5A380F", "NAT gateways in {}")
GROUPS = Quota("vpc", "L-E79EC296", "security groups")
RULES = Quota("vpc", "L-0EA8095F", "inbound rules of {}")
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-resource-limits.html
ADDRESSES = Quota("ec2", "L-0263D0A3", "Elastic IP addresses")
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
LOAD_BALANCERS = Quota("elasticloadbalancing", "L-53DA6B97", "application load balancers")
TARGET_GROUPS = Quota("elasticloadbalancing", "L-B22855CB", "target groups")
# https://docs.aws.amazon.com/general/latest/gr/rds-service.html
DATABASES = Quota("rds", "L-7B6409FD", "DB instances")
STORAGE = Quota("rds", "L-7ADDB58A", "storage of DB instances", " GB")
VCPUS = {
    family: Quota("ec2", code, f"vCPUs of {name} instances on demand")
    for code, name, families in (
        ("L-1216C47A", "standard", "a c d h i im is m r t z"),
        ("L-74FC7D96", "F", "f"),
        ("L-DB2E81BA", "G and VT", "g gr vt"),
        ("L-417A185B", "P", "p"),
        ("L-7295265B", "X", "x"),
        ("L-1945791B", "Inf", "inf"),
    )
    for family in families.split()
}
"""By the family of the instance type, e.g. ``t`` of ``t4g.small``.

https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
"""

Demand = tuple[Quota, str]
"""A quota, and the place that it is counted in: a zone or a security group; empty for the region."""


def check_quotas(snapshot: Snapshot, changes: Iterable[Change]) -> Iterator[Prerequisite]:
    """Compare what exists and what the changes create with the quotas; asks only for those that they touch."""
    changes = tuple(changes)
    demands = count_demands(changes)
    for (quota, where), amount in demands.items():
        yield from _check(snapshot, quota, where, amount)
    servers: dict[Quota, dict[str, int]] = {}
    for instance_type, count in _count_types(changes):
        family = usage.family_of(instance_type)
        if family in VCPUS:
            servers.setdefault(VCPUS[family], {})[instance_type] = count
        else:
            why = f"no quota is known for the family {family}"
            yield Prerequisite(f"quota: vCPUs of {instance_type}", NOT_ASKED, why)
    for quota, types in servers.items():
        yield from ask(f"quota: {quota.name}", partial(_check_vcpus, snapshot, quota, types))


def count_demands(changes: Iterable[Change]) -> Counter[Demand]:
    """How much of each quota the changes take."""
    demands: Counter[Demand] = Counter()
    for change in changes:
        if change.action is Action.CREATE:
            for quota, where, amount in _demands_of(change.resource):
                demands[quota, where] += amount
    return demands


def _demands_of(resource: Resource) -> Iterator[tuple[Quota, str, int]]:
    match resource:
        case Vpc():
            yield VPCS, "", 1
        case InternetGateway():
            yield GATEWAYS, "", 1
        case ElasticIp():
            yield ADDRESSES, "", 1
        case NatGateway():
            yield NAT_GATEWAYS, resource.subnet.zone, 1
        case SecurityGroup():
            yield GROUPS, "", 1
        case SecurityGroupRule():
            yield RULES, resource.group.key, 1
        case LoadBalancer():
            yield LOAD_BALANCERS, "", 1
        case TargetGroup():
            yield TARGET_GROUPS, "", 1
        case DbInstance():
            yield DATABASES, "", 1
            yield STORAGE, "", resource.storage_gb


def _count_types(changes: Iterable[Change]) -> list[tuple[str, int]]:
    """Instance types with the number of servers that may be launched."""
    types: Counter[str] = Counter()
    for change in changes:
        resource, creates = change.resource, change.action is Action.CREATE
        if isinstance(resource, Instance) and creates:
            types[resource.instance_type] += 1
        elif isinstance(resource, AutoScalingGroup) and creates:
            types[resource.template.instance_type] += resource.most
        elif isinstance(resource, AutoScalingGroup) and "most" in change.fields:
            types[resource.template.instance_type] += max(0, resource.most - int(change.fields["most"][0] or 0))
    return [(name, count) for name, count in types.items() if count]


def _check(snapshot: Snapshot, quota: Quota, where: str, amount: int) -> list[Prerequisite]:
    name = f"quota: {quota.name.format(where)}"
    return ask(name, lambda: [_compare(snapshot, quota, name, usage.COUNTS[quota.code](snapshot, where), amount)])


def _check_vcpus(snapshot: Snapshot, quota: Quota, servers: Mapping[str, int]) -> Iterator[Prerequisite]:
    """Compare the vCPUs of the servers to launch, counted by their type: all types of the quota together."""
    used = usage.count_vcpus(snapshot, {family for family, other in VCPUS.items() if other == quota})
    vcpus = usage.vcpus_of(snapshot, servers)
    wanted = sum(count * vcpus[instance_type] for instance_type, count in servers.items())
    yield _compare(snapshot, quota, f"quota: {quota.name}", used, wanted)


def _compare(snapshot: Snapshot, quota: Quota, name: str, used: int, wanted: int) -> Prerequisite:
    limit = find_limit(snapshot, quota)
    if limit is None:
        return Prerequisite(name, NOT_ASKED, f"Service Quotas does not know {quota.code} of {quota.service}")
    finding = f"{used}{quota.unit} in use, {wanted}{quota.unit} more planned, the quota is {limit:g}{quota.unit}"
    if used + wanted <= limit:
        return Prerequisite(name, PASSED, finding)
    fix = f"{_FIX.format(quota.service, quota.code)} --desired-value {used + wanted}. Or delete what nobody uses."
    return Prerequisite(name, FAILED, finding, fix)


def find_limit(snapshot: Snapshot, quota: Quota) -> float | None:
    """The quota that applies to the account, or AWS's default where none was ever set; ``None`` for an unknown one.

    https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
    """
    codes = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    response = snapshot.get("service-quotas", "get_service_quota", missing=_UNKNOWN, **codes)
    if response is None:
        response = snapshot.get("service-quotas", "get_aws_default_service_quota", missing=_UNKNOWN, **codes)
    return float(response["Quota"]["Value"]) if response else None
