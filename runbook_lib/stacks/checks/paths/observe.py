"""Read a VPC from AWS, with everything in it, also what the environment did not create."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from ....aws.snapshot import ApiObject, Snapshot, tags_of
from .model import ANY, Entry, Group, Interface, IpNetwork, Nat, Network, Route, Rule, Subnet, Traffic

_NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": ANY}
_TARGETS = (
    "GatewayId", "NatGatewayId", "EgressOnlyInternetGatewayId", "TransitGatewayId", "VpcPeeringConnectionId",
    "NetworkInterfaceId", "InstanceId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn",
)  # fmt: skip
Prefixes = Mapping[str, Sequence[str]]


def read_network(snapshot: Snapshot, vpc: ApiObject) -> Network:
    """Read a VPC that EC2 has described: one call for each kind of component, and one for each prefix list in use."""
    within = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}]
    groups = snapshot.all("ec2", "describe_security_groups", "SecurityGroups", Filters=within)
    tables = snapshot.all("ec2", "describe_route_tables", "RouteTables", Filters=within)
    return network_of(
        vpc,
        subnets=snapshot.all("ec2", "describe_subnets", "Subnets", Filters=within),
        tables=tables,
        acls=snapshot.all("ec2", "describe_network_acls", "NetworkAcls", Filters=within),
        groups=groups,
        interfaces=snapshot.all("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=within),
        nats=snapshot.all("ec2", "describe_nat_gateways", "NatGateways", Filter=within),
        gateways=snapshot.all("ec2", "describe_internet_gateways", "InternetGateways", Filters=attached),
        prefixes={name: _prefixes(snapshot, name) for name in sorted({*_prefix_lists(groups, tables)})},
    )


def network_of(
    vpc: Mapping[str, Any],
    *,
    subnets: Iterable[Mapping[str, Any]],
    tables: Sequence[Mapping[str, Any]],
    acls: Sequence[Mapping[str, Any]],
    groups: Sequence[Mapping[str, Any]],
    interfaces: Iterable[Mapping[str, Any]],
    nats: Iterable[Mapping[str, Any]] = (),
    gateways: Iterable[Mapping[str, Any]] = (),
    prefixes: Prefixes,
) -> Network:
    """The network, from EC2's descriptions.

    Args:
        prefixes: The networks of each prefix list.
    """
    subnets = list(subnets)
    own = {subnet["SubnetId"] for subnet in subnets}
    return Network(
        id=vpc["VpcId"],
        networks=tuple(_vpc_networks(vpc)),
        subnets={each["SubnetId"]: _subnet(each, tables, acls) for each in subnets},
        groups={each["GroupId"]: _group(each, prefixes) for each in groups},
        acls={
            acl["NetworkAclId"]: tuple(sorted(map(_entry, acl.get("Entries", ())), key=lambda entry: entry.number))
            for acl in acls
        },
        tables={table["RouteTableId"]: tuple(_routes(table, prefixes)) for table in tables},
        interfaces={e["NetworkInterfaceId"]: _interface(e) for e in interfaces if e.get("SubnetId") in own},
        nats={
            nat["NatGatewayId"]: Nat(nat["NatGatewayId"], nat["SubnetId"], nat["State"])
            for nat in nats
            if nat["State"] != "deleted" and nat.get("SubnetId") in own
        },
        gateways=frozenset(gateway["InternetGatewayId"] for gateway in gateways),
        names={each["GroupId"]: str(each.get("GroupName", "")) for each in groups},
        tags={
            vpc["VpcId"]: tags_of(vpc),
            **{subnet["SubnetId"]: tags_of(subnet) for subnet in subnets},
            **{group["GroupId"]: tags_of(group) for group in groups},
        },
    )


def _vpc_networks(vpc: Mapping[str, Any]) -> Iterator[IpNetwork]:
    blocks = [
        each["CidrBlock"]
        for each in vpc.get("CidrBlockAssociationSet") or ()
        if each.get("CidrBlockState", {}).get("State", "associated") == "associated"
    ]
    yield from map(ip_network, dict.fromkeys([vpc["CidrBlock"], *blocks]))
    yield from _ipv6(vpc)


def _ipv6(item: Mapping[str, Any]) -> Iterator[IpNetwork]:
    for each in item.get("Ipv6CidrBlockAssociationSet") or ():
        if each.get("Ipv6CidrBlock") and each.get("Ipv6CidrBlockState", {}).get("State") == "associated":
            yield ip_network(each["Ipv6CidrBlock"])


def _subnet(
    subnet: Mapping[str, Any], tables: Iterable[Mapping[str, Any]], acls: Iterable[Mapping[str, Any]]
) -> Subnet:
    own = subnet["SubnetId"]
    blocks = [ip_network(subnet["CidrBlock"])] if subnet.get("CidrBlock") else []
    main = table = ""
    for each in tables:
        for association in each.get("Associations", ()):
            if association.get("SubnetId") == own:
                table = each["RouteTableId"]
            elif association.get("Main"):
                main = each["RouteTableId"]
    acl = next(
        (a["NetworkAclId"] for a in acls if any(s.get("SubnetId") == own for s in a.get("Associations", ()))), ""
    )
    return Subnet(own, (*blocks, *_ipv6(subnet)), subnet.get("AvailabilityZone", ""), acl, table or main)


def _interface(item: Mapping[str, Any]) -> Interface:
    inner = item.get("PrivateIpAddresses") or [{"PrivateIpAddress": item.get("PrivateIpAddress")}]
    texts = [each.get("PrivateIpAddress") for each in inner]
    texts += [each.get("Ipv6Address") for each in item.get("Ipv6Addresses") or ()]
    public = any((each.get("Association") or {}).get("PublicIp") for each in (item, *inner))
    check = item.get("SourceDestCheck")
    return Interface(
        id=item["NetworkInterfaceId"],
        subnet=item["SubnetId"],
        addresses=tuple(ip_address(text) for text in texts if text),
        groups=tuple(group["GroupId"] for group in item.get("Groups") or ()),
        public=public,
        instance=(item.get("Attachment") or {}).get("InstanceId") or "",
        kind=item.get("InterfaceType") or "interface",
        description=item.get("Description") or "",
        requester=item.get("RequesterId") or "",
        source_dest_check=True if check is None else bool(check),
    )


def _group(group: Mapping[str, Any], prefixes: Prefixes) -> Group:
    ingress = (rule for p in group.get("IpPermissions", ()) for rule in _rules(p, prefixes))
    egress = (rule for p in group.get("IpPermissionsEgress", ()) for rule in _rules(p, prefixes))
    return Group(group["GroupId"], tuple(ingress), tuple(egress))


def _rules(permission: Mapping[str, Any], prefixes: Prefixes) -> Iterator[Rule]:
    protocol = _NUMBERS.get(str(permission["IpProtocol"]), str(permission["IpProtocol"]))
    low, high = permission.get("FromPort"), permission.get("ToPort")
    if protocol.startswith("icmp"):  # a type and a code
        high = low
    traffic = (
        Traffic(ANY) if protocol == ANY else Traffic(protocol) if low in (None, -1) else Traffic(protocol, low, high)
    )
    for each in permission.get("IpRanges") or ():
        yield Rule(traffic, ip_network(each["CidrIp"], strict=False))
    for each in permission.get("Ipv6Ranges") or ():
        yield Rule(traffic, ip_network(each["CidrIpv6"], strict=False))
    for each in permission.get("PrefixListIds") or ():
        yield from (Rule(traffic, ip_network(block)) for block in prefixes.get(each["PrefixListId"], ()))
    for each in permission.get("UserIdGroupPairs") or ():
        yield Rule(traffic, str(each.get("GroupId", "")))


def _entry(entry: Mapping[str, Any]) -> Entry:
    protocol = _NUMBERS.get(str(entry["Protocol"]), str(entry["Protocol"]))
    traffic = Traffic(protocol)
    if protocol.startswith("icmp"):
        kind = (entry.get("IcmpTypeCode") or {}).get("Type")
        traffic = traffic if kind in (None, -1) else Traffic(protocol, kind, kind)
    elif protocol != ANY and (ports := entry.get("PortRange")):
        traffic = Traffic(protocol, ports.get("From"), ports.get("To"))
    block = ip_network(entry.get("CidrBlock") or entry["Ipv6CidrBlock"], strict=False)
    return Entry(int(entry["RuleNumber"]), bool(entry["Egress"]), traffic, block, entry["RuleAction"] == "allow")


def _routes(table: Mapping[str, Any], prefixes: Prefixes) -> Iterator[Route]:
    """The routes; of several to one network, AWS prefers a static one to a prefix list, and both to a propagated one.

    https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
    """
    for route in table.get("Routes", ()):
        target = next((str(route[name]) for name in _TARGETS if route.get(name)), "")
        active, rank = route.get("State") != "blackhole", 2 * (route.get("Origin") == "EnableVgwRoutePropagation")
        if block := route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock"):
            yield Route(ip_network(block), target, active, rank)
        if listed := route.get("DestinationPrefixListId"):
            yield from (Route(ip_network(block), target, active, 1) for block in prefixes.get(listed, ()))


def _prefix_lists(groups: Iterable[ApiObject], tables: Iterable[ApiObject]) -> Iterator[str]:
    for group in groups:
        for permission in (*group["IpPermissions"], *group["IpPermissionsEgress"]):
            yield from (each["PrefixListId"] for each in permission.get("PrefixListIds") or ())
    for table in tables:
        yield from (r["DestinationPrefixListId"] for r in table["Routes"] if r.get("DestinationPrefixListId"))


def _prefixes(snapshot: Snapshot, name: str) -> list[str]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedPrefixListEntries.html."""
    entries = snapshot.all("ec2", "get_managed_prefix_list_entries", "Entries", PrefixListId=name)
    return [entry["Cidr"] for entry in entries]
