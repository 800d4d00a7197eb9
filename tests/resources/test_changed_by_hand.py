"""What somebody changed by hand is drift, or is told: rules of security groups, and policies of roles."""

import json
from types import SimpleNamespace

import pytest

from runbook_lib.engine.orphans import Orphan, find_orphans
from runbook_lib.resources.base import drift_of
from runbook_lib.resources.role import Role
from runbook_lib.resources.role_policy import RolePolicy
from runbook_lib.resources.security_group import SecurityGroup
from runbook_lib.resources.security_group_rule import SecurityGroupRule
from runbook_lib.resources.vpc import Vpc
from runbook_lib.stacks.checks.reachability import _is_too_open

AWS = SimpleNamespace(
    env="test",
    ENV="env",
    KEY="key",
    OWNER="owner",
    OURS="runbook",
    name=lambda one: f"test-{one.name}",
    tag_map=lambda one: {},
)
ROLE = Role(name="web", service="ec2.amazonaws.com")
GROUP = SecurityGroup(name="web", vpc=Vpc(name="main", cidr="10.0.0.0/16"), description="-")
IDS = {ROLE: "test-web", GROUP: "sg-1"}


def tags(**values):
    return [{"Key": key, "Value": value} for key, value in values.items()]


def snapshot(**answers):
    """A look at AWS whose calls are answered by name."""
    return SimpleNamespace(
        aws=AWS,
        is_survey=False,
        get=lambda service, call, **request: answers[call](request) if callable(answers[call]) else answers[call],
        all=lambda service, call, field, **request: answers.get(call, []),
        tagged_with_env=lambda call, field: answers.get(call, []),
    )


# The policy of a role.

POLICY = RolePolicy(
    name="read", role=ROLE, actions=("s3:GetObject", "s3:ListBucket"), on=("arn:aws:s3:::b/*", "arn:aws:s3:::a"),
    when=(("StringEquals", "aws:a", "1"), ("StringEquals", "aws:b", "2"), ("Bool", "aws:c", "true")),
)  # fmt: skip
STATEMENT = {
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:ListBucket"],
    "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::b/*"],
    "Condition": {"StringEquals": {"aws:a": "1", "aws:b": "2"}, "Bool": {"aws:c": "true"}},
}


def policy_drift(*statements):
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    observed = POLICY.observe(snapshot(get_role_policy={"PolicyDocument": document}), IDS)
    return drift_of(observed, POLICY.desired(IDS))


def test_every_condition_of_a_policy_is_written():
    written = []
    iam = SimpleNamespace(put_role_policy=lambda **request: written.append(request))
    POLICY.create(SimpleNamespace(iam=iam, name=AWS.name), IDS)
    (request,) = written
    assert (request["RoleName"], request["PolicyName"]) == ("test-web", "test-read")
    assert json.loads(request["PolicyDocument"]) == {"Version": "2012-10-17", "Statement": [STATEMENT]}
    assert policy_drift(STATEMENT) == frozenset()


@pytest.mark.parametrize(
    "changed",
    [
        {"Effect": "Deny"}, {"Action": ["s3:GetObject"]}, {"Action": [*STATEMENT["Action"], "s3:PutObject"]},
        {"Resource": ["arn:aws:s3:::a"]}, {"Resource": [*STATEMENT["Resource"], "*"]}, {"Resource": "*"},
        {"Condition": {}},
        {"Condition": {**STATEMENT["Condition"], "Bool": {"aws:c": "false"}}},
        {"Condition": {"StringEquals": STATEMENT["Condition"]["StringEquals"]}},
        {"Condition": {**STATEMENT["Condition"], "StringEquals": {"aws:a": "1", "aws:b": ["2", "3"]}}}, {"Sid": "x"},
        {"NotAction": "s3:PutObject"}, {"Principal": "*"},
    ],
)  # fmt: skip
def test_a_policy_that_was_changed_in_any_part_is_drift(changed):
    """Also by a name: nobody but a person writes one."""
    assert policy_drift(STATEMENT | changed) == {"allows"}


def test_a_second_statement_is_drift():
    assert policy_drift(STATEMENT, {"Effect": "Allow", "Action": "*", "Resource": "*"}) == {"allows"}
    assert policy_drift() == {"allows"}


# A rule of a security group.


