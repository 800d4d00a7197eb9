"""Claim 5 with `nat: none`: nothing leads to the internet, and the web servers reach every endpoint instead."""

from types import SimpleNamespace

import pytest

from runbook_lib.resources.base import Observed
from runbook_lib.resources.interface_endpoint import InterfaceEndpoint
from runbook_lib.stacks.checks.account import Account
from runbook_lib.stacks.checks.claims_of_network import way_out
from runbook_lib.stacks.checks.paths.observe import network_of
from runbook_lib.stacks.environment import whole
from tests.engine.preflight.answers import params

PARAMS = params(network={"nat": "none"})
BLOCK, ANYWHERE = "10.20.0.0/16", "0.0.0.0/0"
ZONES = ("us-west-2a", "us-west-2b")
SUBNETS = [f"subnet-{zone}" for zone in ZONES]
EVERYTHING = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]}


def https(group):
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": f"sg-{group}"}]}


def account(*, web=(EVERYTHING,), let_in="web", routes=(), tags=True, endpoints=None):
    """Two private subnets; an endpoint in each, which lets the members of one group in."""
    local = {"DestinationCidrBlock": BLOCK, "GatewayId": "local", "State": "active", "Origin": "CreateRouteTable"}
    subnets = [
        {"SubnetId": own, "CidrBlock": f"10.20.{number}.0/24", "AvailabilityZone": zone, "Tags": [
            {"Key": "runbook:env", "Value": "local"}, {"Key": "runbook:key", "Value": f"subnet.private-{zone}"}] if tags
            else []}
        for number, (own, zone) in enumerate(zip(SUBNETS, ZONES, strict=True))
    ]  # fmt: skip
    groups = [
        {"GroupId": "sg-alb", "GroupName": "local-alb", "IpPermissions": [], "IpPermissionsEgress": [EVERYTHING]},
        {"GroupId": "sg-web", "GroupName": "local-web", "IpPermissions": [], "IpPermissionsEgress": [*web]},
        {"GroupId": "sg-endpoints", "IpPermissions": [https(let_in)], "IpPermissionsEgress": []},
    ]
    interfaces = [
        {"NetworkInterfaceId": f"eni-{zone}", "SubnetId": own, "InterfaceType": "vpc_endpoint", "SourceDestCheck": True,
         "Groups": [{"GroupId": "sg-endpoints"}], "PrivateIpAddresses": [{"PrivateIpAddress": f"10.20.{number}.9"}]}
        for number, (own, zone) in enumerate(zip(SUBNETS, ZONES, strict=True))
    ]  # fmt: skip
    entries = [
        {"RuleNumber": 100, "Egress": egress, "Protocol": "-1", "CidrBlock": ANYWHERE, "RuleAction": "allow"}
        for egress in (False, True)
    ]
    network = network_of(
        vpc={"VpcId": "vpc-1", "CidrBlock": BLOCK}, subnets=subnets, groups=groups, interfaces=interfaces, nats=[],
        tables=[{"RouteTableId": "rtb-1", "Associations": [{"Main": True}], "Routes": [local, *routes]}],
        acls=[{"NetworkAclId": "acl-1", "Associations": [{"SubnetId": own} for own in SUBNETS], "Entries": entries}],
        gateways=[{"InternetGatewayId": "igw-1"}], prefixes={},
    )  # fmt: skip
    seen = {each: Observed(f"sg-{each.name}", {}, ready=True) for each in whole(PARAMS)}
    for each in whole(PARAMS).every(InterfaceEndpoint):
        seen[each] = Observed(f"vpce-{each.service}", {"subnets": SUBNETS}, ready=True)
    for service, observed in (endpoints or {}).items():
        seen |= {each: observed for each in whole(PARAMS).every(InterfaceEndpoint) if each.service == service}
    aws = SimpleNamespace(ENV="runbook:env", KEY="runbook:key", env="local")
    found = Account(PARAMS, SimpleNamespace(aws=aws, unowned={}), seen)
    found.__dict__["network"] = network
    return found


def problems(**more):
    finding = way_out(account(**more))
    return list(finding.why) if finding.result == "fail" else []


def test_what_the_stack_builds_has_none():
    finding = way_out(account())
    services = ", ".join(each.service for each in whole(PARAMS).every(InterfaceEndpoint))
    assert finding.result == "pass"
    assert finding.why == (f"nothing leads to the internet; endpoints of {services} answer instead",)
    assert {*SUBNETS, "rtb-1", "vpce-ssm", "vpce-logs"} <= set(finding.looked_at)


def test_an_endpoint_that_lets_others_in_only():
    for more in ({"let_in": "alb"}, {"web": ()}):
        found = problems(**more)
        assert [line.partition(":")[0] for line in found] == [
            f"a web server in {own} does not reach eni-{zone}" for own in SUBNETS for zone in ZONES
        ]


def test_a_way_to_the_internet():
    gateway = {"DestinationCidrBlock": ANYWHERE, "GatewayId": "igw-1", "State": "active", "Origin": "CreateRoute"}
    assert problems(routes=[gateway]) == []  # without an address of the internet nobody gets out
    peering = {**gateway, "GatewayId": "tgw-1"}
    found = problems(routes=[peering])
    told = "it reaches the internet, against nat: none: "
    assert [line.partition(told)[:2] for line in found] == [(f"{own}: ", told) for own in SUBNETS]


@pytest.mark.parametrize(
    ("service", "observed", "told"),
    [
        ("ssm", None, "there is no endpoint of ssm"),
        ("logs", Observed("x", {"subnets": SUBNETS}, ready=False, status="pending"), "the endpoint of logs is pending"),
        ("sts", Observed("x", {"subnets": SUBNETS[:1]}, ready=True), "the endpoint of sts is not in subnet-us-west-2b"),
    ],
)
def test_an_endpoint_that_does_not_answer_everywhere(service, observed, told):
    assert problems(endpoints={service: observed}) == [told]


def test_an_environment_without_private_subnets():
    assert problems(tags=False) == ["the environment has no private subnet"]


def test_the_database_is_that_of_the_environment():
    """The account may have others."""
    databases = [{"DBInstanceIdentifier": name} for name in ("another", "local-database", "local-database-2")]
    snapshot = SimpleNamespace(
        all=lambda service, operation, result, **_: databases,
        aws=SimpleNamespace(name=lambda resource: f"local-{resource.name}"),
    )
    assert Account(PARAMS, snapshot, {}).database == {"DBInstanceIdentifier": "local-database"}
    databases[1:2] = []
    assert Account(PARAMS, snapshot, {}).database is None
