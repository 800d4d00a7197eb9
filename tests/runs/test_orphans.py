"""What leaves the parameters leaves the account: planned in its layer, approved there, removed when nobody uses it."""

from __future__ import annotations

import json

import pytest
import yaml

from runbook_lib import Runbook
from runbook_lib.errors import DriftDetected, NotApproved, StillNeeded
from runbook_lib.params import load
from runbook_lib.runs.orphans import KEY
from runbook_lib.stacks.data import data
from runbook_lib.stacks.network import network
from runbook_lib.stacks.orphans import known_orphans
from runbook_lib.stacks.stack import Stack
from tests.support.stack_runs import PARAMS, THIRD, with_network, with_sessions

CACHE = ["cache_replication_group.sessions", "cache_subnet_group.private", "security_group.cache"]
ZONE = ["subnet.private-us-west-2c", "subnet.public-us-west-2c"]


def write(root, params):
    """Make these the parameters of `local`."""
    path = root / "params" / "local.yaml"
    raw = yaml.safe_load(path.read_text())
    now = params.model_dump(mode="json")
    path.write_text(yaml.safe_dump(raw | {name: now[name] for name in ("network", "data")}))


def opened(name, mode="apply", **more):
    return Runbook(name, env="local", mode=mode, **more)


def apply_cache(root):
    """An environment with as much as a cache needs."""
    write(root, with_sessions())
    net = opened("01_network")
    net.apply(network(net.params))
    store = opened("02_data")
    store.apply(data(store.params).cache)


def planned(book, stack):
    """The deletions of a plan."""
    report = book.plan(stack)
    return sorted(change.key for change in report.plan.todo if change.action == "delete")


def remaining(aws):
    """Of the cache and of the third zone, what is there."""
    caches = aws.client("elasticache").describe_replication_groups()["ReplicationGroups"]
    ec2 = aws.client("ec2")
    tagged = [{"Name": "tag:runbook:key", "Values": [*CACHE, *ZONE]}]
    groups = ec2.describe_security_groups(Filters=tagged)["SecurityGroups"]
    return len(caches), len(groups), len(ec2.describe_subnets(Filters=tagged)["Subnets"])


def test_known_orphans_are_those_of_earlier_parameters_by_their_layer():
    """Rules and policies go with what they belong to, or are removed by it."""
    orphans = known_orphans(PARAMS, [with_sessions(), with_network(zones=THIRD)])
    keys = {name: sorted(one.key for one in layer) for name, layer in orphans.items()}
    assert {"security_group.cache", *ZONE} <= set(keys["network"])
    assert set(CACHE[:2]) <= set(keys["data"])
    assert not [key for key in keys["network"] if key.startswith("security_group_rule.") and "cache" not in key]
    assert known_orphans(PARAMS, [PARAMS]) == {}
    assert known_orphans(PARAMS, []) == {}


@pytest.mark.exhaustive
def test_a_cache_is_planned_in_its_layers_and_removed_by_the_last_notebook(root, aws):
    """Its security group goes after it, although 01 runs before 02; nothing of it is removed before."""
    apply_cache(root)
    write(root, PARAMS)
    assert planned(opened("01_network", "plan"), network(PARAMS)) == [
        "security_group.cache", "security_group_rule.cache-valkey"
    ]  # fmt: skip
    assert planned(opened("02_data", "plan"), data(PARAMS)) == CACHE[:2]
    net = opened("01_network")
    net.apply(network(net.params))
    assert remaining(aws) == (1, 1, 0)
    done = opened("04_deploy").remove_orphans()
    assert sorted(change.key for change in done.plan.todo) == sorted([*CACHE, "security_group_rule.cache-valkey"])
    assert remaining(aws) == (0, 0, 0)
    assert planned(opened("01_network", "plan"), network(PARAMS)) == []


def test_a_zone_goes_without_its_neighbours(root, aws):
    ec2 = aws.client("ec2")
    write(root, with_network(zones=THIRD))
    book = opened("01_network")
    book.apply(network(book.params))
    before = {one["SubnetId"]: one["CidrBlock"] for one in ec2.describe_subnets()["Subnets"]}
    write(root, PARAMS)
    assert set(ZONE) <= set(planned(opened("01_network", "plan"), network(PARAMS)))
    opened("04_deploy").remove_orphans()
    gone = [part[tier] for part in THIRD.values() for tier in ("public", "private")]
    after = {one["SubnetId"]: one["CidrBlock"] for one in ec2.describe_subnets()["Subnets"]}
    assert after == {name: block for name, block in before.items() if block not in gone}


def test_verify_is_not_green_while_something_is_left(root):
    apply_cache(root)
    write(root, PARAMS)
    with pytest.raises(DriftDetected, match=r"- security_group\.cache"):
        opened("01_network", "verify").verify(network(PARAMS))
    report = opened("01_network").verify(network(PARAMS))
    assert "Removed by the last notebook" in str(report)
    assert "security_group.cache" in str(report)


