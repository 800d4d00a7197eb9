"""What a plan costs in calls, and what it says when the parameters grow.

A no-op plan makes at most one list call, with its pages, for each kind and notebook; what AWS tells
only of one thing at a time is asked once for each of those; and more subnets cost nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from math import inf

import pytest

from runbook_lib.engine.engine import Engine
from runbook_lib.stacks.network import network
from tests.support.call_recorder import Wire
from tests.support.stack_runs import PARAMS, THIRD, Runs, environment, with_network

NOTEBOOKS = ("network", "data", "compute", "deploy")

# What AWS tells only of one thing at a time, and why no list call tells it.
ONE_BY_ONE = {
    "ec2.DescribeVpcAttribute": "one attribute of one VPC per call",
    "ec2.DescribeLaunchTemplateVersions": "across templates it takes no word for the newest and the default version",
    "s3.GetBucketTagging": "S3 lists names only",
    "s3.GetBucketVersioning": "S3 lists names only",
    "s3.GetBucketEncryption": "S3 lists names only",
    "s3.GetBucketLifecycleConfiguration": "S3 lists names only",
    "s3.GetBucketPolicy": "S3 lists names only",
    "s3.GetPublicAccessBlock": "S3 lists names only",
    "iam.GetInstanceProfile": "IAM's list may be late, and has no tags",
    "secrets-manager.DescribeSecret": "the list may be five minutes late",
    "cloudwatch-logs.ListTagsForResource": "log groups are listed without their tags",
    "rds.ListTagsForResource": "subnet and parameter groups are listed without their tags",
    "rds.DescribeDBParameters": "one group's parameters per call",
    "acm.ListTagsForCertificate": "certificates are listed without their tags",
    "acm.DescribeCertificate": "a list tells no validation record and no cause of failure",
    "elastic-load-balancing-v2.DescribeTags": "load balancers and target groups are listed without their tags",
    "elastic-load-balancing-v2.DescribeLoadBalancerAttributes": "one load balancer's attributes per call",
    "elastic-load-balancing-v2.DescribeTargetGroupAttributes": "one target group's attributes per call",
    "elastic-load-balancing-v2.DescribeListeners": "one load balancer's listeners per call",
    "elastic-load-balancing-v2.DescribeRules": "one listener's rules per call",
    "ssm.GetParameter": "AWS's public image parameter is not in a folder of ours",
    "ssm.ListTagsForResource": "parameters are listed without their tags",
    "codedeploy.GetDeploymentGroup": "CodeDeploy lists names only, and batches only within one application",
    "codedeploy.GetDeployment": "CodeDeploy lists ids only",
    "codedeploy.ListTagsForResource": "CodeDeploy lists names only",
    "codedeploy.ListDeploymentTargets": "the servers of one deployment per call",
}
# A server that was launched after the last deployment has one of its own, which is looked up.
ONE_SERVER_LATER = {"codedeploy.BatchGetDeployments", "codedeploy.ListDeploymentTargets", "codedeploy.ListDeployments"}
# Two kinds that ask the same operation for different things: ours by their tags, and what AWS made itself.
TWO_KINDS = {
    "ec2.DescribeSecurityGroups": "the VPC's default group, which carries no tags",
    "ec2.DescribeRouteTables": "the tables of the VPC that a subnet may follow though they are not ours",
}
_NEXT_PAGE = re.compile(r"(marker|next-?token|continuation-?token|nexttoken)\W", re.IGNORECASE)


def asked(runs, stack):
    """The reads of a notebook that plans: its whole stack, each part, and the removal that it shows."""
    runs.wire.asked.clear()
    engine: Engine = runs.engine(snapshot_age=inf)
    assert engine.plan(stack).todo == ()
    for part in stack.parts:
        assert engine.plan(getattr(stack, part)).todo == ()
    engine.plan(stack, present=False)
    return list(runs.wire.asked)


def planned(runs, stack):
    """What a plan wants done: key, action, and the names of the fields."""
    return {(c.key, c.action.value): set(c.fields) for c in runs.engine().plan(stack).todo}


@dataclass
class Growth:
    """What was asked of two zones, what a plan said of a third, and what was asked of three."""

    two: dict
    plans: dict
    three: dict


@pytest.fixture(scope="module")
def growth(aws_server, tmp_path_factory):
    aws_server.reset()
    runs = Runs(aws_server, tmp_path_factory.mktemp("growth"), Wire())
    small = dict(zip(NOTEBOOKS, environment(PARAMS, runs.folder), strict=True))
    large = dict(zip(NOTEBOOKS, environment(with_network(zones=THIRD), runs.folder), strict=True))
    runs.build(*small.values())
    two = {name: asked(runs, stack) for name, stack in small.items()}
    plans = {name: planned(runs, stack) for name, stack in large.items()}
    runs.build(*large.values())
    return Growth(two, plans, {name: asked(runs, stack) for name, stack in large.items()})


@pytest.mark.parametrize("notebook", NOTEBOOKS)
class TestWhatAPlanAsks:
    def test_nothing_is_asked_twice(self, growth, notebook):
        for calls in (growth.two[notebook], growth.three[notebook]):
            assert [call for call, times in Counter(calls).items() if times > 1] == []

    def test_one_list_call_for_each_kind(self, growth, notebook):
        lists = Counter(call.name for call in growth.three[notebook] if not _NEXT_PAGE.search(call.body + call.url))
        many = {name for name, times in lists.items() if times > (2 if name in TWO_KINDS else 1)}
        assert many - set(ONE_BY_ONE) == set()

    def test_a_zone_more_costs_no_call_more(self, growth, notebook):
        two, three = (Counter(call.name for call in calls[notebook]) for calls in (growth.two, growth.three))
        more = three - two
        assert set(more) <= ONE_SERVER_LATER
        assert max(more.values(), default=0) <= 1
        assert three - more == two
        assert two.total() > 15


def test_every_exception_is_still_one(growth):
    """The list above names nothing that no plan asks, or that is never asked for more than one thing."""
    names = {call.name for calls in growth.three.values() for call in calls}
    assert set(ONE_BY_ONE) | set(TWO_KINDS) <= names


class TestAnotherZone:
    def test_the_network_only_gets_what_is_the_zones_own(self, growth):
        assert set(growth.plans["network"]) == {
            ("subnet.public-us-west-2c", "create"),
            ("subnet.private-us-west-2c", "create"),
            ("route_table_association.public-us-west-2c", "create"),
            ("route_table_association.private-us-west-2c", "create"),
        }

    def test_what_spans_the_zones_is_changed_in_that_and_nothing_else(self, growth):
        assert growth.plans["data"] == {("db_subnet_group.private", "update"): {"subnets"}}
        assert growth.plans["compute"] == {
            ("load_balancer.web", "update"): {"subnets"},
            ("auto_scaling_group.web", "update"): {"subnets", "least", "most"},
        }
        assert growth.plans["deploy"] == {}

    def test_with_a_nat_gateway_in_each_zone_the_neighbours_keep_theirs(self, aws, tmp_path):
        runs = Runs(aws, tmp_path, Wire())
        runs.build(network(with_network(nat="per_zone")))
        grown = planned(runs, network(with_network(nat="per_zone", zones=THIRD)))
        assert {action for _, action in grown} == {"create"}
        assert {key for key, _ in grown if not key.endswith("us-west-2c")} == set()
        assert {key.partition(".")[0] for key, _ in grown} == {
            "subnet", "elastic_ip", "nat_gateway", "route_table", "route", "route_table_association",
            "vpc_endpoint_route",
        }  # fmt: skip


def test_one_rule_comes_and_goes_alone(aws, tmp_path):
    """No other rule is touched: what came by one call goes by one call, when the parameters no longer name it."""
    runs = Runs(aws, tmp_path, Wire())
    before = network(PARAMS)
    more = network(with_network(admin_cidrs=["203.0.113.0/24", "198.51.100.7/32"]))
    key = "security_group_rule.bastion-ssh-198.51.100.7/32"
    runs.build(before)
    runs.wire.wrote.clear()
    assert planned(runs, more) == {(key, "create"): {"group", "port", "source", "description"}}
    runs.build(more)
    assert runs.wire.wrote == ["ec2.AuthorizeSecurityGroupIngress"]
    assert planned(runs, before) == {(key, "delete"): {"group", "port", "source", "description"}}
    runs.build(before)
    assert runs.wire.wrote[1:] == ["ec2.RevokeSecurityGroupIngress"]
    assert runs.left_to_do(before) == []
