"""What is tagged as ours and in no stack, and what of it is in the way: in an account that is written down here."""

from __future__ import annotations

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.orphans import Orphan, find_orphans, require_nothing_in_the_way
from runbook_lib.errors import StillNeeded
from runbook_lib.resources.base import Observed
from tests.aws.fake_account import ENV, KEY, OWNER, FakeAws, tags
from tests.support.fake_kinds import Thing

NONE = {
    "get_resources": [],
    "describe_auto_scaling_groups": [],
    "list_roles": [],
    "get_account_authorization_details": {"RoleDetailList": [], "IsTruncated": False},
}
LISTS = (
    "describe_replication_groups", "describe_cache_clusters", "describe_db_instances", "describe_instances",
    "describe_nat_gateways", "describe_vpc_endpoints", "describe_security_groups", "describe_subnets",
)  # fmt: skip
LEFT = (
    "It carries this environment's tags, and left params/ unnoticed. Write in params/ again what made it,"
    " apply and then destroy; or delete it yourself."
)
ASK = "Ask whoever owns what is not this environment's to remove it; then run this again."


def account(tagged=(), **answers):
    """A snapshot of an account; *tagged* are keys and ARNs that the tagging API lists."""
    listed = [{"ResourceARN": arn, "Tags": tags({KEY: key} if key else {})} for key, arn in tagged]
    return Snapshot(FakeAws(NONE | {name: [] for name in LISTS} | {"get_resources": listed} | answers))


def marked(key, env="prod"):
    return tags({OWNER: "runbook", ENV: env, KEY: key} if key else {OWNER: "runbook", ENV: env})


def role(name, pairs):
    return {"RoleName": name, "Arn": f"arn:{name}", "Tags": pairs}


class TestOrphans:
    def test_what_the_tagging_api_lists_for_this_environment(self):
        snapshot = account([("vpc.b", "arn:2"), ("vpc.a", "arn:1"), ("vpc.b", "arn:1"), ("", "arn:0")])
        assert find_orphans(snapshot, {"vpc.c"}) == [
            Orphan("", "arn:0"),
            Orphan("vpc.a", "arn:1"),
            Orphan("vpc.b", "arn:1"),
            Orphan("vpc.b", "arn:2"),
        ]
        assert find_orphans(snapshot, {"vpc.b", ""}) == [Orphan("vpc.a", "arn:1")]
        filters = [{"Key": ENV, "Values": ["prod"]}, {"Key": OWNER, "Values": ["runbook"]}]
        asked = ("resourcegroupstaggingapi", "get_resources", {"TagFilters": filters, "ResourcesPerPage": 100})
        assert snapshot.aws.asked[0] == asked

    def test_groups_of_servers_that_it_never_lists(self):
        groups = [
            {"AutoScalingGroupARN": "arn:1", "Tags": marked("group.a")},
            {"AutoScalingGroupARN": "arn:2", "Tags": marked("group.b", "dev")},
            {"AutoScalingGroupARN": "arn:3", "Tags": []},
            {"AutoScalingGroupARN": "arn:4", "Tags": marked("")},
        ]
        snapshot = account(describe_auto_scaling_groups=groups)
        assert find_orphans(snapshot, set()) == [Orphan("", "arn:4"), Orphan("group.a", "arn:1")]

    def test_roles_that_it_never_lists(self):
        """By the beginning of their names, which roles of others may have."""
        roles = [
            role("prod-web", marked("role.web")),
            role("prod-dev", marked("role.web", "dev")),
            role("prod-theirs", []),
            role("prod-nameless", marked("")),
            role("production", marked("role.x")),
            role("dev-web", marked("role.y")),
        ]
        listed = {"RoleDetailList": roles, "IsTruncated": False}
        expected = [Orphan("", "arn:prod-nameless"), Orphan("role.web", "arn:prod-web")]
        assert find_orphans(account(get_account_authorization_details=listed), set()) == expected


def arn(service, rest):
    return f"arn:aws:{service}:us-west-2:123456789012:{rest}"


