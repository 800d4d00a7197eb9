"""Dependency checks of EC2: resources that other resources still use cannot be deleted."""

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

from embedded_aws import pacing
from embedded_aws.patching import Method, patch
from embedded_aws.services.ec2.requester_interfaces import interfaces

NO_PERMISSION = "You do not have permission to access the specified resource."


@patch(SecurityGroups, "delete_security_group")
def delete_security_group(moto: Method, response: Any) -> Any:
    """Reject the deletion of a group that is in use: by an interface, database, cache, load balancer or another rule.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html
    """
    ec2 = response.ec2_backend
    name_or_id = response._get_param("GroupId") or response._get_param("GroupName")
    group = ec2.get_security_group_by_name_or_id(name_or_id)
    if group and group.is_default:
        message = f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
        raise EC2ClientError("CannotDelete", message)
    if group and (any(_resources_use_group(ec2, group.id)) or any(_rules_reference_group(ec2, group.id))):
        raise DependencyViolationError(f"resource {group.id} has a dependent object")
    return moto(response)


def _resources_use_group(ec2: Any, group_id: str) -> Iterator[bool]:
    for interface in interfaces(ec2):
        yield group_id in [group.id for group in interface.group_set]


def _rules_reference_group(ec2: Any, group_id: str) -> Iterator[bool]:
    for other in [other for groups in ec2.groups.values() for other in groups.values() if other.id != group_id]:
        for rule in [*other.ingress_rules, *other.egress_rules]:
            yield rule.source_group.get("GroupId") == group_id


@patch(Subnets, "delete_subnet")
def delete_subnet(moto: Method, response: Any) -> Any:
    """Reject the deletion of a subnet with interfaces; delete its route table and network ACL associations with it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html
    """
    ec2, subnet_id = response.ec2_backend, response._get_param("SubnetId")
    if any(interface.subnet.id == subnet_id for interface in interfaces(ec2)):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    result = moto(response)
    for table in ec2.route_tables.values():
        table._associations = {name: other for name, other in table._associations.items() if other != subnet_id}
    for acl in ec2.network_acls.values():
        acl._associations = {name: one for name, one in acl._associations.items() if one.subnet_id != subnet_id}
    return result


@patch(VPCs, "delete_vpc")
def delete_vpc(moto: Method, response: Any) -> Any:
    """Reject the deletion of a VPC that contains more than its default resources, or has a gateway or a peer.

    https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html
    https://repost.aws/knowledge-center/troubleshoot-dependency-error-delete-vpc
    """
    ec2, vpc_id = response.ec2_backend, response._get_param("VpcId")
    if any(_resources_in_vpc(ec2, vpc_id)):
        raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
    result = moto(response)
    for acl_id in [acl.id for acl in ec2.network_acls.values() if acl.vpc_id == vpc_id]:
        del ec2.network_acls[acl_id]
    return result


def _resources_in_vpc(ec2: Any, vpc_id: str) -> Iterator[Any]:
    yield from [gateway for gateway in ec2.internet_gateways.values() if gateway.vpc and gateway.vpc.id == vpc_id]
    yield from [group for group in ec2.groups.get(vpc_id, {}).values() if not group.is_default]
    yield from [endpoint for endpoint in ec2.vpc_end_points.values() if endpoint.vpc_id == vpc_id]
    yield from [acl for acl in ec2.network_acls.values() if acl.vpc_id == vpc_id and not acl.default]
    yield from [interface for interface in interfaces(ec2) if interface.vpc_id == vpc_id]
    yield from [gateway for gateway in ec2.egress_only_internet_gateways.values() if gateway.vpc_id == vpc_id]
    yield from [gateway for gateway in ec2.carrier_gateways.values() if gateway.vpc_id == vpc_id]
    attachments = [gateway.attachments.get(vpc_id) for gateway in ec2.vpn_gateways.values()]
    yield from [attachment for attachment in attachments if attachment and attachment.state != "detached"]
    for peering in ec2.vpc_pcxs.values():
        if vpc_id in (peering.vpc.id, peering.peer_vpc.id) and peering._status.code in ("pending-acceptance", "active"):
            yield peering


@patch(RouteTables, "delete_route_table")
def delete_route_table(moto: Method, response: Any) -> Any:
    """Reject the deletion of a VPC's main route table; it is deleted with the VPC.

    https://docs.aws.amazon.com/vpc/latest/userguide/WorkWithRouteTables.html
    """
    table = response.ec2_backend.get_route_table(response._get_param("RouteTableId"))
    if table.main_association_id:
        raise DependencyViolationError(f"The routeTable '{table.id}' has dependencies and cannot be deleted.")
    return moto(response)


@patch(InternetGateways, "detach_internet_gateway")
def detach_internet_gateway(moto: Method, response: Any) -> Any:
    """Reject the detachment while an instance, NAT gateway or load balancer of the VPC has a public address.

    "The VPC must not contain any running instances with Elastic IP addresses or public IPv4 addresses":
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html
    """
    ec2, vpc_id = response.ec2_backend, response._get_param("VpcId")
    if any(interface.vpc_id == vpc_id and interface.public_ip for interface in interfaces(ec2)):
        advice = "Please unmap those public address(es) before detaching the gateway."
        raise DependencyViolationError(f"Network {vpc_id} has some mapped public address(es). {advice}")
    return moto(response)


@patch(ElasticIPAddresses, "release_address")
def release_address(moto: Method, response: Any) -> Any:
    """Reject the release of an associated address, and for a moment that of a deleted NAT gateway's.

    "Otherwise, Amazon EC2 returns an error (InvalidIPAddress.InUse)":
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html
    The gateway is listed as deleted, and yet: https://github.com/hashicorp/terraform-provider-aws/issues/13763
    """
    allocation_id = response._get_param("AllocationId")
    for address in response.ec2_backend.addresses:
        if allocation_id and address.allocation_id == allocation_id and address.association_id:
            message = f"Address {address.public_ip} is in use by network interface {address.network_interface_id}."
            raise EC2ClientError("InvalidIPAddress.InUse", message)
        if allocation_id and address.allocation_id == allocation_id and pacing.transitional_state(address):
            raise EC2ClientError("AuthFailure", NO_PERMISSION)
    return moto(response)


@patch(ElasticIPAddresses, "disassociate_address")
def disassociate_address(moto: Method, response: Any) -> Any:
    """Reject the disassociation of a NAT gateway's address; AWS disassociates it when the gateway is deleted.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
    """
    association_id = response._get_param("AssociationId")
    for address in response.ec2_backend.addresses:
        of_nat_gateway = address.eni and address.eni.interface_type == "nat_gateway"
        if association_id and address.association_id == association_id and of_nat_gateway:
            raise EC2ClientError("AuthFailure", NO_PERMISSION)
    return moto(response)


@patch(ElasticNetworkInterfaces, "delete_network_interface")
def delete_network_interface(moto: Method, response: Any) -> Any:
    """ "You must detach the network interface before you can delete it".

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterface.html
    The message, also for interfaces of other services: https://github.com/gruntwork-io/cloud-nuke/issues/431
    """
    interface = response.ec2_backend.enis.get(response._get_param("NetworkInterfaceId"))
    if interface and (interface.instance or interface.attachment_id or interface.requester_managed):
        raise EC2ClientError("InvalidParameterValue", f"Network interface '{interface.id}' is currently in use.")
    return moto(response)
