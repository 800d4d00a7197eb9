"""Read an environment's networks from AWS, with everything in them, also what the environment did not create."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from ...aws.snapshot import ApiObject, Snapshot, tags_of
from ...errors import RequestRejected
from ...resources.base import tagged_resources
from ...resources.load_balancer import read_tags
from ...resources.security_group import rules_of
from ...resources.traffic import INTERNET, Ports
from .model import EgressRule, Group, Network, Node, Rule, Subnet, Topology

Item = TypeVar("Item")

_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
_CACHES = "arn:aws:elasticache:"


def discover(snapshot: Snapshot, at: datetime) -> Topology:
    """Read the topology.  What the caller has no permission to read is listed in ``denied`` and left out."""
    reader = _Reader(snapshot)
    networks = tuple(reader.network(vpc) for vpc in snapshot.tagged_with_env("describe_vpcs", "Vpcs"))
    aws, time = snapshot.aws, at.astimezone(UTC).isoformat(timespec="seconds")
    return Topology(
        env=aws.env, account=aws.account, region=aws.region, at=time, networks=networks, denied=tuple(reader.denied)
    )


class _Reader:
    """Reads one snapshot, and notes what was denied."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot, self.denied = snapshot, dict[str, None]()

    def network(self, vpc: ApiObject) -> Network:
        own = vpc["VpcId"]
        subnets = tuple(self._read_if_allowed("subnets", lambda: self._subnets(own)))
        nodes = [node for kind, read in self._kinds(own).items() for node in self._read_if_allowed(kind, read)]
        groups = tuple(self._read_if_allowed("security groups", lambda: self._groups(own)))
        members = {group.id for group in groups}
        rules = self._read_if_allowed("security group rules", lambda: self._rules(members))
        return Network(
            id=own,
            name=self._name(vpc, own),
            cidr=vpc["CidrBlock"],
            gateways=tuple(self._read_if_allowed("gateways", lambda: self._gateways(own))),
            subnets=subnets,
            nodes=tuple(sorted(nodes, key=lambda node: (node.kind, node.name, node.zone, node.id))),
            groups=groups,
            rules=tuple(rule for rule in rules if isinstance(rule, Rule)),
            egress_rules=tuple(rule for rule in rules if isinstance(rule, EgressRule)),
        )

    def _kinds(self, vpc: str) -> Mapping[str, Callable[[], Iterator[Node]]]:
        return {
            "load balancers": lambda: self._balancers(vpc),
            "NAT gateways": lambda: self._nat_nodes(vpc),
            "instances": lambda: self._instances(vpc),
            "endpoints": lambda: self._endpoints(vpc),
            "databases": lambda: self._databases(vpc),
            "caches": lambda: self._caches(vpc),
        }

    def _read_if_allowed(self, kind: str, read: Callable[[], Iterator[Item]]) -> list[Item]:
        try:
            return list(read())
        except RequestRejected as error:
            if error.code not in _DENIED:
                raise
            self.denied[kind] = None
            return []

    def _name(self, item: ApiObject, default: str, field: str = "Tags") -> str:
        """The name in our key tag; of what is not ours, its ``Name`` tag."""
        tags = tags_of(item, field)
        key = tags.get(self._snapshot.aws.KEY, "").partition(".")[2] if self._is_ours(tags) else ""
        return key or tags.get("Name") or default

    def _is_ours(self, tags: Mapping[str, str]) -> bool:
        return tags.get(self._snapshot.aws.ENV) == self._snapshot.aws.env

    def _ec2(self, operation: str, result: str, vpc: str, *, under: str = "Filters") -> list[ApiObject]:
        return self._snapshot.all("ec2", operation, result, **{under: [{"Name": "vpc-id", "Values": [vpc]}]})

    def _subnets(self, vpc: str) -> Iterator[Subnet]:
        tables = self._ec2("describe_route_tables", "RouteTables", vpc)
        nats = {n["NatGatewayId"]: self._name(n, n["NatGatewayId"]) for n in self._nat_gateways(vpc)}
        for item in self._ec2("describe_subnets", "Subnets", vpc):
            own = item["SubnetId"]
            to, public = _default_route(_table(tables, own), nats)
            yield Subnet(
                id=own, name=self._name(item, own), zone=item["AvailabilityZone"], cidr=_cidr(item),
                default_route=to, public=public, ours=self._is_ours(tags_of(item)),
            )  # fmt: skip

    def _gateways(self, vpc: str) -> Iterator[str]:
        if gateway := self._internet_gateway(vpc):
            yield f"Internet gateway {gateway['InternetGatewayId']}"
        for item in self._ec2("describe_vpc_endpoints", "VpcEndpoints", vpc):
            if item["VpcEndpointType"] == "Gateway":
                yield f"Endpoint for {_service(item)} {item['VpcEndpointId']}"

    def _internet_gateway(self, vpc: str) -> ApiObject | None:
        """The gateway of a VPC, which has one at most: ours, mostly, which the survey has listed.

        https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
        """
        operation, result = "describe_internet_gateways", "InternetGateways"
        for read in (self._snapshot.tagged_with_env, partial(self._snapshot.all, "ec2")):
            for item in read(operation, result):
                if any(attached["VpcId"] == vpc for attached in item["Attachments"]):
                    return item
        return None

    def _nat_gateways(self, vpc: str) -> list[ApiObject]:
        gateways = self._ec2("describe_nat_gateways", "NatGateways", vpc, under="Filter")
        return [nat for nat in gateways if nat["State"] != "deleted"]  # AWS lists it for an hour after its deletion

    def _nat_nodes(self, vpc: str) -> Iterator[Node]:
        for nat in self._nat_gateways(vpc):
            address = next((a["PublicIp"] for a in nat["NatGatewayAddresses"] if a.get("PublicIp")), "")
            yield Node(
                kind="NAT gateway", name=self._name(nat, ""), id=nat["NatGatewayId"],
                notes=tuple(filter(None, (nat["State"], address))), subnet=nat["SubnetId"],
                ours=self._is_ours(tags_of(nat)),
            )  # fmt: skip

    def _instances(self, vpc: str) -> Iterator[Node]:
        for reservation in self._ec2("describe_instances", "Reservations", vpc):
            for item in reservation["Instances"]:
                if item["State"]["Name"] != "terminated":
                    yield Node(
                        kind="Instance", name=self._name(item, ""), id=item["InstanceId"],
                        notes=(item["State"]["Name"], item["InstanceType"]), subnet=item.get("SubnetId", ""),
                        zone=item["Placement"]["AvailabilityZone"], ours=self._is_ours(tags_of(item)),
                        groups=tuple(group["GroupId"] for group in item.get("SecurityGroups", [])),
                    )  # fmt: skip

    def _balancers(self, vpc: str) -> Iterator[Node]:
        for item in self._snapshot.all("elbv2", "describe_load_balancers", "LoadBalancers"):
            if item["VpcId"] != vpc:
                continue
            arn = item["LoadBalancerArn"]
            tagged = read_tags(self._snapshot, arn) or {}
            for zone in item["AvailabilityZones"]:
                yield Node(
                    kind="Load balancer", name=self._name(tagged, item["LoadBalancerName"]),
                    id=item["LoadBalancerName"], notes=(item["State"]["Code"], str(item.get("Scheme", item["Type"]))),
                    subnet=zone["SubnetId"], zone=zone["ZoneName"], groups=tuple(item.get("SecurityGroups", ())),
                    ours=self._is_ours(tags_of(tagged)),
                )  # fmt: skip

    def _endpoints(self, vpc: str) -> Iterator[Node]:
        for item in self._ec2("describe_vpc_endpoints", "VpcEndpoints", vpc):
            for subnet in item.get("SubnetIds", ()):
                yield Node(
                    kind="Endpoint", name=_service(item), id=item["VpcEndpointId"], notes=(item["State"],),
                    subnet=subnet, groups=tuple(group["GroupId"] for group in item.get("Groups", ())),
                    ours=self._is_ours(tags_of(item)),
                )  # fmt: skip

    def _databases(self, vpc: str) -> Iterator[Node]:
        for item in self._snapshot.all("rds", "describe_db_instances", "DBInstances"):
            subnet_group = item.get("DBSubnetGroup", {})
            if subnet_group.get("VpcId") != vpc:
                continue
            own, zone = item["DBInstanceIdentifier"], item.get("AvailabilityZone", "")
            node = Node(
                kind="Database", name=self._name(item, own, "TagList"), id=own,
                notes=(item["DBInstanceStatus"], f"{item['Engine']} {item['EngineVersion']}"),
                address=_address(item), zone=zone, subnet=_subnet_in_zone(subnet_group, zone),
                ours=self._is_ours(tags_of(item, "TagList")),
                groups=tuple(group["VpcSecurityGroupId"] for group in item["VpcSecurityGroups"]),
            )  # fmt: skip
            yield node
            if other := item.get("SecondaryAvailabilityZone", ""):
                place = {"zone": other, "subnet": _subnet_in_zone(subnet_group, other)}
                yield node.model_copy(update={"kind": "Standby", "address": "", **place})

    def _caches(self, vpc: str) -> Iterator[Node]:
        """Reads caches only where the environment has one: most have none, and no permission to read them."""
        ours = {arn.rpartition(":")[2] for arn in self._tagged() if arn.startswith(_CACHES)}
        if not ours:
            return
        groups = self._snapshot.all("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups")
        subnet_groups = {group["CacheSubnetGroupName"]: group for group in groups if group["VpcId"] == vpc}
        for item in self._snapshot.all("elasticache", "describe_cache_clusters", "CacheClusters"):
            if item.get("CacheSubnetGroupName") not in subnet_groups:
                continue
            own, zone = item["CacheClusterId"], item.get("PreferredAvailabilityZone", "")
            yield Node(
                kind="Cache", name=str(item.get("ReplicationGroupId", own)), id=own, zone=zone,
                notes=(item["CacheClusterStatus"], f"{item['Engine']} {item['EngineVersion']}"),
                subnet=_subnet_in_zone(subnet_groups[item["CacheSubnetGroupName"]], zone),
                groups=tuple(group["SecurityGroupId"] for group in item.get("SecurityGroups", ())),
                ours=bool({own, item.get("ReplicationGroupId")} & ours),
            )  # fmt: skip

    def _tagged(self) -> Iterator[str]:
        for mapping in tagged_resources(self._snapshot):
            yield mapping["ResourceARN"]

    def _groups(self, vpc: str) -> Iterator[Group]:
        for item in self._ec2("describe_security_groups", "SecurityGroups", vpc):
            yield Group(
                id=item["GroupId"], name=self._name(item, item["GroupName"]), description=item["Description"],
                ours=self._is_ours(tags_of(item)),
            )  # fmt: skip

    def _rules(self, groups: set[str]) -> Iterator[Rule | EgressRule]:
        for item in rules_of(self._snapshot, groups):
            referred = item.get("ReferencedGroupInfo", {}).get("GroupId", "")
            other = item.get("CidrIpv4") or item.get("CidrIpv6") or item.get("PrefixListId") or referred
            group, ports, other = item["GroupId"], str(Ports.of(item)), other or "somebody"
            if item["IsEgress"]:
                yield EgressRule(group=group, ports=ports, target=other)
            else:
                yield Rule(group=group, ports=ports, source=other)


