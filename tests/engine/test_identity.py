"""Who removes a tag by which a thing is known gets it told, with the command that mends it; never a second one."""

from __future__ import annotations

import shlex
from collections import Counter
from ipaddress import ip_network
from itertools import product

import pytest

from runbook_lib.engine.plan import Action
from runbook_lib.errors import Ambiguous, Blocked, IdentityLost, NotOwned
from runbook_lib.stacks.network import network
from runbook_lib.stacks.stack import Stack
from tests.support.account_inventory import inventory
from tests.support.call_recorder import Wire
from tests.support.stack_runs import PARAMS, Runs, environment, with_sessions
from tests.support.untagging import untag

ENV, KEY, OWNER = "runbook:env", "runbook:key", "runbook:owner"


class Site:
    """An environment as it stands."""

    def __init__(self, aws, folder):
        self.aws, self.runs = aws, Runs(aws, folder, Wire())
        self.stacks = environment(with_sessions(), folder)
        self.runs.build(*self.stacks)
        self.inventory = inventory(aws)
        self.seen = {
            resource.key: one
            for stack in self.stacks
            for resource, one in self.runs.engine().survey(stack, refresh=True).items()
            if one and one.tagging
        }
        self.stack_of = {resource.key: stack for stack in self.stacks for resource in stack}

    def plan(self, key, **adopted):
        return self.runs.engine(**adopted).plan(self.stack_of[key]).todo

    def plans(self):
        """All changes that the plans of the four notebooks have."""
        engine = self.runs.engine()
        return [change for stack in self.stacks for change in engine.plan(stack).todo]


@pytest.fixture(scope="module")
def site(aws_server, tmp_path_factory):
    aws_server.reset()
    return Site(aws_server, tmp_path_factory.mktemp("site"))


def adopted(fix):
    """What the operator copies from the error: the command's key and id."""
    words = shlex.split(fix.partition(": ")[2])
    assert words[:4] == ["runbook", "adopt", "--env", "local"]
    return dict([words[4:]])


SAMPLE = ("vpc.main", "security_group.web", "role.web", "db_instance.database")
OTHERS = (
    "subnet.public-us-west-2a", "instance.bastion", "launch_template.web", "imported_certificate.web", "bucket.runbook",
    "nat_gateway.us-west-2a", "elastic_ip.nat-us-west-2a", "subnet.private-us-west-2b", "internet_gateway.main",
    "route_table.public", "route_table.private-us-west-2a", "vpc_endpoint.s3", "flow_log.main", "key_pair.bastion",
    "security_group.db", "security_group.alb", "security_group.bastion", "security_group.cache",
    "log_group.flow-logs", "instance_profile.web", "db_subnet_group.private", "db_parameter_group.mysql",
    "cache_replication_group.sessions", "cache_subnet_group.private", "load_balancer.web", "target_group.web",
    "auto_scaling_group.web", "configuration_parameter.web/config", "application.web", "deployment_group.web",
    "random_secret.web/session", "ssh_key.bastion-ssh-key",
)  # fmt: skip
NAMELESS = {"security_group_rule", "listener", "redirect_listener"}
"""A rule has nothing that could be lost with it; a load balancer has one listener at a port."""


def each(keys):
    """Each thing and each of its tags.  `make test` takes the keys of the sample, and one environment."""
    for key, tag in product(keys, (KEY, ENV)):
        sampled = key in SAMPLE and (tag == KEY or key == SAMPLE[0])
        yield pytest.param(key, tag, id=f"{key}-{tag}", marks=() if sampled else pytest.mark.exhaustive)


@pytest.mark.parametrize(("key", "tag"), list(each(SAMPLE + OTHERS)))
def test_a_thing_that_lost_a_tag_is_named_and_not_made_again(site, key, tag):
    """The rest is planned beside it: nothing else differs."""
    untag(site.aws, site.seen[key].tagging, tag)
    before = inventory(site.aws)
    (change,) = site.plans()
    assert (change.key, change.action) == (key, Action.BLOCKED)
    assert change.reason.startswith("identity lost. ")
    assert f"has its name and its other tags, but not the tag {tag}=" in change.reason
    stack = site.stack_of[key]
    for act in (site.runs.engine().apply, site.runs.engine().destroy):
        with pytest.raises(IdentityLost, match=rf"{tag}="):
            act(stack)
    (refused,) = [one for one in site.runs.engine().plan(stack, present=False).todo if one.key == key]
    assert refused.action is Action.BLOCKED
    assert inventory(site.aws) == before

    wanted = adopted(change.fix)
    assert list(wanted) == [key]
    (mended,) = site.plan(key, adopted=wanted)
    assert (mended.key, mended.action, set(mended.fields)) == (key, Action.UPDATE, {"tags"})
    site.runs.engine(adopted=wanted).apply(stack)
    assert site.plans() == []
    assert inventory(site.aws) == site.inventory


