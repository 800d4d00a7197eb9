"""An apply completes under injected faults, and creates nothing twice."""

from collections import Counter

from runbook_lib.stacks.network import network
from runbook_lib.stacks.stack import Stack
from tests.support.call_recorder import Wire
from tests.support.stack_runs import PARAMS, Runs

# Of EC2's writes: some in a row of each kind, so that one and the same is hit twice, too. Of its reads one each.
TROUBLE = [
    {"service": "ec2", "operation": "[!D]*", "kind": kind, "skip": skip, "times": 2}
    for kind, skip in (("throttle", 1), ("error", 2), ("lost", 3))
]
READS = [
    {"service": "ec2", "operation": "Describe*", "kind": kind, "skip": 3, "times": 1} for kind in ("error", "lost")
]


# What is public of the network: a VPC, subnets, addresses, and routes, without what takes long.
SOME = ("vpc.", "subnet.", "internet_gateway", "elastic_ip", "route_table.public", "route.public", "security_group.alb")


def identities(aws):
    """Return each identity tag in EC2, and how many resources have it."""
    tags = aws.client("ec2").describe_tags(Filters=[{"Name": "key", "Values": ["runbook:key"]}])["Tags"]
    return Counter((tag["ResourceType"], tag["Value"]) for tag in tags)


def test_an_apply_survives_throttling_server_errors_and_lost_responses(aws, faults, tmp_path):
    """Every resource exists once, and the next plan is empty."""
    faults.ask("POST", "faults", [*TROUBLE, *READS])
    runs, stack = (
        Runs(aws, tmp_path, Wire()),
        Stack("some", all=[r for r in network(PARAMS) if r.key.startswith(SOME)]),
    )
    runs.build(stack)
    assert [hit for _, hit in faults.counts()] == [2, 2, 2, 1, 1]
    faults.ask("DELETE", "faults")
    assert runs.left_to_do(stack) == []
    found = identities(aws)
    assert len(found) == 9
    assert set(found.values()) == {1}
