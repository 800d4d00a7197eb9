"""Who removes the tag by which a thing is found gets it told, with the command that mends it; never a second one."""

from __future__ import annotations

import shlex

import pytest

from runbook_lib.errors import Ambiguous, IdentityLost
from tests.support.account_inventory import inventory
from tests.support.call_recorder import Wire
from tests.support.stack_runs import Runs, environment, with_sessions

KEY = "runbook:key"


class Site:
    """An environment as it stands."""

    def __init__(self, aws, folder):
        self.aws, self.runs = aws, Runs(aws, folder, Wire())
        self.stacks = environment(with_sessions(), folder)
        self.runs.build(*self.stacks)
        self.inventory = inventory(aws)
        self.seen = {
            resource: one
            for stack in self.stacks
            for resource, one in self.runs.engine().survey(stack, refresh=True).items()
            if one and one.tagging
        }
        self.stack_of = {resource.key: stack for stack in self.stacks for resource in stack}

    def plan(self, key):
        return self.runs.engine().plan(self.stack_of[key]).todo


@pytest.fixture(scope="module")
def site(aws_server, tmp_path_factory):
    aws_server.reset()
    return Site(aws_server, tmp_path_factory.mktemp("site"))


def untag(aws, tagging):
    """Remove the tag by hand."""
    ec2, acm = aws.client("ec2"), aws.client("acm")
    if tagging.api == "acm":
        pair = [{"Key": KEY, "Value": tagging.tags[KEY]}]
        acm.remove_tags_from_certificate(CertificateArn=tagging.target, Tags=pair)
    else:
        ec2.delete_tags(Resources=[first(tagging.target)], Tags=[{"Key": KEY}])


def first(target):
    """The thing itself, before its volumes."""
    return target if isinstance(target, str) else target[0]


def retag(aws, fix):
    """What the operator copies from the error."""
    words = shlex.split(fix.partition(": ")[2])
    key, value = (part.partition("=")[2] for part in words[-1].split(","))
    pair = [{"Key": key, "Value": value}]
    if words[1] == "acm":
        aws.client("acm").add_tags_to_certificate(CertificateArn=words[4], Tags=pair)
    else:
        aws.client("ec2").create_tags(Resources=[words[4]], Tags=pair)


SAMPLE = ("vpc.main", "subnet.public-us-west-2a", "nat_gateway.us-west-2a", "elastic_ip.nat-us-west-2a",
          "security_group.web", "instance.bastion", "launch_template.web", "imported_certificate.web")  # fmt: skip
OTHERS = ("subnet.private-us-west-2b", "internet_gateway.main", "route_table.public", "route_table.private-us-west-2a",
          "vpc_endpoint.s3", "flow_log.main", "key_pair.bastion", "security_group.db", "security_group.alb",
          "security_group.bastion", "security_group.cache")  # fmt: skip


@pytest.mark.parametrize("key", [*SAMPLE, *OTHERS])
def test_a_thing_that_lost_its_key_is_named_and_not_made_again(site, key):
    (resource,) = [one for one in site.seen if one.key == key]
    tagging = site.seen[resource].tagging
    untag(site.aws, tagging)
    with pytest.raises(IdentityLost) as raised:
        site.plan(key)
    told = str(raised.value)
    name = f"local-{resource.name}"
    assert f"{key}: identity lost. " in told
    assert f"has this environment's tags and the name {name}, but not the tag {KEY}={key}" in told
    with pytest.raises(IdentityLost):
        site.runs.engine().apply(site.stack_of[key])
    retag(site.aws, raised.value.fix)
    assert site.plan(key) == ()
    assert inventory(site.aws) == site.inventory


def test_each_thing_that_is_found_by_its_tag_is_tried(site):
    """All others have a name in AWS that no second one can have, and are told by it; of rules, see below."""
    found_by_tag = {one.key for one, seen in site.seen.items() if seen.tagging.api in ("ec2", "acm")}
    kinds = {key.partition(".")[0] for key in found_by_tag} - {"security_group_rule"}
    assert kinds == {key.partition(".")[0] for key in (*SAMPLE, *OTHERS)}


def test_a_rule_that_lost_its_key_is_a_strangers(site):
    """It is revoked, and made again: a rule has nothing that could be lost with it."""
    rule = next(seen for one, seen in site.seen.items() if one.key == "security_group_rule.web-app")
    untag(site.aws, rule.tagging)
    stack = site.stack_of["security_group_rule.web-app"]
    assert {change.key for change in site.plan("security_group_rule.web-app")} >= {"security_group_rule.web-app"}
    site.runs.engine().apply(stack)
    assert site.plan("security_group_rule.web-app") == ()
    assert inventory(site.aws) == site.inventory


def test_a_key_that_somebody_changed_is_an_identity_lost_too(site):
    vpc = next(seen for one, seen in site.seen.items() if one.key == "vpc.main")
    site.aws.client("ec2").create_tags(Resources=[vpc.id], Tags=[{"Key": KEY, "Value": "vpc.other"}])
    with pytest.raises(IdentityLost) as raised:
        site.plan("vpc.main")
    retag(site.aws, raised.value.fix)
    assert site.plan("vpc.main") == ()


def test_two_things_with_one_key_are_both_named(site):
    ec2 = site.aws.client("ec2")
    address = next(seen for one, seen in site.seen.items() if one.key == "elastic_ip.nat-us-west-2a")
    tags = [{"Key": key, "Value": value} for key, value in address.tagging.tags.items()]
    second = ec2.allocate_address(
        Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}]
    )["AllocationId"]  # fmt: skip
    with pytest.raises(Ambiguous) as raised:
        site.plan("elastic_ip.nat-us-west-2a")
    assert address.id in str(raised.value)
    assert second in str(raised.value)
    ec2.release_address(AllocationId=second)
    assert site.plan("elastic_ip.nat-us-west-2a") == ()
