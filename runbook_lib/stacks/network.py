"""The network: who may talk to whom, and by which way."""

from __future__ import annotations

from typing import NamedTuple

from ..params import Params
from ..resources.bucket import Bucket
from ..resources.default_security_group import DefaultSecurityGroup
from ..resources.elastic_ip import ElasticIp
from ..resources.flow_log import FlowLog
from ..resources.internet_gateway import InternetGateway
from ..resources.key_pair import KeyPair
from ..resources.log_group import LogGroup
from ..resources.nat_gateway import NatGateway
from ..resources.role import Role
from ..resources.role_policy import RolePolicy
from ..resources.route import Route
from ..resources.route_table import RouteTable
from ..resources.route_table_association import RouteTableAssociation
from ..resources.security_group import SecurityGroup
from ..resources.security_group_rule import SecurityGroupRule
from ..resources.ssh_key import SshKey
from ..resources.subnet import Subnet
from ..resources.vpc import Vpc
from ..resources.vpc_endpoint import VpcEndpoint
from ..resources.vpc_endpoint_route import VpcEndpointRoute
from .stack import Stack


def network(params: Params) -> Stack:
    """What ``01_network`` walks through.

    What belongs to a zone is named after it, so that a zone more touches no neighbour.
    With one NAT gateway it stands in the zone that ``params`` names first.
    """
    wanted = params.network
    vpc = Vpc(name="main", cidr=str(wanted.vpc_cidr))
    public = {
        zone: Subnet(name=f"public-{zone}", vpc=vpc, cidr=str(nets.public), zone=zone)
        for zone, nets in wanted.zones.items()
    }
    private = {
        zone: Subnet(name=f"private-{zone}", vpc=vpc, cidr=str(nets.private), zone=zone)
        for zone, nets in wanted.zones.items()
    }
    gateway = InternetGateway(name="main", vpc=vpc)
    with_nat = list(wanted.zones) if wanted.nat == "per_zone" else list(wanted.zones)[:1]
    addresses = {zone: ElasticIp(name=f"nat-{zone}") for zone in with_nat}
    nats = {
        zone: NatGateway(name=zone, subnet=public[zone], address=addresses[zone], gateway=gateway) for zone in with_nat
    }
    outside = RouteTable(name="public", vpc=vpc)
    inside = {zone: RouteTable(name=f"private-{zone}", vpc=vpc) for zone in with_nat}
    endpoint = VpcEndpoint(name="s3", vpc=vpc, service="s3")
    rules = _wanted(params)
    groups = _groups(params, vpc, rules)
    return Stack(
        "network",
        bucket=Bucket(
            name="runbook",
            expire=(("alb", params.compute.access_log_days),),
            kept=params.guards.keep_bucket,
            object_lock=params.evidence.object_lock is not None,
        ),
        vpc=(vpc, DefaultSecurityGroup(name="main", vpc=vpc)),
        subnets=(*public.values(), *private.values()),
        gateway=gateway,
        nat=(*addresses.values(), *nats.values()),
        security_groups=tuple(groups.values()),
        rules=(_rule(rule, groups) for rule in rules),
        flow_logs=_flow_logs(params, vpc),
        key=_key(wanted.public_key),
        public_routes=(
            outside,
            Route(name="public", table=outside, via=gateway),
            *(RouteTableAssociation(name=s.name, table=outside, subnet=s) for s in public.values()),
        ),
        endpoint=(endpoint, VpcEndpointRoute(name="public", endpoint=endpoint, table=outside)),
        private_routes=(
            *inside.values(),
            *(VpcEndpointRoute(name=t.name, endpoint=endpoint, table=t) for t in inside.values()),
            *(Route(name=inside[zone].name, table=inside[zone], via=nats[zone]) for zone in with_nat),
            # Last: a subnet that moves to another table finds its way out there already.
            *(
                RouteTableAssociation(name=s.name, table=inside.get(zone, inside[with_nat[0]]), subnet=s)
                for zone, s in private.items()
            ),
        ),
    )


def _groups(params: Params, vpc: Vpc, rules: tuple[_Rule, ...]) -> dict[str, SecurityGroup]:
    members = {"alb": "Load balancer", "bastion": "Bastion", "web": "Web servers", "db": "Database"}
    if _cached(params):
        members["cache"] = "Session cache"
    return {
        name: SecurityGroup(
            name=name, vpc=vpc, description=who, rules=tuple(rule.name for rule in rules if rule.group == name)
        )
        for name, who in members.items()
    }


class _Rule(NamedTuple):
    """Who may come in where: a group's name, and a network or the name of another group."""

    name: str
    group: str
    port: int
    source: str
    why: str


def _wanted(params: Params) -> tuple[_Rule, ...]:
    return (
        _Rule("alb-http", "alb", 80, "0.0.0.0/0", "HTTP from anywhere, to be redirected"),
        _Rule("alb-https", "alb", 443, "0.0.0.0/0", "HTTPS from anywhere"),
        *(
            _Rule(f"bastion-ssh-{cidr}", "bastion", 22, str(cidr), "SSH from administrators")
            for cidr in params.network.admin_cidrs
        ),
        _Rule("web-app", "web", params.compute.app_port, "alb", "Requests from the load balancer"),
        _Rule("web-ssh", "web", 22, "bastion", "SSH from the bastion"),
        _Rule("db-mysql", "db", 3306, "web", "MySQL from the web servers"),
        *([_Rule("cache-valkey", "cache", 6379, "web", "Valkey from the web servers")] if _cached(params) else ()),
    )


def _cached(params: Params) -> bool:
    return params.data.sessions.store == "elasticache"


def _rule(rule: _Rule, groups: dict[str, SecurityGroup]) -> SecurityGroupRule:
    source = groups.get(rule.source, rule.source)
    return SecurityGroupRule(
        name=rule.name, group=groups[rule.group], port=rule.port, source=source, description=rule.why
    )


def _flow_logs(params: Params, vpc: Vpc) -> tuple[LogGroup, Role, RolePolicy, FlowLog]:
    # The permissions that AWS asks for, less those to make groups: ours is there already.
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    logs = LogGroup(name="flow-logs", path=f"/runbook/{params.env}/flow-logs", days=params.network.flow_log_days)
    role = Role(name="flow-logs", service="vpc-flow-logs.amazonaws.com")
    actions = ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams")
    permission = RolePolicy(name="flow-logs", role=role, actions=actions, on=(("{}", logs), ("{}:*", logs)))
    return logs, role, permission, FlowLog(name="main", vpc=vpc, log_group=logs, permission=permission)


def _key(public_key: str | None) -> tuple[KeyPair] | tuple[SshKey, KeyPair]:
    if public_key:
        return (KeyPair(name="bastion", public=public_key),)
    made = SshKey(name="bastion-ssh-key")
    return made, KeyPair(name="bastion", public=made)