HERE = {
    arn("elasticache", "replicationgroup:x"): ("describe_replication_groups", [{"ReplicationGroupId": "x"}]),
    arn("elasticache", "cluster:x"): ("describe_cache_clusters", [{"CacheClusterId": "x"}]),
    arn("rds", "db:x"): ("describe_db_instances", [{"DBInstanceIdentifier": "x"}]),
    arn("ec2", "instance/x"): (
        "describe_instances",
        [{"Instances": []}, {"Instances": [{"InstanceId": "y"}, {"InstanceId": "x", "State": {"Name": "stopped"}}]}],
    ),
    arn("ec2", "natgateway/x"): ("describe_nat_gateways", [{"NatGatewayId": "x", "State": "pending"}]),
    arn("ec2", "vpc-endpoint/x"): ("describe_vpc_endpoints", [{"VpcEndpointId": "x"}]),
    arn("ec2", "security-group/x"): ("describe_security_groups", [{"GroupId": "y"}, {"GroupId": "x"}]),
    arn("ec2", "subnet/x"): ("describe_subnets", [{"SubnetId": "x", "State": "available"}]),
}
"""By ARN the call that lists it, and its answer."""


def refused(snapshot, known=(), leaving=None):
    with pytest.raises(StillNeeded) as caught:
        require_nothing_in_the_way(snapshot, known, leaving or {})
    first, *lines = caught.value.what.splitlines()
    assert first == "Nothing was deleted: this is in the way, and no destroy deletes it:"
    return lines, caught.value.fix


def is_in_the_way(arn, **answers):
    try:
        require_nothing_in_the_way(account([("old", arn)], **answers), (), {})
    except StillNeeded:
        return True
    return False


class Owned(Thing):
    """A thing to which something of others is tied."""

    def obstacles(self, snapshot, observed):
        return (f"{observed.id} is used by x{number}" for number in range(self.size))


class TestWhatIsInTheWay:
    @pytest.mark.parametrize("arn", HERE)
    def test_what_has_an_interface_in_the_network_or_is_part_of_it(self, arn):
        operation, items = HERE[arn]
        assert refused(account([("thing.old", arn)], **{operation: items})) == ([f"- thing.old ({arn})"], LEFT)
        require_nothing_in_the_way(account([("thing.old", arn)], **{operation: items}), ("thing.old",), {})
        assert not is_in_the_way(arn), "AWS still lists the tags, and nothing that has them"

    @pytest.mark.parametrize(
        "other",
        [
            arn("rds", "cluster:x"),
            arn("ec2", "vpc/x"),
            arn("ecs", "cluster:x"),
            arn("ec2", "x-instance/x"),
            arn("ec2", "instance/x/more"),
            arn("ec2", "instance/"),
            "instance/x",
            "arn:aws:ec2:instance/x",
        ],
    )
    def test_anything_else_is_not(self, other):
        answers = dict(HERE.values())
        assert not is_in_the_way(other, **answers)

    @pytest.mark.parametrize(
        ("state", "blocks"),
        [("available", True), ("deleting", True), ("", True), (None, True), ("deleted", False), ("Deleted", False)],
    )
    def test_what_is_deleted_stays_listed_for_an_hour(self, state, blocks):
        gateway = {"NatGatewayId": "x"} | ({} if state is None else {"State": state})
        assert is_in_the_way(arn("ec2", "natgateway/x"), describe_nat_gateways=[gateway]) is blocks

    @pytest.mark.parametrize(("state", "blocks"), [("running", True), ("terminated", False), ("Terminated", False)])
    def test_and_so_does_a_server(self, state, blocks):
        listed = [{"Instances": [{"InstanceId": "x", "State": {"Name": state}}]}]
        assert is_in_the_way(arn("ec2", "instance/x"), describe_instances=listed) is blocks

    def test_one_of_that_name_is_enough(self):
        both = [{"NatGatewayId": "x", "State": "deleted"}, {"NatGatewayId": "x", "State": "available"}]
        assert is_in_the_way(arn("ec2", "natgateway/x"), describe_nat_gateways=both)

    def test_all_of_it_is_named_with_what_to_do(self):
        cache, subnet = arn("elasticache", "cluster:x"), arn("ec2", "subnet/x")
        snapshot = account([("cache.old", cache), ("", subnet)], **dict(HERE.values()))
        leaving = {
            Owned(name="b", size=2): Observed("id-b", {}),
            Owned(name="c", size=3): None,
            Owned(name="d", size=1): Observed("id-d", {}),
        }
        lines = [f"- {subnet}", f"- cache.old ({cache})"]
        others = ["- id-b is used by x0", "- id-b is used by x1", "- id-d is used by x0"]
        assert refused(snapshot, leaving=leaving) == ([*lines, *others], f"{LEFT} {ASK}")
        assert refused(account(), leaving=leaving) == (others, ASK)
        assert refused(snapshot) == (lines, LEFT)

    def test_nothing_is(self):
        require_nothing_in_the_way(account(), (), {Owned(name="a", size=0): Observed("id-a", {})})