def _table(tables: list[ApiObject], subnet: str) -> ApiObject:
    """The route table of a subnet: its own, else the main one of its VPC."""
    for table in tables:
        if any(associated.get("SubnetId") == subnet for associated in table["Associations"]):
            return table
    return next((table for table in tables if any(a.get("Main") for a in table["Associations"])), {})


def _default_route(table: ApiObject, nats: Mapping[str, str]) -> tuple[str, bool]:
    """The target of a table's default route, and whether that is an internet gateway."""
    for route in table.get("Routes", []):
        to = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
        if to not in INTERNET or route.get("State") == "blackhole":
            continue
        if route.get("GatewayId", "").startswith("igw-"):
            return "the internet gateway", True
        if nat := route.get("NatGatewayId"):
            return f"NAT {nats.get(nat, nat)}", False
        others = (str(value) for name, value in route.items() if name.endswith("Id") and value)
        return next(others, "something else"), False
    return "", False


def _subnet_in_zone(group: ApiObject, zone: str) -> str:
    """The subnet of a subnet group in a zone; empty where there are several, because AWS does not say which."""
    inside = [s["SubnetIdentifier"] for s in group["Subnets"] if s["SubnetAvailabilityZone"]["Name"] == zone]
    return inside[0] if len(inside) == 1 else ""


def _address(database: ApiObject) -> str:
    """Host and port of a database; empty while it is being created."""
    endpoint = database.get("Endpoint") or {}
    return f"{endpoint['Address']}:{endpoint['Port']}" if endpoint else ""


def _service(endpoint: ApiObject) -> str:
    """What the endpoint leads to: a service, or, of another type, a resource or a service network."""
    return str(endpoint.get("ServiceName", endpoint.get("VpcEndpointType", ""))).rpartition(".")[2]


def _cidr(subnet: ApiObject) -> str:
    """The IPv4 range, or the IPv6 range of a subnet without one."""
    ipv6 = (each["Ipv6CidrBlock"] for each in subnet.get("Ipv6CidrBlockAssociationSet", ()))
    return str(subnet.get("CidrBlock") or next(ipv6, ""))
