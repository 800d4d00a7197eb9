"""Looks at an environment's networks, and at everything in them, whoever made it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from ...aws.snapshot import ApiObject, Snapshot, tags_of
from ...errors import RequestRejected
from ...resources.base import tagged_resources
from ...resources.security_group import rules_of
from ...resources.traffic import INTERNET, Ports
from .model import EgressRule, Group, Network, Node, Rule, Subnet, Topology

Read = TypeVar("Read")

_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
_CACHES = "arn:aws:elasticache:"


def discover(look: Snapshot, at: datetime) -> Topology:
    """What is there.  What the caller may not look at is named, and nothing is said of it."""
    eye = _Eye(look)
    networks = tuple(eye.network(vpc) for vpc in look.tagged_with_env("describe_vpcs", "Vpcs"))
    aws, moment = look.aws, at.astimezone(UTC).isoformat(timespec="seconds")
    return Topology(
        env=aws.env, account=aws.account, region=aws.region, at=moment, networks=networks, unread=tuple(eye.unread)
    )


class _Eye:
    """One look, and what it was not allowed to see."""

    def __init__(self, look: Snapshot) -> None:
        self._look, self.unread = look, dict[str, None]()

    def network(self, vpc: ApiObject) -> Network:
        own = vpc["VpcId"]
        subnets = tuple(self._try("subnets", lambda: self._subnets(own)))
        things = [thing for kind, read in self._kinds(own).items() for thing in self._try(kind, read)]
        groups = tuple(self._try("security groups", lambda: self._groups(own)))
        members = {group.id for group in groups}
        rules = self._try("security group rules", lambda: self._rules(members))
        return Network(
            id=own,
            name=self._name(vpc, own),
            cidr=vpc["CidrBlock"],
            doors=tuple(self._try("gateways", lambda: self._doors(own))),
            subnets=subnets,
            things=tuple(sorted(things, key=lambda thing: (thing.kind, thing.name, thing.zone, thing.id))),
            groups=groups,
            rules=tuple(rule for rule in rules if isinstance(rule, Rule)),
            exits=tuple(rule for rule in rules if isinstance(rule, EgressRule)),
        )

    def _kinds(self, vpc: str) -> Mapping[str, Callable[[], Iterator[Node]]]:
        return {
            "load balancers": lambda: self._balancers(vpc),
            "NAT gateways": lambda: self._nats(vpc),
            "instances": lambda: self._instances(vpc),
            "endpoints": lambda: self._endpoints(vpc),
            "databases": lambda: self._databases(vpc),
            "caches": lambda: self._caches(vpc),
        }

    def _try(self, kind: str, read: Callable[[], Iterator[Read]]) -> list[Read]:
        try:
            return list(read())
        except RequestRejected as error:
            if error.code not in _DENIED:
                raise
            self.unread[kind] = None
            return []

    def _name(self, found: ApiObject, otherwise: str, field: str = "Tags") -> str:
        """How we call it; of what is not ours, how somebody else does."""
        tags = tags_of(found, field)
        key = tags.get(self._look.aws.KEY, "").partition(".")[2] if self._ours(tags) else ""
        return key or tags.get("Name") or otherwise

    def _ours(self, tags: Mapping[str, str]) -> bool:
        return tags.get(self._look.aws.ENV) == self._look.aws.env

    def _ec2(self, operation: str, result: str, vpc: str, *, under: str = "Filters") -> list[ApiObject]:
        return self._look.all("ec2", operation, result, **{under: [{"Name": "vpc-id", "Values": [vpc]}]})

    def _subnets(self, vpc: str) -> Iterator[Subnet]:
        tables = self._ec2("describe_route_tables", "RouteTables", vpc)
        nats = {n["NatGatewayId"]: self._name(n, n["NatGatewayId"]) for n in self._nat_gateways(vpc)}
        for found in self._ec2("describe_subnets", "Subnets", vpc):
            own = found["SubnetId"]
            to, public = _out(_table(tables, own), nats)
            yield Subnet(
                id=own, name=self._name(found, own), zone=found["AvailabilityZone"], cidr=found["CidrBlock"],
                out=to, public=public, ours=self._ours(tags_of(found)),
            )  # fmt: skip

    def _doors(self, vpc: str) -> Iterator[str]:
        for found in self._look.all("ec2", "describe_internet_gateways", "InternetGateways"):
            if any(attached["VpcId"] == vpc for attached in found.get("Attachments", [])):
                yield f"Internet gateway {found['InternetGatewayId']}"
        for found in self._ec2("describe_vpc_endpoints", "VpcEndpoints", vpc):
            if found["VpcEndpointType"] == "Gateway":
                yield f"Endpoint for {_service(found)} {found['VpcEndpointId']}"

    def _nat_gateways(self, vpc: str) -> list[ApiObject]:
        found = self._ec2("describe_nat_gateways", "NatGateways", vpc, under="Filter")
        return [nat for nat in found if nat["State"] != "deleted"]  # listed for an hour after it went

    def _nats(self, vpc: str) -> Iterator[Node]:
        for nat in self._nat_gateways(vpc):
            address = next((a["PublicIp"] for a in nat["NatGatewayAddresses"] if a.get("PublicIp")), "")
            yield Node(
                kind="NAT gateway", name=self._name(nat, ""), id=nat["NatGatewayId"],
                notes=tuple(filter(None, (nat["State"], address))), subnet=nat["SubnetId"],
                ours=self._ours(tags_of(nat)),
            )  # fmt: skip

    def _instances(self, vpc: str) -> Iterator[Node]:
        for reservation in self._ec2("describe_instances", "Reservations", vpc):
            for found in reservation["Instances"]:
                if found["State"]["Name"] != "terminated":
                    yield Node(
                        kind="Instance", name=self._name(found, ""), id=found["InstanceId"],
                        notes=(found["State"]["Name"], found["InstanceType"]), subnet=found.get("SubnetId", ""),
                        zone=found["Placement"]["AvailabilityZone"], ours=self._ours(tags_of(found)),
                        groups=tuple(group["GroupId"] for group in found.get("SecurityGroups", [])),
                    )  # fmt: skip

    def _balancers(self, vpc: str) -> Iterator[Node]:
        for found in self._look.all("elbv2", "describe_load_balancers", "LoadBalancers"):
            if found["VpcId"] != vpc:
                continue
            arn = found["LoadBalancerArn"]
            answer = self._look.get("elbv2", "describe_tags", missing="LoadBalancerNotFound", ResourceArns=[arn])
            tagged = answer["TagDescriptions"][0] if answer else {}
            for zone in found["AvailabilityZones"]:
                yield Node(
                    kind="Load balancer", name=self._name(tagged, found["LoadBalancerName"]),
                    id=found["LoadBalancerName"], notes=(found["State"]["Code"], found["Scheme"]),
                    subnet=zone["SubnetId"], zone=zone["ZoneName"], groups=tuple(found.get("SecurityGroups", ())),
                    ours=self._ours(tags_of(tagged)),
                )  # fmt: skip

    def _endpoints(self, vpc: str) -> Iterator[Node]:
        for found in self._ec2("describe_vpc_endpoints", "VpcEndpoints", vpc):
            for subnet in found.get("SubnetIds", ()):
                yield Node(
                    kind="Endpoint", name=_service(found), id=found["VpcEndpointId"], notes=(found["State"],),
                    subnet=subnet, groups=tuple(group["GroupId"] for group in found.get("Groups", ())),
                    ours=self._ours(tags_of(found)),
                )  # fmt: skip

    def _databases(self, vpc: str) -> Iterator[Node]:
        for found in self._look.all("rds", "describe_db_instances", "DBInstances"):
            within = found.get("DBSubnetGroup", {})
            if within.get("VpcId") != vpc:
                continue
            own, zone = found["DBInstanceIdentifier"], found.get("AvailabilityZone", "")
            thing = Node(
                kind="Database", name=self._name(found, own, "TagList"), id=own,
                notes=(found["DBInstanceStatus"], f"{found['Engine']} {found['EngineVersion']}"),
                address=_address(found), zone=zone, subnet=_where(within, zone),
                ours=self._ours(tags_of(found, "TagList")),
                groups=tuple(group["VpcSecurityGroupId"] for group in found["VpcSecurityGroups"]),
            )  # fmt: skip
            yield thing
            if other := found.get("SecondaryAvailabilityZone", ""):
                place = {"zone": other, "subnet": _where(within, other)}
                yield thing.model_copy(update={"kind": "Standby", "address": "", **place})

    def _caches(self, vpc: str) -> Iterator[Node]:
        """Only where something of ours is one: most environments have none, and may not look."""
        ours = {arn.rpartition(":")[2] for arn in self._tagged() if arn.startswith(_CACHES)}
        if not ours:
            return
        groups = self._look.all("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups")
        places = {group["CacheSubnetGroupName"]: group for group in groups if group["VpcId"] == vpc}
        for found in self._look.all("elasticache", "describe_cache_clusters", "CacheClusters"):
            if found.get("CacheSubnetGroupName") not in places:
                continue
            own, zone = found["CacheClusterId"], found.get("PreferredAvailabilityZone", "")
            yield Node(
                kind="Cache", name=str(found.get("ReplicationGroupId", own)), id=own, zone=zone,
                notes=(found["CacheClusterStatus"], f"{found['Engine']} {found['EngineVersion']}"),
                subnet=_where(places[found["CacheSubnetGroupName"]], zone),
                groups=tuple(group["SecurityGroupId"] for group in found.get("SecurityGroups", ())),
                ours=bool({own, found.get("ReplicationGroupId")} & ours),
            )  # fmt: skip

    def _tagged(self) -> Iterator[str]:
        for mapping in tagged_resources(self._look):
            yield mapping["ResourceARN"]

    def _groups(self, vpc: str) -> Iterator[Group]:
        for found in self._ec2("describe_security_groups", "SecurityGroups", vpc):
            yield Group(
                id=found["GroupId"], name=self._name(found, found["GroupName"]), about=found["Description"],
                ours=self._ours(tags_of(found)),
            )  # fmt: skip

    def _rules(self, groups: set[str]) -> Iterator[Rule | EgressRule]:
        for found in rules_of(self._look):
            if found["GroupId"] in groups:
                referred = found.get("ReferencedGroupInfo", {}).get("GroupId", "")
                other = found.get("CidrIpv4") or found.get("CidrIpv6") or found.get("PrefixListId") or referred
                group, ports, other = found["GroupId"], str(Ports.of(found)), other or "somebody"
                if found["IsEgress"]:
                    yield EgressRule(group=group, ports=ports, target=other)
                else:
                    yield Rule(group=group, ports=ports, source=other)


def _table(tables: list[ApiObject], subnet: str) -> ApiObject:
    """The route table that a subnet follows: its own, else the network's main one."""
    for table in tables:
        if any(associated.get("SubnetId") == subnet for associated in table["Associations"]):
            return table
    return next((table for table in tables if any(a.get("Main") for a in table["Associations"])), {})


def _out(table: ApiObject, nats: Mapping[str, str]) -> tuple[str, bool]:
    """What a table's route to everywhere leads to, and whether that is the internet itself."""
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


def _where(group: ApiObject, zone: str) -> str:
    """The subnet of a subnet group in a zone; where there are several, AWS does not say which."""
    inside = [s["SubnetIdentifier"] for s in group["Subnets"] if s["SubnetAvailabilityZone"]["Name"] == zone]
    return inside[0] if len(inside) == 1 else ""


def _address(database: ApiObject) -> str:
    """Nothing while it is created."""
    endpoint = database.get("Endpoint") or {}
    return f"{endpoint['Address']}:{endpoint['Port']}" if endpoint else ""


def _service(endpoint: ApiObject) -> str:
    return str(endpoint["ServiceName"]).rpartition(".")[2]