def test_a_removal_needs_the_approval_of_its_layer(root, aws):
    """The fingerprint of the layer's plan permits it, and no other."""
    apply_cache(root)
    write(root, PARAMS)
    net = opened("01_network", "plan").plan(network(PARAMS)).plan.fingerprint
    store = opened("02_data", "plan").plan(data(PARAMS)).plan.fingerprint
    for approved in ("nothing", net, store):
        with pytest.raises(NotApproved):
            opened("04_deploy", approved=approved).remove_orphans()
        assert remaining(aws) == (1, 1, 0)
    opened("04_deploy", approved=f"{net},{store}").remove_orphans()
    assert remaining(aws) == (0, 0, 0)


@pytest.mark.exhaustive
def test_other_modes_show_it_and_change_nothing(root, aws):
    apply_cache(root)
    write(root, PARAMS)
    for mode in ("plan", "verify", "destroy"):
        assert "would remove" in str(opened("04_deploy", mode).remove_orphans())
    assert remaining(aws) == (1, 1, 0)


def test_a_destroy_takes_it_along(root, aws):
    """Sessions in a cache, then in cookies, then no environment: nothing is left, and nothing is in the way."""
    apply_cache(root)
    write(root, PARAMS)
    opened("02_data", "destroy", confirm="local").destroy(data(PARAMS))
    opened("01_network", "destroy", confirm="local").destroy(network(PARAMS))
    assert remaining(aws) == (0, 0, 0)
    assert [vpc for vpc in aws.client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]] == []


def test_without_what_was_applied_it_is_only_reported(root, aws):
    """Whoever removes or damages the object gets orphans to look at, and no error."""
    apply_cache(root)
    write(root, PARAMS)
    book, s3 = opened("01_network", "plan"), aws.client("s3")
    bucket = network(PARAMS)["bucket.runbook"].aws_name(book.aws)
    for content in (b"", b"{}", b"[1, {}]", b"null", b'[{"env": "local"}]', None):
        if content is None:
            s3.delete_object(Bucket=bucket, Key=KEY)
        else:
            s3.put_object(Bucket=bucket, Key=KEY, Body=content)
        assert planned(opened("01_network", "plan"), network(PARAMS)) == [], content
        assert "? security_group.cache" in str(opened("01_network").verify(network(PARAMS))), content
        assert remaining(aws) == (1, 1, 0), content


@pytest.mark.exhaustive
def test_what_was_applied_is_kept_until_nothing_of_it_is_left(root, aws):
    """Every version under which something may exist; a plan keeps none, and no secret is among them."""
    apply_cache(root)
    write(root, PARAMS)
    book = opened("01_network")
    bucket = network(PARAMS)["bucket.runbook"].aws_name(book.aws)

    def versions():
        return json.loads(aws.client("s3").get_object(Bucket=bucket, Key=KEY)["Body"].read())

    assert [one["data"]["sessions"]["store"] for one in versions()] == ["elasticache"]
    opened("01_network", "plan").plan(network(PARAMS))
    assert len(versions()) == 1
    opened("04_deploy").remove_orphans()
    assert [one["data"]["sessions"]["store"] for one in versions()] == ["cookie"]
    assert load(root / "params" / "local.yaml").model_dump(mode="json") == versions()[0]


def test_a_part_of_a_stack_knows_the_orphans_of_the_whole():
    net = network(PARAMS)
    assert (net.vpc + net.bucket).whole == net.whole == Stack("network").whole


def test_what_others_have_in_the_network_is_named_before_anything_is_deleted(root, aws, monkeypatch):
    """Already in the first notebook of a run that ends with the network; not where the network stays."""
    ec2 = aws.client("ec2")
    net, store = opened("01_network"), opened("02_data")
    net.apply(network(PARAMS).vpc + network(PARAMS).subnets + network(PARAMS).bucket)
    store.apply(data(PARAMS).subnet_group)
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:runbook:key", "Values": ["vpc.main"]}])["Vpcs"]
    theirs = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.20.240.0/24")["Subnet"]["SubnetId"]
    monkeypatch.setenv("RUNBOOK_NOTEBOOKS", "01_network 02_data")
    with pytest.raises(StillNeeded, match=rf"Nothing was deleted: .*\n- subnet {theirs} \("):
        opened("02_data", "destroy", confirm="local").destroy(data(PARAMS))
    assert aws.client("rds").describe_db_subnet_groups()["DBSubnetGroups"]
    monkeypatch.setenv("RUNBOOK_NOTEBOOKS", "02_data")
    opened("02_data", "destroy", confirm="local").destroy(data(PARAMS))
    assert not aws.client("rds").describe_db_subnet_groups()["DBSubnetGroups"]
    ec2.delete_subnet(SubnetId=theirs)
    opened("01_network", "destroy", confirm="local").destroy(network(PARAMS))
    assert [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]] == []
