"""A whole environment at a pace: its stacks meet the states of AWS on their way up and down, and get there."""

from __future__ import annotations

import time
from collections import defaultdict

import pytest

from embedded_aws.testing import eventually
from runbook_lib.aws.client import Aws
from runbook_lib.cli.console import print_renderable
from runbook_lib.cli.timeline import render_timeline
from runbook_lib.engine.context import Clock
from runbook_lib.engine.engine import Engine
from runbook_lib.journal.journal import Journal
from runbook_lib.journal.reader import events_of
from runbook_lib.journal.timeline import build_timeline
from tests.support.account_inventory import inventory
from tests.support.stack_runs import PARAMS, environment

FACTOR = 0.006
PATIENT = Clock(sleep=lambda seconds: time.sleep(min(seconds, 0.1)))


@pytest.fixture(scope="module")
def stacks(tmp_path_factory):
    return environment(PARAMS, tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def paced(aws):
    aws.control("pace", FACTOR)
    yield aws
    aws.control("pace", 0)


class Operator:
    """Builds and removes, and remembers which states were seen."""

    def __init__(self, aws, folder):
        self.seen = defaultdict(list)
        self.journal = Journal(folder / "journal.jsonl", notebook="all")
        self.door = Aws(
            env=PARAMS.env, region=PARAMS.region, account=PARAMS.account, labels=PARAMS.tags,
            connection=aws.connection, run="run-1",
        )  # fmt: skip
        self.engine = Engine(self.door, self.journal, clock=PATIENT)

    def watch(self, resource, state, took):
        if not self.seen[resource.key] or self.seen[resource.key][-1] != state:
            self.seen[resource.key].append(state)

    def build(self, stacks):
        for stack in stacks:
            self.engine.apply(stack, on_progress=self.watch)
            self.engine.wait_until_ready(stack, self.engine.survey(stack), self.watch)

    def remove(self, stacks):
        for stack in reversed(stacks):
            self.engine.destroy(stack, on_progress=self.watch)


@pytest.mark.exhaustive
def test_a_whole_environment_comes_and_goes_at_a_pace(paced, stacks, tmp_path, capsys):
    """Nothing is refused for good, nothing times out, and the account is as it was before."""
    before = inventory(paced)
    operator = Operator(paced, tmp_path)
    operator.build(stacks)
    seen = operator.seen
    assert "pending" in seen["nat_gateway.us-west-2a"]
    assert "provisioning" in seen["load_balancer.web"]
    assert "creating" in seen["db_instance.database"]
    assert "pending" in seen["instance.bastion"]
    assert "0 of 2 in service" in seen["auto_scaling_group.web"]
    assert any(state.endswith("InProgress, 0 of 2 servers") for state in seen["release.web"])
    assert [change for stack in stacks for change in operator.engine.plan(stack, refresh=True).todo] == []
    built = build_timeline(events_of(operator.journal.path))
    took = {span.key: span.duration for span in built.spans}
    assert took["nat_gateway.us-west-2a"] >= 110 * FACTOR
    assert took["db_instance.database"] >= 285 * FACTOR
    assert "db_instance.database" in {span.key for span, _ in built.critical}
    print_renderable(render_timeline(built))
    assert "  … and " in capsys.readouterr().out

    operator.seen.clear()
    operator.remove(stacks)
    operator.remove(stacks[1:2])  # what RDS may have written again after its log groups were deleted
    assert "deleting" in operator.seen["nat_gateway.us-west-2a"]
    assert "deleting" in operator.seen["db_instance.database"]
    assert {states[-1] for states in operator.seen.values()} == {"gone"}
    eventually(lambda: inventory(paced) == before)  # AWS's list of secrets lags
