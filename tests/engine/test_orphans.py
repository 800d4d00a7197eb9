"""What is tagged as ours and asked for by nothing: an operator hears of it, and decides."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.orphans import Orphan, find_orphans, require_nothing_in_the_way
from runbook_lib.errors import StillNeeded
from runbook_lib.stacks.data import data
from runbook_lib.stacks.network import network
from runbook_lib.stacks.stack import Stack
from tests.support.call_recorder import Wire
from tests.support.stack_runs import PARAMS, THIRD, Runs, environment, with_network, with_sessions
from tests.support.trusted_keys import trust


@pytest.fixture
def runs(aws, tmp_path):
    return Runs(aws, tmp_path, Wire())


def found(runs, *stacks):
    return find_orphans(Snapshot(runs.engine().aws), {resource.key for stack in stacks for resource in stack})


def tagged(key, env="local"):
    return [
        {"Key": name, "Value": value}
        for name, value in {"runbook:owner": "runbook", "runbook:env": env, "runbook:key": key}.items()
    ]


ACCOUNT = "123456789012"


class FakeSnapshot:
    """Answers from lists of items, by the service and the list call."""

    aws = SimpleNamespace(ENV="runbook:env", KEY="runbook:key", OWNER="runbook:owner", OURS="runbook", env="local")

    def __init__(self, tagged_arns, **items):
        self._items = items | {"get_resources": [{"ResourceARN": a, "Tags": tagged(k)} for a, k in tagged_arns.items()]}

    def all(self, _service, operation, _result, **_request):
        return self._items.get(operation, [])

    def get(self, *_call, **_request):
        return None


def arn(service, rest):
    return f"arn:aws:{service}:us-west-2:{ACCOUNT}:{rest}"


class TestWhatStandsInTheWayOfADestroy:
    """A destroy failed at the subnets, minutes after the database was gone, because of a cache that nothing names."""

    CACHE = arn("elasticache", "replicationgroup:local-sessions")
    SERVER = arn("ec2", "instance/i-1")
    GATEWAY = arn("ec2", "natgateway/nat-1")
    OTHERS = arn("logs", "log-group:/local/old"), arn("s3", "local-old"), arn("elasticache", "subnetgroup:local-old")
    ALIVE: ClassVar = {
        "describe_replication_groups": [{"ReplicationGroupId": "local-sessions"}],
        "describe_instances": [{"Instances": [{"InstanceId": "i-1", "State": {"Name": "running"}}]}],
        "describe_nat_gateways": [{"NatGatewayId": "nat-1", "State": "available"}],
    }

    @pytest.mark.parametrize("blocking", [CACHE, SERVER, GATEWAY])
    def test_it_is_named_before_anything_is_deleted(self, blocking):
        snapshot = FakeSnapshot({blocking: "thing.old", **dict.fromkeys(self.OTHERS, "other.old")}, **self.ALIVE)
        with pytest.raises(StillNeeded) as error:
            require_nothing_in_the_way(snapshot, set(), {})
        assert (
            f"Nothing was deleted: this is in the way, and no destroy deletes it:\n- thing.old ({blocking})\n"
            in str(error.value)
        )
        assert not [other for other in self.OTHERS if other in str(error.value)], "these keep no network"

    def test_what_a_destroy_deletes_is_not_in_its_way(self):
        require_nothing_in_the_way(FakeSnapshot({self.CACHE: "thing.old"}, **self.ALIVE), {"thing.old"}, {})

    @pytest.mark.parametrize("left", [CACHE, SERVER, GATEWAY])
    def test_what_was_deleted_a_while_ago_is_not_in_its_way(self, left):
        """The tagging API lists it for up to an hour."""
        gone = {
            "describe_instances": [{"Instances": [{"InstanceId": "i-1", "State": {"Name": "terminated"}}]}],
            "describe_nat_gateways": [{"NatGatewayId": "nat-1", "State": "deleted"}],
        }
        require_nothing_in_the_way(FakeSnapshot({left: "thing.old"}, **gone), set(), {})


class TestAWholeEnvironment:
    def test_nothing_of_it_is_a_stray_and_nothing_is_left_of_it(self, runs):
        """Everything that is made carries the key of what it belongs to; after a destroy nothing tagged remains."""
        stacks = environment(with_sessions(), runs.folder)
        runs.build(*stacks)
        assert found(runs, *stacks) == []
        everything = {stray.key for stray in found(runs)}
        assert {
            "vpc.main",
            "db_instance.database",
            "cache_replication_group.sessions",
            "auto_scaling_group.web",
            "role.web",
            "application.web",
        } <= everything
        runs.remove(*stacks)
        assert found(runs) == []


class TestWhatIsReported:
    def test_what_the_parameters_no_longer_name(self, runs):
        """A zone that was taken out is no difference, since nothing asks for it; but it is there, and may cost."""
        runs.build(network(with_network(zones=THIRD)))
        now = network(PARAMS)
        assert runs.left_to_do(now) == []
        assert [stray.key for stray in found(runs, now)] == ["subnet.private-us-west-2c", "subnet.public-us-west-2c"]

    def test_a_cache_that_sessions_are_no_longer_kept_in(self, runs):
        """With its nodes, its subnet group and its security group: all that a person has to remove by hand."""
        runs.build(network(with_sessions()), data(with_sessions()).cache)
        now = (network(PARAMS), data(PARAMS))
        assert runs.left_to_do(now[0]) == []
        left = {stray.key for stray in found(runs, *now)}
        assert left == {"cache_replication_group.sessions", "cache_subnet_group.private", "security_group.cache"}

    def test_what_the_tagging_api_does_not_list(self, runs, aws):
        """Roles and Auto Scaling groups are looked for where they are."""
        iam = aws.client("iam")
        role = iam.create_role(RoleName="local-old", AssumeRolePolicyDocument=trust("ec2"), Tags=tagged("role.old"))[
            "Role"
        ]
        runs.build(network(PARAMS))
        assert found(runs, network(PARAMS)) == [Orphan("role.old", role["Arn"])]

    def test_what_does_not_say_what_it_is(self, runs, aws):
        """Ours by its tags, but without a key."""
        vpc = aws.client("ec2").create_vpc(
            CidrBlock="10.9.0.0/16",
            TagSpecifications=[{"ResourceType": "vpc", "Tags": tagged("", "local")[:2]}],
        )["Vpc"]["VpcId"]
        (stray,) = found(runs)
        assert stray.key == ""
        assert stray.arn.endswith(vpc)

    def test_in_the_order_of_their_keys(self, runs, aws):
        ec2 = aws.client("ec2")
        for key in ("vpc.c", "vpc.a", "vpc.b"):
            ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tagged(key)}])
        assert [stray.key for stray in found(runs)] == ["vpc.a", "vpc.b", "vpc.c"]


class TestWhatIsNot:
    def test_another_environments_and_anybody_elses(self, runs, aws):
        ec2, iam = aws.client("ec2"), aws.client("iam")
        others = tagged("vpc.main", "prod")
        ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": others}])
        ec2.create_vpc(CidrBlock="10.8.0.0/16")
        iam.create_role(RoleName="local-theirs", AssumeRolePolicyDocument=trust("ec2"))
        iam.create_role(
            RoleName="local-2-web", AssumeRolePolicyDocument=trust("ec2"), Tags=tagged("role.web", "local-2")
        )
        assert found(runs) == []

    def test_what_is_gone_though_aws_still_lists_it(self, runs, aws):
        """A NAT gateway stays listed for an hour after its end, an instance too."""
        net = network(PARAMS)
        runs.build(net)
        nat = net["nat_gateway.us-west-2a"]
        runs.remove(Stack("way", routes=net.private_routes), Stack("nat", nat=[nat]))
        states = [found["State"] for found in aws.client("ec2").describe_nat_gateways()["NatGateways"]]
        assert states == ["deleted"]
        assert not [stray for stray in found(runs) if stray.key == nat.key]


def test_strays_are_left_alone(runs, aws):
    """Neither an apply nor a destroy removes what no stack names: it may be somebody's last copy."""
    ec2 = aws.client("ec2")
    stray = ec2.create_vpc(
        CidrBlock="10.9.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tagged("vpc.old")}]
    )["Vpc"]["VpcId"]
    net = network(PARAMS)
    runs.build(net)
    wrote = len(runs.wire.wrote)
    assert [found.key for found in found(runs, net)] == ["vpc.old"]
    assert len(runs.wire.wrote) == wrote
    runs.remove(net)
    assert [found.arn.rpartition("/")[2] for found in found(runs)] == [stray]
    assert ec2.describe_vpcs(VpcIds=[stray])["Vpcs"]
