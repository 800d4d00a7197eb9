"""A whole environment as AWS describes it, which a test changes before the claims look at it.

Everything is as promised at first: two zones, a NAT gateway, two web servers behind a load balancer, a bastion and a
database.  The library's own snapshot reads it; only the calls to AWS are answered from here.
"""

import json
from dataclasses import replace
from functools import cache
from itertools import product

from runbook_lib.aws.client import Aws
from runbook_lib.aws.shared_reads import Reads
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.errors import RequestRejected
from runbook_lib.resources.base import Observed
from runbook_lib.stacks.checks.account import Account
from runbook_lib.stacks.environment import whole
from tests.engine.preflight.answers import params
from tests.stacks.checks.described import call

A, B = "us-west-2a", "us-west-2b"
ANYONE, OFFICE, TARGETS = "0.0.0.0/0", "203.0.113.0/24", "arn:targets"


@cache
def _settings(environments, values):
    """The parameters of `local` with some of their values, and the environment that they ask for."""
    sections = {}
    for name, value in json.loads(values).items():
        section, _, field = name.partition("_")
        sections.setdefault(section, {})[field] = value
    own = params(**sections)
    if environments:
        github = {"repository": "owner/name", "environments": environments}
        own = type(own).model_validate(own.model_dump(mode="json") | {"github": github})
    return own, whole(own)


def allow(low, *peers, high=None, protocol="tcp"):
    """A permission of a security group; a peer is a network or a group."""
    ports = {} if low is None else {"FromPort": low, "ToPort": low if high is None else high}
    return {
        "IpProtocol": protocol, **ports, "IpRanges": [{"CidrIp": each} for each in peers if "." in each],
        "Ipv6Ranges": [{"CidrIpv6": each} for each in peers if ":" in each],
        "UserIdGroupPairs": [{"GroupId": each} for each in peers if each.startswith("sg-")],
    }  # fmt: skip


EVERYTHING = allow(None, ANYONE, protocol="-1")


def route(block, target, **more):
    """A route, to a target of the kind that its id says."""
    field = {"nat": "NatGatewayId", "pcx": "VpcPeeringConnectionId", "tgw": "TransitGatewayId"}
    kind = field.get(target.partition("-")[0], "GatewayId")
    where = "DestinationIpv6CidrBlock" if ":" in block else "DestinationCidrBlock"
    return {where: block, kind: target, "State": "active", "Origin": "CreateRoute", **more}


def tags(**pairs):
    """Tags of this environment; more of them, or others."""
    own = {"runbook:owner": "runbook", "runbook:env": "local", **{f"runbook:{key}": pairs[key] for key in pairs}}
    return [{"Key": key, "Value": value} for key, value in own.items()]


class _Answers(Aws):
    """The door to an AWS that answers the calls that it is given; the text of an answer is the code of an error."""

    def __init__(self, answers):
        self.env, self.region, self.account, self._labels = "local", "us-west-2", "123456789012", {}
        self.reads, self._answers = Reads(), answers

    def _send(self, service, operation, **request):
        answer = self._answers[call(service, operation, **request)]
        if isinstance(answer, str):
            raise RequestRejected(f"{operation} was refused", fix="", code=answer)
        return answer

    def pages(self, service, operation, result, **request):
        return self._send(service, operation, **request)[result]

    def client(self, service):
        answers = self

        class Client:
            def __getattr__(self, operation):
                return lambda **request: answers._send(service, operation, **request)

        return Client()


