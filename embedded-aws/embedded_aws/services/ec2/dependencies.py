"""What EC2 refuses to delete because something still stands on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.responses.elastic_ip_addresses import ElasticIPAddresses
from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces
from moto.ec2.responses.internet_gateways import InternetGateways
from moto.ec2.responses.route_tables import RouteTables
from moto.ec2.responses.security_groups import SecurityGroups
from moto.ec2.responses.subnets import Subnets
from moto.ec2.responses.vpcs import VPCs

from embedded_aws.account import backends as world
from embedded_aws.patching import Method, patch
from embedded_aws.services.elasticache.nodes import caches, uses_subnet
from embedded_aws.services.elbv2.pacing import with_interfaces


@patch(SecurityGroups, "delete_security_group")
def delete_security_group(moto: Method, response: Any) -> Any:
    """A group that an interface, a database, a cache, a load balancer or a rule of another group names stays.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html
    """
    ec2 = response.ec2_backend
    named = response._get_param("GroupId") or response._get_param("GroupName")
    group = ec2.get_security_group_by_name_or_id(named)
    if group and group.is_default:
        why = f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
        raise EC2ClientError("CannotDelete", why)
    if group and (any(_uses_group(ec2, group.id)) or any(_referring(ec2, group.id))):
        raise DependencyViolationError(f"resource {group.id} has a dependent object")
    return moto(response)


def _uses_group(ec2: Any, group_id: str) -> Iterator[bool]:
    for interface in ec2.enis.values():
        yield group_id in [group.id for group in interface.group_set]
    for balancer in with_interfaces(world.backend("elbv2", ec2.region_name)):
        yield group_id in balancer.security_groups
    for database in world.backend("rds", ec2.region_name).databases.values():
        yield group_id in database.vpc_security_group_ids
    for cache in caches(world.backend("elasticache", ec2.region_name)):
        yield group_id in cache.security_group_ids


def _referring(ec2: Any, group_id: str) -> Iterator[bool]:
    for other in [other for groups in ec2.groups.values() for other in groups.values() if other.id != group_id]:
        for rule in [*other.ingress_rules, *other.egress_rules]:
            yield rule.source_group.get("GroupId") == group_id


@patch(Subnets, "delete_subnet")
def delete_subnet(moto: Method, response: Any) -> Any:
    """A subnet with interfaces in it stays; with it go its associations.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html
    """
    ec2, subnet_id = response.ec2_backend, response._get_param("SubnetId")
    if any(_uses_subnet(ec2, subnet_id)):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    result = moto(response)
    for table in ec2.route_tables.values():
        table._associations = {name: found for name, found in table._associations.items() if found != subnet_id}
    for acl in ec2.network_acls.values():
        kept = {name: found for name, found in acl._associations.items() if found.subnet_id != subnet_id}
        acl._associations = kept
    return result


def _uses_subnet(ec2: Any, subnet_id: str) -> Iterator[bool]:
    for interface in ec2.enis.values():
        yield interface.subnet.id == subnet_id
    for balancer in with_interfaces(world.backend("elbv2", ec2.region_name)):
        yield subnet_id in [subnet.id for subnet in balancer.subnets]
    for database in world.backend("rds", ec2.region_name).databases.values():
        yield subnet_id in _subnets_of(database)
    yield from uses_subnet(world.backend("elasticache", ec2.region_name), subnet_id)


def _subnets_of(database: Any) -> list[str]:
    """The subnets that a database has interfaces in: those of its zone, with Multi-AZ of its group's others, too."""
    group = getattr(database, "db_subnet_group", None)
    subnets = group._subnets if group else []
    return [subnet.id for subnet in subnets if database.multi_az or subnet.availability_zone == _zone(database)]


def _zone(database: Any) -> str:
    zones = sorted(subnet.availability_zone for subnet in database.db_subnet_group._subnets)
    return str(database.availability_zone if database.availability_zone in zones else zones[0])


