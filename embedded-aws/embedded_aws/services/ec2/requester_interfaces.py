"""Network interfaces of other services: of load balancers, databases, caches and VPC endpoints.

EC2 lists them, and they keep subnets, security groups and the internet gateway from being deleted. Some stay for a
while after what they belonged to.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces
from moto.ec2.utils import random_public_ip
from moto.moto_api._internal import mock_random

from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.patching import Method, attach_dict, patch
from embedded_aws.services.elasticache.nodes import caches, nodes_of

DELETING = "deleting"
ENDPOINTS = "727180483921"  # the account of AWS that has the interfaces of VPC endpoints
INSTANCE_CONNECT = "amazon-ec2-instance-connect"
PREFIXES = {"application": "app", "network": "net", "gateway": "gwy"}


@dataclass(frozen=True)
class Need:
    """An interface that a service needs now.

    Args:
        lingers: Key of the pace's durations: how long it outlives its owner; empty where it does not.
    """

    owner: str
    subnet_id: str
    description: str
    requester: str
    groups: tuple[str, ...]
    kind: str = "interface"
    lingers: str = ""
    public: bool = False


class RequesterInterface(NetworkInterface):  # type: ignore[misc]
    """An interface that a service has created in the account."""

    def __init__(self, ec2: Any, need: Need) -> None:
        super().__init__(ec2, need.subnet_id, "", description=need.description)
        self.requester_id, self.requester_managed = need.requester, True
        self.interface_type, self.status = need.kind, "in-use"
        self.public_ip = random_public_ip() if need.public else None
        self.lingers = need.lingers
        self.attached_as = f"ela-attach-{mock_random.get_random_hex(17)}"

    @property
    def association(self) -> dict[str, Any]:
        """The public address belongs to the service, and is none of the account's Elastic IP addresses."""
        address: dict[str, Any] = super().association
        return {**address, "ipOwnerId": self.requester_id} if address else {}

    @property
    def attachment(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterfaceAttachment.html."""
        return {
            "AttachmentId": self.attached_as,
            "DeleteOnTermination": False,
            "DeviceIndex": 1,
            "InstanceOwnerId": "amazon-aws" if self.requester_id == ENDPOINTS else self.requester_id,
            "Status": "attached",
        }


def tick() -> bool:
    """Create and remove interfaces as the services need them; return whether there were any."""
    return any([synchronize(ec2) for ec2 in backends.existing("ec2")])


def synchronize(ec2: Any) -> bool:
    """Create the interfaces that services need, and remove the others when their time is over; return whether any."""
    present = attach_dict(ec2, "requester_interfaces")
    needed = {(need.owner, need.subnet_id): need for need in _needs(ec2)}
    created = [key for key in needed if key not in present and _has_subnet(ec2, key[1])]
    for key in created:
        present[key] = RequesterInterface(ec2, needed[key])
        ec2.enis[present[key].id] = present[key]
    for key in needed.keys() & present.keys():
        vars(present[key]).pop(pacing.ATTRIBUTE, None)  # the owner of a deleted one's name is there again
        groups = [ec2.get_security_group_from_id(name) for name in needed[key].groups]
        present[key]._group_set = [group for group in groups if group]
    removed = [key for key in present.keys() - needed.keys() if not _stays(present[key])]
    for key in removed:
        ec2.enis.pop(present.pop(key).id, None)
    if created or removed:
        for endpoint in ec2.vpc_end_points.values():
            endpoint.network_interface_ids = [one.id for (owner, _), one in present.items() if owner == endpoint.id]
    return bool(created or removed)


def _has_subnet(ec2: Any, subnet_id: str) -> bool:
    return any(subnet_id in subnets for subnets in ec2.subnets.values())


def _stays(interface: Any) -> bool:
    return bool(interface.lingers) and pacing.delay_deletion(interface, DELETING, interface.lingers)


def _needs(ec2: Any) -> Iterator[Need]:
    region = ec2.region_name
    for balancer in backends.backend("elbv2", region).load_balancers.values():
        yield from _of_load_balancer(balancer)
    for database in backends.backend("rds", region).databases.values():
        yield from _of_database(database)
    for cache in caches(backends.backend("elasticache", region)):
        yield from _of_cache(backends.backend("elasticache", region), cache)
    for endpoint in ec2.vpc_end_points.values():
        if str(endpoint.vpc_endpoint_type).lower() == "interface" and endpoint.state != "deleted":
            yield from _of_endpoint(endpoint)
    for endpoint in attach_dict(ec2, "instance_connect_endpoints").values():
        yield Need(
            owner=endpoint.id,
            subnet_id=endpoint.subnet_id,
            description=f"EC2 Instance Connect Endpoint Interface {endpoint.id}",
            requester=INSTANCE_CONNECT,
            groups=tuple(endpoint.security_group_ids),
        )


def _of_load_balancer(balancer: Any) -> Iterator[Need]:
    """The description is documented: `ELB app/my-load-balancer/50dc6c495c0c9188`.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    """
    kind, number = balancer.type or "application", balancer.arn.rpartition("/")[2]
    for subnet in balancer.subnets:
        yield Need(
            owner=balancer.arn,
            subnet_id=subnet.id,
            description=f"ELB {PREFIXES.get(kind, kind)}/{balancer.name}/{number}",
            requester="amazon-elb",
            groups=tuple(balancer.security_groups or ()),
            kind="interface" if kind == "application" else f"{kind}_load_balancer",
            lingers="load_balancer",
            public=balancer.scheme == "internet-facing",
        )


def _of_database(database: Any) -> Iterator[Need]:
    """One in its own zone, with Multi-AZ in all zones of its subnet group.

    https://repost.aws/knowledge-center/rds-db-instance-network-interface (RDSNetworkInterface)
    """
    for subnet_id in _subnets_of(database):
        yield Need(
            owner=database.db_instance_arn,
            subnet_id=subnet_id,
            description="RDSNetworkInterface",
            requester="amazon-rds",
            groups=tuple(database.vpc_security_group_ids),
            lingers="service_interface",
        )


def _subnets_of(database: Any) -> list[str]:
    group = getattr(database, "db_subnet_group", None)
    subnets = group._subnets if group else []
    zones = sorted(subnet.availability_zone for subnet in subnets)
    own = database.availability_zone if database.availability_zone in zones else next(iter(zones), "")
    return [subnet.id for subnet in subnets if database.multi_az or subnet.availability_zone == own]


def _of_cache(elasticache: Any, cache: Any) -> Iterator[Need]:
    """One for each node, in the subnet of its zone.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VPCs.EC2.html
    """
    group = elasticache.cache_subnet_groups.get(cache.cache_subnet_group_name)
    subnets = {one["subnet_availability_zone"]: one["subnet_identifier"] for one in group.subnets} if group else {}
    for name, zone in nodes_of(cache).items():
        if zone in subnets:
            yield Need(
                owner=name,
                subnet_id=subnets[zone],
                description=f"ElastiCache {name}",
                requester="amazon-elasticache",
                groups=tuple(cache.security_group_ids),
                lingers="service_interface",
            )


def _of_endpoint(endpoint: Any) -> Iterator[Need]:
    """https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html (endpoint interfaces)."""
    for subnet_id in endpoint.subnet_ids or []:
        yield Need(
            owner=endpoint.id,
            subnet_id=subnet_id,
            description=f"VPC Endpoint Interface {endpoint.id}",
            requester=ENDPOINTS,
            groups=tuple(endpoint.security_group_ids or ()),
            kind="vpc_endpoint",
        )


@patch(ElasticNetworkInterfaces, "describe_network_interfaces")
def describe_network_interfaces(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html (RequesterManaged)."""
    synchronize(response.ec2_backend)
    return moto(response)


def interfaces(ec2: Any) -> Iterable[Any]:
    """Return all network interfaces of the account in a region, those of other services included."""
    synchronize(ec2)
    return list(ec2.enis.values())