class Site:
    """The environment; its descriptions are there to be changed.

    All are by their ids; ``tables`` has the route table of each subnet, and ``health`` the state of each target.

    Args:
        environments: Those of GitHub from which a push deploys; without any, the parameters name no repository.
        values: Other values of the parameters, named by their section: ``network_nat="none"``.
    """

    def __init__(self, environments=(), **values):
        self.params, self.environment = _settings(environments, json.dumps(values))
        self.vpc = "vpc-1"
        self.vpcs = [{"VpcId": "vpc-1", "CidrBlock": "10.20.0.0/16", "Tags": tags(key="vpc.main")}]
        self.subnets = {}
        for number, (tier, zone) in enumerate(product(("public", "private"), (A, B))):
            more = {"AvailabilityZone": zone, "Tags": tags(key=f"subnet.{tier}-{zone}")}
            self.subnets[f"subnet-{tier}-{zone[-1]}"] = {"CidrBlock": f"10.20.{number}.0/24", **more}
        self.routes = {
            name: [route("10.20.0.0/16", "local", Origin="CreateRouteTable"), route(ANYONE, target)]
            for name, target in (("rtb-public", "igw-1"), ("rtb-private", "nat-1"))
        }
        self.tables = {each: f"rtb-{each.split('-')[1]}" for each in self.subnets}
        self.entries = [
            {"RuleNumber": 100, "Egress": out, "Protocol": "-1", "CidrBlock": ANYONE, "RuleAction": "allow"}
            for out in (False, True)
        ]
        self.ingress = {
            "sg-alb": [allow(80, ANYONE), allow(443, ANYONE)],
            "sg-bastion": [allow(22, OFFICE)],
            "sg-web": [allow(8080, "sg-alb"), allow(22, "sg-bastion")],
            "sg-db": [allow(3306, "sg-web")],
        }
        self.egress = {each: [EVERYTHING] for each in self.ingress}
        self.names = {each: each.replace("sg-", "local-") for each in self.ingress}
        self.interfaces, self.gateways = {}, ["igw-1"]
        self.nats = {"nat-1": {"SubnetId": "subnet-public-a", "State": "available"}}
        for zone in "ab":
            elb = {"Description": f"ELB app/local-web/50dc{zone}", "RequesterId": "amazon-elb"}
            self.add(f"eni-alb-{zone}", f"subnet-public-{zone}", "sg-alb", public=True, **elb)
            self.add(f"eni-web-{zone}", f"subnet-private-{zone}", "sg-web", instance=f"i-{zone}")
        self.add("eni-nat", "subnet-public-a", public=True, InterfaceType="nat_gateway")
        self.add("eni-bastion", "subnet-public-a", "sg-bastion", public=True, instance="i-bastion")
        self.add("eni-db", "subnet-private-a", "sg-db", RequesterId="amazon-rds")
        self.instances = [{"InstanceId": "i-bastion", "Tags": tags(key="instance.bastion")}]
        self.database = {
            "DBInstanceIdentifier": "local-database", "PubliclyAccessible": False, "MultiAZ": False,
            "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-db", "Status": "active"}],
            "DBSubnetGroup": {"Subnets": [{"SubnetIdentifier": f"subnet-private-{zone}"} for zone in "ab"]},
        }  # fmt: skip
        self.health = {"i-a": "healthy", "i-b": "healthy"}
        self.observed = {each: Observed(f"id of {each.key}", {}) for each in self.environment}
        self.see("vpc", "vpc-1")
        self.see("security_group.web", "sg-web")
        self.see("auto_scaling_group", "local-web", instances={"i-a": A, "i-b": B})
        self.see("target_group", TARGETS)
        self.answers = {}

    def add(self, name, subnet, *groups, public=False, instance="", **more):
        """An interface, at the next address of its subnet."""
        number = 10 + len(self.interfaces)
        address = self.subnets[subnet]["CidrBlock"].replace("0/24", str(number))
        self.interfaces[name] = {
            "SubnetId": subnet, "PrivateIpAddresses": [{"PrivateIpAddress": address}], "Attachment": {
                "InstanceId": instance}, "Groups": [{"GroupId": each} for each in groups],
            **({"Association": {"PublicIp": f"198.18.0.{number}"}} if public else {}), **more,
        }  # fmt: skip

    def keyed(self, key):
        """The resources whose key begins so."""
        return [each for each in self.environment if each.key.startswith(key)]

    def see(self, key, id_, state=None, ready=True, status="", **detail):
        """What is observed of the resources of a kind, or of one: its id, or ``None`` where it does not exist."""
        seen = None if id_ is None else Observed(id_, state or {}, ready=ready, status=status, detail=detail)
        for resource in self.keyed(key):
            self.observed[resource] = seen

    def answer(self, service, operation, answer, **request):
        """What AWS answers to a call; a text is the code of an error."""
        self.answers[call(service, operation, **request)] = answer

    def snapshot(self, unowned=None):
        """A snapshot of the account, as it is now."""
        within = [{"Name": "vpc-id", "Values": [self.vpc]}]
        marked = [{"Name": "tag-key", "Values": [Aws.OWNER, Aws.ENV, Aws.KEY]}]
        associated = {
            name: [{"SubnetId": own} for own in self.tables if self.tables[own] == name] for name in self.routes
        }
        described = {
            "describe_subnets": ("Subnets", [{"SubnetId": own, **each} for own, each in self.subnets.items()]),
            "describe_route_tables": ("RouteTables", [
                {"RouteTableId": own, "Routes": routes, "Associations": associated[own]}
                for own, routes in self.routes.items()]),
            "describe_network_acls": ("NetworkAcls", [
                {"NetworkAclId": "acl-1", "Entries": self.entries,
                 "Associations": [{"SubnetId": own} for own in self.subnets]}]),
            "describe_security_groups": ("SecurityGroups", [
                {"GroupId": own, "GroupName": self.names[own], "IpPermissions": self.ingress[own],
                 "IpPermissionsEgress": self.egress[own]} for own in self.ingress]),
            "describe_network_interfaces": ("NetworkInterfaces", [
                {"NetworkInterfaceId": own, **each} for own, each in self.interfaces.items()]),
        }  # fmt: skip
        answers = {call("ec2", own, Filters=within): {result: items} for own, (result, items) in described.items()}
        nats = [{"NatGatewayId": own, **each} for own, each in self.nats.items()]
        gateways = [{"InternetGatewayId": each} for each in self.gateways]
        attached = [{"Name": "attachment.vpc-id", "Values": [self.vpc]}]
        reservations = [{"Instances": [each]} for each in self.instances]
        health = [{"Target": {"Id": own}, "TargetHealth": {"State": state}} for own, state in self.health.items()]
        answers |= {
            call("ec2", "describe_nat_gateways", Filter=within): {"NatGateways": nats},
            call("ec2", "describe_internet_gateways", Filters=attached): {"InternetGateways": gateways},
            call("ec2", "describe_vpcs", Filters=marked): {"Vpcs": self.vpcs},
            call("ec2", "describe_instances", Filters=marked): {"Reservations": reservations},
            call("rds", "describe_db_instances"): {"DBInstances": [self.database] if self.database else []},
            call("elbv2", "describe_target_health", TargetGroupArn=TARGETS): {"TargetHealthDescriptions": health},
        }  # fmt: skip
        return Snapshot(_Answers(answers | self.answers), unowned)

    def account(self, unowned=None):
        """The account with what the survey has observed.

        Args:
            unowned: Where to note what may be somebody else's, as a snapshot takes it.
        """
        account = Account(self.params, self.snapshot(unowned), self.observed)
        account.__dict__["environment"] = self.environment
        return account


def told(finding):
    """A finding's verdict and its sentences."""
    return finding.result, list(finding.why)


def without_groups(site, *names):
    """The account, where some interfaces are subject to no security group."""
    account = site.account()
    network = account.network
    bare = {name: replace(network.interfaces[name], groups=None) for name in names}
    account.__dict__["network"] = replace(network, interfaces={**network.interfaces, **bare})
    return account
