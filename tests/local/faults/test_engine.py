"""What an apply promises, under the faults of the door: it gets to its end, and nothing is there twice."""

from collections import Counter

from runbook_lib.stacks.network import network
from tests.runs import PARAMS, Runs
from tests.wire import Wire

# Of EC2's writes, and once each of its reads.
TROUBLE = [
    {"service": "ec2", "operation": "[!D]*", "kind": kind, "probability": 0.15, "seed": seed}
    for seed, kind in enumerate(("throttle", "error", "lost"))
]
READS = [{"service": "ec2", "operation": "Describe*", "kind": kind, "skip": 3, "times": 1} for kind in ("error", "lost")]


def identities(aws):
    """What each thing of ours in EC2 is for, and how often there is one."""
    tags = aws.client("ec2").describe_tags(Filters=[{"Name": "key", "Values": ["runbook:key"]}])["Tags"]
    return Counter((tag["ResourceType"], tag["Value"]) for tag in tags)


def test_an_apply_survives_throttling_server_errors_and_lost_answers(aws, faults, tmp_path):
    """All is there, once, and nothing is left to do."""
    faults.ask("POST", "faults", [*TROUBLE, *READS])
    runs, stack = Runs(aws, tmp_path, Wire()), network(PARAMS)
    runs.build(stack)
    assert all(hit for _, hit in faults.counts()), faults.counts()
    faults.ask("DELETE", "faults")
    assert runs.left_to_do(stack) == []
    found = identities(aws)
    assert len(found) > 15
    assert set(found.values()) == {1}