@patch(VPCs, "delete_vpc")
def delete_vpc(moto: Method, response: Any) -> Any:
    """A VPC goes only when nothing is left in it but what came with it.

    https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html
    """
    ec2, vpc_id = response.ec2_backend, response._get_param("VpcId")
    if any(_contents(ec2, vpc_id)):
        raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
    result = moto(response)
    for acl_id in [acl.id for acl in ec2.network_acls.values() if acl.vpc_id == vpc_id]:
        del ec2.network_acls[acl_id]
    return result


def _contents(ec2: Any, vpc_id: str) -> Iterator[Any]:
    yield from [gateway for gateway in ec2.internet_gateways.values() if gateway.vpc and gateway.vpc.id == vpc_id]
    yield from [group for group in ec2.groups.get(vpc_id, {}).values() if not group.is_default]
    yield from [endpoint for endpoint in ec2.vpc_end_points.values() if endpoint.vpc_id == vpc_id]
    yield from [acl for acl in ec2.network_acls.values() if acl.vpc_id == vpc_id and not acl.default]
    yield from [interface for interface in ec2.enis.values() if interface.vpc_id == vpc_id]


@patch(RouteTables, "delete_route_table")
def delete_route_table(moto: Method, response: Any) -> Any:
    """A VPC's main route table goes with the VPC only.

    https://docs.aws.amazon.com/vpc/latest/userguide/WorkWithRouteTables.html
    """
    table = response.ec2_backend.get_route_table(response._get_param("RouteTableId"))
    if table.main_association_id:
        raise DependencyViolationError(f"The routeTable '{table.id}' has dependencies and cannot be deleted.")
    return moto(response)


@patch(InternetGateways, "detach_internet_gateway")
def detach_internet_gateway(moto: Method, response: Any) -> Any:
    """Not while an instance, a NAT gateway or a load balancer of the VPC has a public address.

    "The VPC must not contain any running instances with Elastic IP addresses or public IPv4 addresses":
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html
    """
    ec2, vpc_id = response.ec2_backend, response._get_param("VpcId")
    if any(_public(ec2, vpc_id)):
        advice = "Please unmap those public address(es) before detaching the gateway."
        raise DependencyViolationError(f"Network {vpc_id} has some mapped public address(es). {advice}")
    return moto(response)


def _public(ec2: Any, vpc_id: str) -> Iterator[bool]:
    for interface in ec2.enis.values():
        yield interface.vpc_id == vpc_id and bool(interface.public_ip)
    for balancer in with_interfaces(world.backend("elbv2", ec2.region_name)):
        yield balancer.vpc_id == vpc_id and balancer.scheme != "internal"


@patch(ElasticIPAddresses, "release_address")
def release_address(moto: Method, response: Any) -> Any:
    """An address that is associated has to be disassociated first.

    "Otherwise, Amazon EC2 returns an error (InvalidIPAddress.InUse)":
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html
    """
    allocation_id = response._get_param("AllocationId")
    for address in response.ec2_backend.addresses:
        if allocation_id and address.allocation_id == allocation_id and address.association_id:
            why = f"Address {address.public_ip} is in use by network interface {address.network_interface_id}."
            raise EC2ClientError("InvalidIPAddress.InUse", why)
    return moto(response)


@patch(ElasticIPAddresses, "disassociate_address")
def disassociate_address(moto: Method, response: Any) -> Any:
    """The address of a NAT gateway leaves it only when the gateway is deleted.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
    """
    association_id = response._get_param("AssociationId")
    for address in response.ec2_backend.addresses:
        of_nat_gateway = address.eni and address.eni.interface_type == "nat_gateway"
        if association_id and address.association_id == association_id and of_nat_gateway:
            raise EC2ClientError("AuthFailure", "You do not have permission to access the specified resource.")
    return moto(response)


@patch(ElasticNetworkInterfaces, "delete_network_interface")
def delete_network_interface(moto: Method, response: Any) -> Any:
    """ "You must detach the network interface before you can delete it."

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterface.html
    The words, also of one that another service has made: https://github.com/gruntwork-io/cloud-nuke/issues/431
    """
    interface = response.ec2_backend.enis.get(response._get_param("NetworkInterfaceId"))
    if interface and (interface.instance or interface.attachment_id or interface.interface_type != "interface"):
        raise EC2ClientError("InvalidParameterValue", f"Network interface '{interface.id}' is currently in use.")
    return moto(response)
