"""How much of a quota the whole account uses, whoever made it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from ...aws.snapshot import ApiObject, Snapshot, tags_of

_OTHER_STORAGE = ("aurora", "docdb", "neptune")
"""Engines whose storage RDS does not count; https://docs.aws.amazon.com/general/latest/gr/rds-service.html."""


def family_of(instance_type: str) -> str:
    """``t`` of ``t4g.small``."""
    match = re.match(r"[a-z]+", instance_type)
    return match[0] if match else instance_type


def vcpus_of(snapshot: Snapshot, types: Iterable[str]) -> Mapping[str, int]:
    """The vCPUs of instance types.  Their default ones count, whatever the options of an instance are.

    https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
    """
    described = snapshot.all("ec2", "describe_instance_types", "InstanceTypes", InstanceTypes=sorted(types))
    return {one["InstanceType"]: int(one["VCpuInfo"]["DefaultVCpus"]) for one in described}


def count_vcpus(snapshot: Snapshot, families: set[str]) -> int:
    """The vCPUs of the account's instances on demand that run, or soon will, of some families."""
    reservations = snapshot.all("ec2", "describe_instances", "Reservations")
    types = [
        instance["InstanceType"]
        for reservation in reservations
        for instance in reservation["Instances"]
        if instance["State"]["Name"] in ("pending", "running")
        and not instance.get("InstanceLifecycle")  # spot has quotas of its own
        and family_of(instance["InstanceType"]) in families
    ]
    vcpus = vcpus_of(snapshot, set(types)) if types else {}
    return sum(vcpus[one] for one in types)


def _count_nat_gateways(snapshot: Snapshot, zone: str) -> int:
    """Those in a zone that are not gone or failed; https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html."""
    gateways = snapshot.all("ec2", "describe_nat_gateways", "NatGateways")
    zones = {one["SubnetId"]: one["AvailabilityZone"] for one in snapshot.all("ec2", "describe_subnets", "Subnets")}
    live = [one for one in gateways if one["State"] in ("pending", "available", "deleting")]
    return sum(zones.get(one["SubnetId"]) == zone for one in live)


def _count_rules(snapshot: Snapshot, group: str) -> int:
    """The inbound rules of a security group; none where it does not exist yet."""
    groups = snapshot.tagged_with_env("describe_security_groups", "SecurityGroups")
    ids = [one["GroupId"] for one in groups if tags_of(one).get(snapshot.aws.KEY) == group]
    if not ids:
        return 0
    rules = snapshot.all(
        "ec2", "describe_security_group_rules", "SecurityGroupRules", Filters=[{"Name": "group-id", "Values": ids}]
    )
    return sum(not rule["IsEgress"] for rule in rules)


def _databases(snapshot: Snapshot) -> list[ApiObject]:
    return snapshot.all("rds", "describe_db_instances", "DBInstances")


def _count_storage(snapshot: Snapshot, where: str) -> int:
    own = [one for one in _databases(snapshot) if not one["Engine"].startswith(_OTHER_STORAGE)]
    return sum(int(one["AllocatedStorage"] or 0) for one in own)


def _count_load_balancers(snapshot: Snapshot, where: str) -> int:
    found = snapshot.all("elbv2", "describe_load_balancers", "LoadBalancers")
    return sum(one["Type"] == "application" for one in found)


COUNTS: Mapping[str, Callable[[Snapshot, str], int]] = {
    "L-F678F1CE": lambda snapshot, _: len(snapshot.all("ec2", "describe_vpcs", "Vpcs")),
    "L-A4707A72": lambda snapshot, _: len(snapshot.all("ec2", "describe_internet_gateways", "InternetGateways")),
    "L-FE5A380F": _count_nat_gateways,
    "L-E79EC296": lambda snapshot, _: len(snapshot.all("ec2", "describe_security_groups", "SecurityGroups")),
    "L-0EA8095F": _count_rules,
    "L-0263D0A3": lambda snapshot, _: len(snapshot.all("ec2", "describe_addresses", "Addresses")),
    "L-53DA6B97": _count_load_balancers,
    "L-B22855CB": lambda snapshot, _: len(snapshot.all("elbv2", "describe_target_groups", "TargetGroups")),
    "L-7B6409FD": lambda snapshot, _: len(_databases(snapshot)),
    "L-7ADDB58A": _count_storage,
}
"""By the code of the quota; each takes the place that the quota is counted in."""
