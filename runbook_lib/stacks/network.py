"""The network stack: VPC, subnets, routes, security groups and flow logs, and the environment's bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..params import Params
from ..resources.bucket import Bucket
from ..resources.default_security_group import DefaultSecurityGroup
from ..resources.elastic_ip import ElasticIp
from ..resources.flow_log import FlowLog
from ..resources.interface_endpoint import InterfaceEndpoint
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
from .alarms import alarm_topic, nat_alarms
from .stack import Stack

# What the servers' agents and the application call, beside S3.
_SERVICES = (
    "ssm", "ssmmessages", "ec2messages", "codedeploy", "codedeploy-commands-secure", "secretsmanager", "logs",
    "monitoring", "sts",
)  # fmt: skip


class _Subnets(NamedTuple):
    """The subnets by zone."""

    public: dict[str, Subnet]
    private: dict[str, Subnet]


def network(params: Params) -> Stack:
    """The stack of ``01_network``.

    Resources of a zone are named after it, so that adding a zone changes no other zone.  A single
    NAT gateway is in the first zone of the parameters.
    """
    settings, topic = params.network, alarm_topic(params)
    vpc = Vpc(name="main", cidr=str(settings.vpc_cidr))
    subnets = _subnets(params, vpc)
    gateway = InternetGateway(name="main", vpc=vpc)
    table_zones = list(settings.zones) if settings.nat == "per_zone" else list(settings.zones)[:1]
    nat_zones = table_zones if settings.nat != "none" else []
    addresses = {zone: ElasticIp(name=f"nat-{zone}") for zone in nat_zones}
    nats = {
        zone: NatGateway(name=zone, subnet=subnets.public[zone], address=addresses[zone], gateway=gateway)
        for zone in nat_zones
    }
    public_table = RouteTable(name="public", vpc=vpc)
    endpoint = VpcEndpoint(name="s3", vpc=vpc, service="s3")
    rules = _ingress_rules(params)
    groups = _groups(params, vpc, rules)
    return Stack(
        "network",
        bucket=_bucket(params),
        vpc=(vpc, DefaultSecurityGroup(name="main", vpc=vpc)),
        subnets=(*subnets.public.values(), *subnets.private.values()),
        gateway=gateway,
        nat=(*addresses.values(), *nats.values(), *nat_alarms(topic, nats.values())),
        security_groups=tuple(groups.values()),
        rules=(_rule(rule, groups) for rule in rules),
        flow_logs=_flow_logs(params, vpc),
        key=_key(settings.public_key) if params.compute.bastion == "ssh" else (),
        public_routes=(
            public_table,
            Route(name="public", table=public_table, via=gateway),
            *(RouteTableAssociation(name=s.name, table=public_table, subnet=s) for s in subnets.public.values()),
        ),
        endpoint=(
            endpoint,
            VpcEndpointRoute(name="public", endpoint=endpoint, table=public_table),
            *_interface_endpoints(params, vpc, subnets, groups),
        ),
        private_routes=_private_routes(vpc, subnets, table_zones, nats, endpoint),
    )


def _subnets(params: Params, vpc: Vpc) -> _Subnets:
    zones = params.network.zones.items()
    return _Subnets(
        {zone: Subnet(name=f"public-{zone}", vpc=vpc, cidr=str(nets.public), zone=zone) for zone, nets in zones},
        {zone: Subnet(name=f"private-{zone}", vpc=vpc, cidr=str(nets.private), zone=zone) for zone, nets in zones},
    )


def _bucket(params: Params) -> Bucket:
    return Bucket(
        name="runbook",
        expire=(("alb", params.compute.access_log_days),),
        kept=params.guards.keep_bucket,
        object_lock=params.evidence.object_lock is not None,
    )


def _interface_endpoints(
    params: Params, vpc: Vpc, subnets: _Subnets, groups: dict[str, SecurityGroup]
) -> Iterator[InterfaceEndpoint]:
    """Where nothing leads to the internet: what the servers call, in each zone; S3 has its gateway endpoint.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/vpc-endpoints.html
    https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html
    """
    if params.network.nat == "none":
        for service in _SERVICES:
            yield InterfaceEndpoint(
                name=service,
                vpc=vpc,
                service=service,
                subnets=tuple(subnets.private.values()),
                groups=(groups["endpoints"],),
            )


def _private_routes(
    vpc: Vpc, subnets: _Subnets, zones: list[str], nats: dict[str, NatGateway], endpoint: VpcEndpoint
) -> tuple[RouteTable | VpcEndpointRoute | Route | RouteTableAssociation, ...]:
    """One table for each of the zones; others use the first."""
    tables = {zone: RouteTable(name=f"private-{zone}", vpc=vpc) for zone in zones}
    first = next(iter(tables.values()))
    return (
        *tables.values(),
        *(VpcEndpointRoute(name=t.name, endpoint=endpoint, table=t) for t in tables.values()),
        *(Route(name=tables[zone].name, table=tables[zone], via=nat) for zone, nat in nats.items()),
        # Last: when a subnet moves to another table, that table has its routes already.
        *(
            RouteTableAssociation(name=s.name, table=tables.get(zone, first), subnet=s)
            for zone, s in subnets.private.items()
        ),
    )


def _groups(params: Params, vpc: Vpc, rules: tuple[_Rule, ...]) -> dict[str, SecurityGroup]:
    # The database's first: a database takes longest of all, and needs none of the others.
    descriptions = {"db": "Database", "alb": "Load balancer", "bastion": "Bastion", "web": "Web servers"}
    if params.compute.bastion == "none":
        del descriptions["bastion"]
    if _has_cache(params):
        descriptions["cache"] = "Session cache"
    if params.network.nat == "none":
        descriptions["endpoints"] = "Endpoints of AWS services"
    return {
        name: SecurityGroup(
            name=name, vpc=vpc, description=description, rules=tuple(rule.name for rule in rules if rule.group == name)
        )
        for name, description in descriptions.items()
    }


class _Rule(NamedTuple):
    """An ingress rule: the name of its group, and as source a network or the name of another group."""

    name: str
    group: str
    port: int
    source: str
    description: str


def _ingress_rules(params: Params) -> tuple[_Rule, ...]:
    mode = params.compute.bastion
    insiders = ("web", *(("bastion",) if mode != "none" else ()))
    return (
        _Rule("alb-http", "alb", 80, "0.0.0.0/0", "HTTP from anywhere, to be redirected"),
        _Rule("alb-https", "alb", 443, "0.0.0.0/0", "HTTPS from anywhere"),
        *(
            _Rule(f"bastion-ssh-{cidr}", "bastion", 22, str(cidr), "SSH from administrators")
            for cidr in (params.network.admin_cidrs if mode == "ssh" else ())
        ),
        _Rule("web-app", "web", params.compute.app_port, "alb", "Requests from the load balancer"),
        *([_Rule("web-ssh", "web", 22, "bastion", "SSH from the bastion")] if mode != "none" else ()),
        _Rule("db-mysql", "db", 3306, "web", "MySQL from the web servers"),
        *([_Rule("cache-valkey", "cache", 6379, "web", "Valkey from the web servers")] if _has_cache(params) else ()),
        *(
            _Rule(f"endpoints-{group}", "endpoints", 443, group, "HTTPS to AWS services")
            for group in (insiders if params.network.nat == "none" else ())
        ),
    )


def _has_cache(params: Params) -> bool:
    return params.data.sessions.store == "elasticache"


def _rule(rule: _Rule, groups: dict[str, SecurityGroup]) -> SecurityGroupRule:
    source = groups.get(rule.source, rule.source)
    return SecurityGroupRule(
        name=rule.name, group=groups[rule.group], port=rule.port, source=source, description=rule.description
    )


def _flow_logs(params: Params, vpc: Vpc) -> tuple[LogGroup, Role, RolePolicy, FlowLog]:
    # The permissions that AWS documents, without those to create log groups: ours exists already.
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    logs = LogGroup(name="flow-logs", path=f"/runbook/{params.env}/flow-logs", days=params.network.flow_log_days)
    source = f"arn:aws:ec2:{params.region}:{params.account}:vpc-flow-log/*"
    role = Role(
        name="flow-logs",
        service="vpc-flow-logs.amazonaws.com",
        source=source,
        inline_policies=("flow-logs",),
        boundary=params.permissions_boundary,
    )
    actions = ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams")
    permission = RolePolicy(name="flow-logs", role=role, actions=actions, on=(("{}", logs), ("{}:*", logs)))
    return logs, role, permission, FlowLog(name="main", vpc=vpc, log_group=logs, permission=permission)


def _key(public_key: str | None) -> tuple[KeyPair] | tuple[SshKey, KeyPair]:
    if public_key:
        return (KeyPair(name="bastion", public=public_key),)
    generated = SshKey(name="bastion-ssh-key")
    return generated, KeyPair(name="bastion", public=generated)
