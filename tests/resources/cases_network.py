"""What the contract is tested with, kind by kind: as first wanted, and as wanted later."""

from dataclasses import replace

from runbook_lib.resources.alarm import Alarm
from runbook_lib.resources.bucket import Bucket
from runbook_lib.resources.default_security_group import DefaultSecurityGroup
from runbook_lib.resources.elastic_ip import ElasticIp
from runbook_lib.resources.flow_log import FlowLog
from runbook_lib.resources.instance_connect_endpoint import InstanceConnectEndpoint
from runbook_lib.resources.interface_endpoint import InterfaceEndpoint
from runbook_lib.resources.internet_gateway import InternetGateway
from runbook_lib.resources.key_pair import KeyPair
from runbook_lib.resources.log_group import LogGroup
from runbook_lib.resources.nat_gateway import NatGateway
from runbook_lib.resources.role import Role
from runbook_lib.resources.role_policy import RolePolicy
from runbook_lib.resources.route import Route
from runbook_lib.resources.route_table import RouteTable
from runbook_lib.resources.route_table_association import RouteTableAssociation
from runbook_lib.resources.security_group import SecurityGroup
from runbook_lib.resources.security_group_rule import SecurityGroupRule
from runbook_lib.resources.ssh_key import SshKey
from runbook_lib.resources.subnet import Subnet
from runbook_lib.resources.topic import Topic
from runbook_lib.resources.vpc import Vpc
from runbook_lib.resources.vpc_endpoint import VpcEndpoint
from runbook_lib.resources.vpc_endpoint_route import VpcEndpointRoute

A, B = "us-west-2a", "us-west-2b"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9zKqcd0sYyqCYqoxEEFk8yWxS1RcXjTkXJ5xGJxUqm"

vpc = Vpc(name="main", cidr="10.20.0.0/16")
public = {
    zone: Subnet(name=f"public-{zone}", vpc=vpc, cidr=f"10.20.{n}.0/24", zone=zone) for n, zone in enumerate((A, B))
}
private = {
    zone: Subnet(name=f"private-{zone}", vpc=vpc, cidr=f"10.20.{n}.0/24", zone=zone) for n, zone in enumerate((A, B), 8)
}
gateway = InternetGateway(name="main", vpc=vpc)
address = ElasticIp(name="nat-a")
nat = NatGateway(name="a", subnet=public[A], address=address, gateway=gateway)
nat_b = NatGateway(name="b", subnet=public[B], address=ElasticIp(name="nat-b"), gateway=gateway)
web = SecurityGroup(name="web", vpc=vpc, description="Web servers")
alb = SecurityGroup(name="alb", vpc=vpc, description="Load balancer")
db = SecurityGroup(name="db", vpc=vpc, description="Database")
table = RouteTable(name="private-a", vpc=vpc)
table_b = RouteTable(name="private-b", vpc=vpc)
public_table = RouteTable(name="public", vpc=vpc)
endpoint = VpcEndpoint(name="s3", vpc=vpc, service="s3")
logs = LogGroup(name="flow-logs", path="/runbook/test/flow-logs", days=30)
role = Role(name="flow-logs", service="vpc-flow-logs.amazonaws.com", inline_policies=("flow-logs",))
permission = RolePolicy(name="flow-logs", role=role, actions=("logs:PutLogEvents",), on=(("{}:*", logs),))
ssh_key = SshKey(name="bastion-ssh-key")
READ_ONLY = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


def rule(**changed):
    given = {"group": web, "port": 8080, "source": alb, "description": "from the load balancer"}
    return SecurityGroupRule(name="web-app", **given | changed)


TOPIC = "arn:aws:sns:us-west-2:123456789012:alerts"
topic = Topic(name="alarms", known_as=TOPIC)


def interface_endpoint(**changed):
    given = {"vpc": vpc, "service": "ssm", "subnets": (private[A],), "groups": (web,)}
    return InterfaceEndpoint(name="ssm", **given | changed)


def alarm(**changed):
    given = {
        "metric": "AWS/NATGateway ErrorPortAllocation", "dimensions": (("NatGatewayId", "{}", nat),),
        "statistic": "Maximum", "comparison": ">", "threshold": 0, "periods": 15, "topic": topic, "why": "No port.",
    }  # fmt: skip
    return Alarm(name="nat-a-ports", **given | changed)


CASES = {
    "bucket": (Bucket(name="runbook", kept=False), Bucket(name="runbook", kept=False, expire=(("alb", 30),))),
    "bucket that stays": (Bucket(name="runbook", kept=True), Bucket(name="runbook", versioned=False)),
    "bucket with a lock": (Bucket(name="runbook", kept=False, object_lock=True), None),
    "vpc": (vpc, Vpc(name="main", cidr="10.20.0.0/16", dns_hostnames=False)),
    "default security group": (DefaultSecurityGroup(name="main", vpc=vpc), None),
    "subnet": (public[A], Subnet(name=f"public-{A}", vpc=vpc, cidr="10.20.0.0/24", zone=A, public_ips=True)),
    "internet gateway": (gateway, None),
    "elastic ip": (address, None),
    "nat gateway": (nat, None),
    "security group": (web, None),
    "security group rule": (rule(), rule(port=8081, description="another")),
    "security group rule of a network": (rule(source="203.0.113.0/24"), rule(source="198.51.100.0/24")),
    "route table": (table, None),
    "route to the internet": (Route(name="public", table=public_table, via=gateway), None),
    "route to nat": (Route(name="private-a", table=table, via=nat), Route(name="private-a", table=table, via=nat_b)),
    "route table association": (
        RouteTableAssociation(name="private-b", table=table, subnet=private[B]),
        RouteTableAssociation(name="private-b", table=table_b, subnet=private[B]),
    ),
    "log group": (logs, LogGroup(name="flow-logs", path="/runbook/test/flow-logs", days=90)),
    "role": (role, replace(role, service="ec2.amazonaws.com", policies=(READ_ONLY,))),
    "role policy": (
        permission,
        RolePolicy(
            name="flow-logs",
            role=role,
            actions=("logs:PutLogEvents", "logs:CreateLogStream"),
            on=(("{}:*", logs), "arn:aws:logs:us-west-2:123456789012:log-group:other"),
            when=(("StringEquals", "aws:SourceAccount", "123456789012"),),
        ),
    ),
    "flow log": (FlowLog(name="main", vpc=vpc, log_group=logs, permission=permission), None),
    "vpc endpoint": (endpoint, None),
    "vpc endpoint route": (VpcEndpointRoute(name="private-a", endpoint=endpoint, table=table), None),
    "interface endpoint": (
        interface_endpoint(),
        interface_endpoint(subnets=(private[A], private[B]), groups=(db,)),
    ),
    "instance connect endpoint": (InstanceConnectEndpoint(name="bastion", subnet=private[A], groups=(web,)), None),
    "topic": (topic, None),
    "alarm": (alarm(), alarm(statistic="p90", comparison="<", threshold=2.5, periods=3, why="-", missing="breaching")),
    "ssh key": (ssh_key, None),
    "key pair made here": (KeyPair(name="bastion", public=ssh_key), None),
    "key pair brought along": (KeyPair(name="bastion", public=f"{PUBLIC_KEY} someone@example"), None),
}
