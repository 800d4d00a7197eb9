"""What is in a VPC, is not this environment's, and keeps the VPC and its parts from being deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..aws.snapshot import ApiObject, Snapshot, tags_of


class _Listed(NamedTuple):
    """What EC2 lists of a VPC: its name for people, the list call, its result, the field of the id and the filter.

    Without a filter for the VPC, EC2 lists all there are, and their fields tell.
    """

    word: str
    operation: str
    result: str
    id_field: str
    filter: str = "vpc-id"


_LISTED = (
    _Listed("instance", "describe_instances", "Reservations", "InstanceId"),
    _Listed("NAT gateway", "describe_nat_gateways", "NatGateways", "NatGatewayId"),
    _Listed("endpoint", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    _Listed("subnet", "describe_subnets", "Subnets", "SubnetId"),
    _Listed("route table", "describe_route_tables", "RouteTables", "RouteTableId"),
    _Listed("security group", "describe_security_groups", "SecurityGroups", "GroupId"),
    _Listed("network ACL", "describe_network_acls", "NetworkAcls", "NetworkAclId"),
    _Listed(
        "internet gateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", "attachment.vpc-id"
    ),
    _Listed(
        "egress-only internet gateway", "describe_egress_only_internet_gateways", "EgressOnlyInternetGateways",
        "EgressOnlyInternetGatewayId", "",
    ),
    _Listed("carrier gateway", "describe_carrier_gateways", "CarrierGateways", "CarrierGatewayId"),
    _Listed("VPN gateway", "describe_vpn_gateways", "VpnGateways", "VpnGatewayId", "attachment.vpc-id"),
    _Listed(
        "peering connection", "describe_vpc_peering_connections", "VpcPeeringConnections", "VpcPeeringConnectionId", ""
    ),
)  # fmt: skip
"""All gateways are detached or deleted before a VPC, and whoever peers with it is told before that ends.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachVpnGateway.html
https://repost.aws/knowledge-center/troubleshoot-dependency-error-delete-vpc (peering connections)
"""
_ENDED = {"deleted", "deleting", "terminated", "shutting-down"}
_PEERING, _DETACHED = {"pending-acceptance", "provisioning", "active"}, {"detaching", "detached"}
"""The states of a peering connection that is there, and of a gateway's attachment that is not, or soon will not be."""
_MANAGED_BY_GROUP = ("RDSNetworkInterface", "ElastiCache", "VPC Endpoint Interface", "EC2 Instance Connect Endpoint")
"""How the descriptions of interfaces begin that go with a thing of whoever owns their security groups.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html
"""


def obstacles_in(snapshot: Snapshot, vpc: str) -> Iterator[str]:
    """Each thing with its id, what it is and whose, e.g. ``instance i-0a1b (jenkins, of 123456789012)``.

    What AWS itself is still removing after this environment's resources is none: it goes by itself.
    https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html
    """
    listed = [(kind, item) for kind in _LISTED for item in _items(snapshot, kind, vpc)]
    env = snapshot.aws.env
    ours = {item[kind.id_field] for kind, item in listed if tags_of(item).get(snapshot.aws.ENV) == env}
    for kind, item in listed:
        name, text = item[kind.id_field], _referring(item, ours)
        if name not in ours and (text or not (_state(item) in _ENDED or _comes_with_a_vpc(item))):
            yield f"{kind.word} {name}{text} ({_describe(item)})"
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    for item in snapshot.all("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=filters):
        if not item.get("Attachment", {}).get("InstanceId") and not _is_ours(snapshot, item, ours):
            yield f"network interface {item['NetworkInterfaceId']} ({_describe(item)})"


def _items(snapshot: Snapshot, kind: _Listed, vpc: str) -> list[ApiObject]:
    filters = [{"Name": kind.filter, "Values": [vpc]}]
    argument = "Filter" if kind.operation == "describe_nat_gateways" else "Filters"
    found = snapshot.all("ec2", kind.operation, kind.result, **({argument: filters} if kind.filter else {}))
    if kind.result == "Reservations":
        return [{"OwnerId": one.get("OwnerId")} | instance for one in found for instance in one["Instances"]]
    if kind.result == "VpcPeeringConnections":
        there = [one for one in found if vpc in _sides(one) and one["Status"]["Code"] in _PEERING]
        return [_other_side(one, vpc) | one for one in there]
    attachments = {"EgressOnlyInternetGateways": "Attachments", "VpnGateways": "VpcAttachments"}.get(kind.result)
    if attachments:
        found = [one for one in found if _is_attached(one[attachments], vpc)]
    return [{"OwnerId": snapshot.aws.account} | one for one in found]


def _is_attached(attachments: list[ApiObject], vpc: str) -> bool:
    return any(each["VpcId"] == vpc and each["State"] not in _DETACHED for each in attachments)


def _sides(peering: ApiObject) -> dict[str, ApiObject]:
    """The two ends of a peering connection, by the VPC's id."""
    return {str(peering[end].get("VpcId")): peering[end] for end in ("RequesterVpcInfo", "AccepterVpcInfo")}


def _other_side(peering: ApiObject, vpc: str) -> ApiObject:
    other = next(side for name, side in _sides(peering).items() if name != vpc)
    return {"Description": f"with {other.get('VpcId', 'a VPC')}", "OwnerId": other.get("OwnerId")}


def _state(item: ApiObject) -> str:
    state = item.get("State", "")
    return str(state["Name"] if isinstance(state, dict) else state).lower()


def _comes_with_a_vpc(item: ApiObject) -> bool:
    """Whether AWS makes it with the VPC, and deletes it with it."""
    main = any(association.get("Main") for association in item.get("Associations", ()))
    return main or item.get("IsDefault") is True or item.get("GroupName") == "default"


def _referring(group: ApiObject, ours: set[str]) -> str:
    """Which of our security groups a rule of another one refers to: EC2 deletes none that is referred to.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html
    """
    rules = [*group.get("IpPermissions", ()), *group.get("IpPermissionsEgress", ())]
    named = sorted({pair["GroupId"] for rule in rules for pair in rule.get("UserIdGroupPairs", ())} & ours)
    return f", whose rules refer to {', '.join(named)}" if named else ""


def _is_ours(snapshot: Snapshot, interface: ApiObject, ours: set[str]) -> bool:
    """Whether an interface goes with something of this environment, also one whose owner is gone by now."""
    if tags_of(interface).get(snapshot.aws.ENV) == snapshot.aws.env:
        return True
    description = str(interface.get("Description", ""))
    if re.match(rf"ELB \w+/{re.escape(snapshot.aws.env)}-", description) or ours & set(description.split()):
        return True
    groups = {group["GroupId"] for group in interface.get("Groups", ())}
    return bool(groups) and groups <= ours and description.startswith(_MANAGED_BY_GROUP)


def _describe(item: ApiObject) -> str:
    """What it is, as far as AWS says it, and whose."""
    tags = tags_of(item)
    what = tags.get("Name") or item.get("Description") or item.get("ServiceName") or item.get("GroupName")
    whose = tags.get("Owner") or tags.get("owner") or item.get("RequesterId") or item.get("OwnerId")
    return ", of ".join(str(part) for part in (what or "without a name", whose) if part)