@pytest.mark.parametrize("source", ["10.0.0.0/8", GROUP], ids=["network", "group"])
@pytest.mark.parametrize(
    ("changed", "drift"),
    [
        ({}, set()), ({"ToPort": 65535}, {"port"}), ({"FromPort": 0}, {"port"}),
        ({"FromPort": 23, "ToPort": 23}, {"port"}),
        ({"IpProtocol": "udp"}, {"port"}), ({"IpProtocol": "-1"}, {"port"}),
        ({"Description": "other"}, {"description"}),
        ({"CidrIpv4": "0.0.0.0/0"}, {"source"}), ({"GroupId": "sg-2"}, {"group"}),
    ],
)  # fmt: skip
def test_a_rule_that_was_widened_is_drift(source, changed, drift):
    """To more ports, another protocol, or everybody."""
    rule = SecurityGroupRule(name="ssh", group=GROUP, port=22, source=source, description="ssh")
    seen = {"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-1", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
            "Description": "ssh", "Tags": tags(env="test", key="security_group_rule.ssh")}  # fmt: skip
    seen |= {"CidrIpv4": source} if isinstance(source, str) else {"ReferencedGroupInfo": {"GroupId": "sg-1"}}
    others = [
        seen | {"SecurityGroupRuleId": "sgr-2", "Tags": tags(env="other", key="security_group_rule.ssh")},
        seen | {"SecurityGroupRuleId": "sgr-3", "Tags": tags(env="test", key="security_group_rule.web")},
    ]
    look = snapshot(
        describe_security_groups=[{"GroupId": "sg-1"}], describe_security_group_rules=[*others, seen | changed]
    )
    observed = rule.observe(look, IDS)
    assert observed.id == "sgr-1"
    assert drift_of(observed, rule.desired(IDS)) == drift


WORLD = ("0.0.0.0/0", "::/0")


@pytest.mark.parametrize("cidr", WORLD)
@pytest.mark.parametrize(
    ("protocol", "low", "high", "too_open"),
    [
        ("tcp", 80, 80, False), ("tcp", 443, 443, False), ("udp", 80, 80, True), ("udp", 443, 443, True),
        ("tcp", 80, 443, True), ("tcp", 22, 22, True), ("tcp", 443, 444, True), ("tcp", 79, 80, True),
        ("-1", None, None, True),
        ("icmp", 8, -1, True), ("tcp", None, None, True), ("17", 443, 443, True), ("6", 443, 443, True),
    ],
)  # fmt: skip
def test_only_the_ports_of_the_web_may_be_open_to_the_world(cidr, protocol, low, high, too_open):
    """By TCP: UDP of the same number is another service."""
    rule = {"IpProtocol": protocol, "FromPort": low, "ToPort": high, "CidrIpv4" if "." in cidr else "CidrIpv6": cidr}
    assert _is_too_open(rule) is too_open
    assert not _is_too_open(rule | {"CidrIpv4": "10.0.0.0/8", "CidrIpv6": ""})


# What is in no stack.


def test_orphans_are_ours_and_those_of_others_are_not_told():
    """Groups and roles are not listed by the tagging API: two of each environment."""
    groups = [
        {"AutoScalingGroupARN": f"asg-{name}-{env}", "Tags": tags(env=env, key=f"group.{name}")}
        for env in ("test", "test2", "prod") for name in ("b", "a")
    ] + [{"AutoScalingGroupARN": "asg-bare", "Tags": []},
        {"AutoScalingGroupARN": "asg-nameless", "Tags": tags(env="test")}]  # fmt: skip
    roles = [{"RoleName": name, "Arn": f"role/{name}"} for name in ("test-a", "test-b", "test2-a", "prod-a", "test-c")]
    of_role = {"test-a": tags(env="test", key="role.a"), "test-b": tags(env="prod", key="role.b")}
    asked = []

    def role_tags(request):
        asked.append(request["RoleName"])
        return {"Tags": of_role[request["RoleName"]]} if request["RoleName"] in of_role else None

    look = snapshot(
        get_resources=[{"ResourceARN": "vpc-1", "Tags": tags(key="vpc.main")}, {"ResourceARN": "vpc-2", "Tags": []}],
        describe_auto_scaling_groups=groups, list_roles=roles, list_role_tags=role_tags,
        get_account_authorization_details=None,
    )  # fmt: skip
    assert find_orphans(look, {"vpc.main", "group.b"}) == [
        Orphan("", "asg-nameless"), Orphan("", "vpc-2"), Orphan("group.a", "asg-a-test"),
        Orphan("role.a", "role/test-a"),
    ]  # fmt: skip
    assert asked == ["test-a", "test-b", "test-c"]
    assert len(find_orphans(look, set())) == 6