def test_each_kind_of_thing_that_has_tags_is_tried(site):
    kinds = {key.partition(".")[0] for key in (*SAMPLE, *OTHERS)} | NAMELESS
    assert {key.partition(".")[0] for key in site.seen} == kinds


def test_a_tag_that_says_whose_tool_made_it_is_written_again(site):
    """Environment and key say enough; it is drift like that of any other tag."""
    for key in ("vpc.main", "role.web"):
        untag(site.aws, site.seen[key].tagging, OWNER)
        (change,) = site.plans()
        assert (change.key, change.action, set(change.fields)) == (key, Action.UPDATE, {"tags"})
        site.runs.engine().apply(site.stack_of[key])
    assert site.plans() == []
    assert inventory(site.aws) == site.inventory


def test_a_rule_that_lost_its_key_is_a_strangers(site):
    """It is revoked, and made again: a rule has nothing that could be lost with it."""
    key = "security_group_rule.web-app"
    untag(site.aws, site.seen[key].tagging, KEY)
    assert {change.key for change in site.plan(key)} >= {key}
    site.runs.engine().apply(site.stack_of[key])
    assert site.plan(key) == ()
    assert inventory(site.aws) == site.inventory


@pytest.mark.parametrize("tag", [KEY, ENV])
def test_a_tag_that_somebody_changed_is_an_identity_lost_too(site, tag):
    vpc = site.seen["vpc.main"]
    site.aws.client("ec2").create_tags(Resources=[vpc.id], Tags=[{"Key": tag, "Value": "vpc.other"}])
    (change,) = site.plan("vpc.main")
    assert change.reason.startswith("identity lost. ")
    site.aws.client("ec2").create_tags(Resources=[vpc.id], Tags=[{"Key": tag, "Value": vpc.tagging.tags[tag]}])
    assert site.plan("vpc.main") == ()


def test_all_that_are_lost_are_named_at_once(site):
    keys = ("subnet.public-us-west-2a", "subnet.private-us-west-2b")
    for key in keys:
        untag(site.aws, site.seen[key].tagging, KEY)
    assert {change.key for change in site.plans()} == {*keys}
    with pytest.raises(NotOwned) as raised:
        site.runs.engine().apply(site.stacks[0])
    for key in keys:
        assert f"runbook adopt --env local {key} {site.seen[key].id}" in str(raised.value)
    site.runs.engine(adopted={key: site.seen[key].id for key in keys}).apply(site.stacks[0])
    assert site.plans() == []


def test_what_another_environment_has_is_not_adopted(site):
    ec2 = site.aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    tags = {OWNER: "runbook", ENV: "prod", KEY: "vpc.main", "Name": "prod-main"}
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    untag(site.aws, site.seen["vpc.main"].tagging, KEY)
    change = next(change for change in site.plan("vpc.main", adopted={"vpc.main": vpc}) if change.key == "vpc.main")
    assert change.action is Action.BLOCKED
    assert f"{vpc} belongs to the environment prod" in change.reason
    ec2.delete_vpc(VpcId=vpc)
    site.runs.engine(adopted={"vpc.main": site.seen["vpc.main"].id}).apply(site.stacks[0])
    assert inventory(site.aws) == site.inventory


def test_something_without_any_of_our_tags_is_adopted(site):
    """As one that somebody made for this environment by hand."""
    key = "key_pair.bastion"
    for tag in (KEY, ENV, OWNER, "Name"):
        untag(site.aws, site.seen[key].tagging, tag)
    pair = site.seen[key].tagging.target
    refused = next(change for change in site.plan(key, adopted={key: "key-0"}) if change.key == key)
    assert (refused.action, refused.reason) == (Action.BLOCKED, "there is no key-0 of this kind that could be adopted")
    (change,) = site.plan(key, adopted={key: pair})
    assert (change.key, change.action, set(change.fields)) == (key, Action.UPDATE, {"tags"})
    site.runs.engine(adopted={key: pair}).apply(site.stack_of[key])
    assert site.plans() == []
    assert inventory(site.aws) == site.inventory


def test_two_things_with_one_key_are_both_named_with_what_uses_them(site):
    ec2, key = site.aws.client("ec2"), "elastic_ip.nat-us-west-2a"
    address = site.seen[key]
    tags = [{"Key": key, "Value": value} for key, value in address.tagging.tags.items()]
    second = ec2.allocate_address(
        Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}]
    )["AllocationId"]  # fmt: skip
    (change,) = site.plan(key)
    assert change.action is Action.BLOCKED
    assert f"{address.id} by nat_gateway.us-west-2a" in change.reason
    assert f"{second} by nothing of ours" in change.reason
    with pytest.raises(Ambiguous):
        site.runs.engine().apply(site.stack_of[key])
    ec2.release_address(AllocationId=second)
    assert site.plan(key) == ()


REFERRED = ("vpc.main", "elastic_ip.nat-us-west-2a", "internet_gateway.main", "nat_gateway.us-west-2a",
            "launch_template.web")  # fmt: skip
