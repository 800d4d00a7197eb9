"""Find orphans: resources with this environment's tags that are in no stack.  They are reported.

An apply deletes only those that a resource reports as its own (``Observed.orphans``).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from ..aws.snapshot import ApiObject, Snapshot, tags_of
from ..errors import StillNeeded
from ..resources.base import Observed, Resource, tagged_resources
from ..resources.role_details import roles_named


@dataclass(frozen=True)
class Orphan:
    """A resource with this environment's tags that is in no stack.

    Args:
        key: Its identity tag; empty when it has none.
    """

    key: str
    arn: str


def find_orphans(snapshot: Snapshot, known: Container[str]) -> list[Orphan]:
    """All resources with this environment's tags whose key is not *known*.

    AWS lists some resources for up to an hour after they are deleted, e.g. a NAT gateway.
    """
    return sorted((o for o in _tagged(snapshot) if o.key not in known), key=lambda o: (o.key, o.arn))


_OCCUPANTS = (
    # Service, what stands before the id in an ARN, list call, its result, field of the id.
    ("elasticache", "replicationgroup:", "describe_replication_groups", "ReplicationGroups", "ReplicationGroupId"),
    ("elasticache", "cluster:", "describe_cache_clusters", "CacheClusters", "CacheClusterId"),
    ("rds", "db:", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    ("ec2", "instance/", "describe_instances", "Reservations", "InstanceId"),
    ("ec2", "natgateway/", "describe_nat_gateways", "NatGateways", "NatGatewayId"),
    ("ec2", "vpc-endpoint/", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("ec2", "security-group/", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "subnet/", "describe_subnets", "Subnets", "SubnetId"),
)
"""What has an interface in a subnet, or is part of the VPC: AWS deletes neither before it.

https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html
"""
_GONE = {"deleted", "terminated"}


def require_nothing_in_the_way(
    snapshot: Snapshot, known: Container[str], leaving: Mapping[Resource, Observed | None]
) -> None:
    """Stop when something that no destroy deletes would keep the resources from being deleted.

    Args:
        known: Keys of what is in a stack, or known to have left one.
        leaving: What is to be deleted, as it is now.

    Raises:
        StillNeeded: Naming all of it: orphans in the network, and what is not this environment's.
    """
    strays = [orphan for orphan in find_orphans(snapshot, known) if _is_in_the_way(snapshot, orphan.arn)]
    foreign = [text for resource, seen in leaving.items() if seen for text in resource.obstacles(snapshot, seen)]
    fixes = []
    if strays:
        fixes.append(
            "It carries this environment's tags, and left params/ unnoticed. Write in params/ again what made it,"
            " apply and then destroy; or delete it yourself."
        )
    if foreign:
        fixes.append("Ask whoever owns what is not this environment's to remove it; then run this again.")
    names = [f"{orphan.key} ({orphan.arn})" if orphan.key else orphan.arn for orphan in strays]
    if lines := [f"- {one}" for one in (*names, *foreign)]:
        told = "\n".join(lines)
        raise StillNeeded(
            f"Nothing was deleted: this is in the way, and no destroy deletes it:\n{told}", fix=" ".join(fixes)
        )


def _is_in_the_way(snapshot: Snapshot, arn: str) -> bool:
    """Whether it is in the network, and still exists: the tagging API lists some for an hour after their deletion."""
    parts = arn.split(":", 5)
    for service, prefix, operation, result, id_field in _OCCUPANTS:
        if len(parts) == 6 and parts[2] == service and parts[5].startswith(prefix):
            items = snapshot.all(service, operation, result)
            items = [one for item in items for one in item["Instances"]] if result == "Reservations" else items
            states = [_state(item) for item in items if item[id_field] == parts[5].removeprefix(prefix)]
            return any(state not in _GONE for state in states)
    return False


def _state(item: ApiObject) -> str:
    """Its state, where it has one that may say that it is gone; of an instance it is within a structure."""
    value = item.get("State")
    return str(value["Name"] if isinstance(value, dict) else value).lower()


def _tagged(snapshot: Snapshot) -> Iterator[Orphan]:
    aws = snapshot.aws
    for mapping in tagged_resources(snapshot):
        yield Orphan(tags_of(mapping).get(aws.KEY, ""), mapping["ResourceARN"])
    # The tagging API never lists these two.
    # https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
    for group in snapshot.all("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"):
        if tags_of(group).get(aws.ENV) == aws.env:
            yield Orphan(tags_of(group).get(aws.KEY, ""), group["AutoScalingGroupARN"])
    for role in roles_named(snapshot, f"{aws.env}-"):
        if tags_of(role).get(aws.ENV) == aws.env:
            yield Orphan(tags_of(role).get(aws.KEY, ""), role["Arn"])