"""Of the others, AWS itself refuses a second one: by its addresses, its name, or what it belongs to."""


@pytest.mark.parametrize(
    "key", [*REFERRED[:2], *(pytest.param(key, marks=pytest.mark.exhaustive) for key in REFERRED[2:])]
)
def test_what_lost_all_its_tags_is_known_by_what_refers_to_it(site, key):
    """A second one would be made beside it, or its create would fail half-way."""
    for tag in (KEY, ENV, OWNER, "Name"):
        untag(site.aws, site.seen[key].tagging, tag)
    before = inventory(site.aws)
    change = next(change for change in site.plans() if change.key == key)
    assert change.action is Action.BLOCKED
    assert change.reason.startswith("identity lost. ")
    with pytest.raises(Blocked, match="identity lost"):
        site.runs.engine().apply(site.stack_of[key])
    assert inventory(site.aws) == before
    site.runs.engine(adopted=adopted(change.fix)).apply(site.stack_of[key])
    assert site.plans() == []
    assert inventory(site.aws) == site.inventory


TWINS = {
    "subnet.public-us-west-2a": "addresses", "subnet.private-us-west-2b": "addresses", "security_group.db": "name",
    "key_pair.bastion": "name",
}  # fmt: skip


def test_what_lost_all_its_tags_and_has_what_aws_gives_only_once(aws, tmp_path):
    """Nothing refers to it yet: AWS would refuse each create, one after the other, in the middle of an apply."""
    runs, net = Runs(aws, tmp_path, Wire()), network(PARAMS)
    parts = Stack("network.parts", all=(*net.bucket, *net.vpc, *net.subnets, *net.security_groups, *net.key))
    runs.build(parts)
    seen = {resource.key: one for resource, one in runs.engine().survey(parts, refresh=True).items()}
    for key in TWINS:
        for tag in (KEY, ENV, OWNER, "Name"):
            untag(aws, seen[key].tagging, tag)
    changes = {change.key: change for change in runs.engine().plan(parts).todo}
    assert changes.keys() == TWINS.keys()
    for key, what in TWINS.items():
        id_ = seen[key].tagging.target
        assert changes[key].action is Action.BLOCKED
        assert f"{id_} has its {what}, " in changes[key].reason
        assert adopted(changes[key].fix.rpartition(". ")[2]) == {key: id_}
    before = inventory(aws)
    with pytest.raises(Blocked, match=r"subnet\.public-us-west-2a: identity lost\. "):
        runs.engine().apply(parts)
    assert inventory(aws) == before
    runs.engine(adopted={key: seen[key].tagging.target for key in TWINS}).apply(parts)
    assert runs.engine().plan(parts).todo == ()


def test_somebody_else_has_some_of_a_subnets_addresses(aws, tmp_path):
    """AWS refuses subnets that overlap: InvalidSubnet.Conflict, in the middle of an apply."""
    runs, net = Runs(aws, tmp_path, Wire()), network(PARAMS)
    runs.build(Stack("network.vpc", all=net.vpc))
    parts, ec2 = Stack("network.parts", all=(*net.vpc, *net.subnets)), aws.client("ec2")
    (vpc,) = [one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"] if not one["IsDefault"]]
    first, second, *_ = sorted(net.subnets, key=lambda subnet: subnet.key)
    small = [next(ip_network(each.cidr).subnets(new_prefix=28)).with_prefixlen for each in (first, second)]
    ids = [ec2.create_subnet(VpcId=vpc, CidrBlock=each)["Subnet"]["SubnetId"] for each in small]
    changes = {change.key: change for change in runs.engine().plan(parts).todo}
    assert changes.keys() == {subnet.key for subnet in net.subnets}
    for key, change in changes.items():
        assert (change.action is Action.BLOCKED) == (key in (first.key, second.key))
    for subnet, id_, cidr in zip((first, second), ids, small, strict=True):
        assert f"{id_} has its addresses in part, {cidr}, and is not tagged as ours" in changes[subnet.key].reason
    for id_ in ids:
        ec2.delete_subnet(SubnetId=id_)
    runs.build(parts)
    assert runs.engine().plan(parts).todo == ()


def test_what_is_as_it_should_be_is_not_looked_for_a_second_time(aws, tmp_path):
    """And while there is no VPC, nothing in it is."""
    runs, net = Runs(aws, tmp_path, Wire()), network(PARAMS)
    parts = Stack("network.parts", all=(*net.vpc, *net.subnets, *net.security_groups))
    runs.engine().plan(parts)
    asked = [call for call in runs.wire.asked if "Filter.1.Name=vpc-id" in call.body]
    assert asked == []
    runs.build(parts)
    runs.wire.asked.clear()
    runs.engine().plan(parts)
    assert Counter(call.name for call in runs.wire.asked).most_common(1)[0][1] <= 2, "VPCs have two attributes"
    assert sum(call.name == "ec2.DescribeSubnets" for call in runs.wire.asked) == 1
