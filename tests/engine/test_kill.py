"""A run killed at any call and started again ends in the same account as one that was not.

Nothing is made twice, and nothing is orphaned: neither by a kill nor by an answer that was lost.

Each of these tests takes a whole environment: the real stacks of all four notebooks, on the embedded
AWS, over HTTP.  To be killed after *every* write, one after another, visits every account that a single
kill can leave behind, whether it comes just after one write or just before the next one: what a run
does next depends on the account alone.  That takes minutes: `make test-all` does it, and `make test`
takes a sample of writes in one life of an environment.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import cycle

import pytest

from runbook_lib.journal.journal import is_intact
from tests.support.account_inventory import inventory
from tests.support.call_recorder import Killed, Wire, lost
from tests.support.stack_runs import PARAMS, Runs, environment


@pytest.fixture(scope="module")
def stacks(tmp_path_factory):
    return environment(PARAMS, tmp_path_factory.mktemp("bundle"))


@dataclass
class Undisturbed:
    before: dict
    account: dict
    built: Counter
    removed: Counter


@pytest.fixture(scope="module")
def undisturbed(aws_server, stacks, tmp_path_factory):
    """An environment that was built and removed without any trouble."""
    aws_server.reset()
    runs = Runs(aws_server, tmp_path_factory.mktemp("undisturbed"), Wire())
    before = inventory(aws_server)
    runs.build(*stacks)
    account, built = inventory(aws_server), Counter(runs.wire.wrote)
    assert runs.left_to_do(*stacks) == []
    runs.wire.wrote.clear()
    runs.remove(*stacks)
    assert inventory(aws_server) == before
    return Undisturbed(before, account, built, Counter(runs.wire.wrote))


@pytest.fixture
def runs(aws, tmp_path, undisturbed):
    return Runs(aws, tmp_path, Wire())


def go(write, carry):
    """As it should be."""
    return carry()


class Once:
    """Lets each write get to AWS and then spoils its answer, the first time: what is done again goes through."""

    def __init__(self, spoil):
        self.spoil, self.done = spoil, set()

    def __call__(self, write, carry):
        answer = carry()
        if write in self.done:
            return answer
        self.done.add(write)
        raise self.spoil(write)


class LoseRequest:
    """Of each kind of write, every second one does not get to AWS, beginning with the first."""

    def __init__(self):
        self.next = set()

    def __call__(self, write, carry):
        self.next ^= {write.name}
        if write.name in self.next:
            raise lost(write)
        return carry()


class Sampled:
    """Spoils a sample of the writes, each once: what is done again goes through.

    Of what would be made twice if it were repeated, the first of each kind is killed.  All others take turns, in
    their order: the run is killed, the answer is lost, the request is lost, and three go through.
    """

    TURNS = ("kill", "lose answer", "lose request", "", "", "")
    # AWS makes another one of each: neither a name nor a token of an earlier run tells it that it is the same.
    DANGEROUS = frozenset({
        "acm.ImportCertificate", "codedeploy.CreateDeployment", "ec2.AllocateAddress", "ec2.CreateFlowLogs",
        "ec2.CreateInternetGateway", "ec2.CreateNatGateway", "ec2.CreateRouteTable", "ec2.CreateVpc",
        "ec2.CreateVpcEndpoint", "ec2.RunInstances",
    })  # fmt: skip

    def __init__(self):
        self.done, self.turns, self.spoilt = set(), cycle(self.TURNS), Counter()

    def __call__(self, write, carry):
        if write in self.done:
            return carry()
        self.done.add(write)
        turn = next(self.turns) if self.is_harmless(write) else "kill"
        self.spoilt[turn] += 1
        if turn == "lose request":
            raise lost(write)
        answer = carry()
        if turn:
            raise Killed(write) if turn == "kill" else lost(write)
        return answer

    def is_harmless(self, write):
        return write.name not in self.DANGEROUS or any(write.name == other.name for other in self.done - {write})


def test_a_whole_environment_is_what_the_others_are_compared_with(undisturbed):
    """Every kind of thing is in it, so that none could be missing or twice unseen."""
    kinds = set(undisturbed.account)
    assert kinds >= {"vpc", "nat gateway", "role", "db instance", "auto scaling group", "bucket", "deployment"}
    assert len(kinds) > 30
    assert undisturbed.built.total() > 80
    assert undisturbed.removed.total() > 70


def test_a_sample_of_writes_is_spoilt(runs, stacks, undisturbed):
    """What is left is done, and nothing else, whatever became of a write; and so with its removal."""
    runs.wire.fault = spoiler = Sampled()
    runs.build(*stacks)
    assert Counter(runs.wire.wrote) == undisturbed.built
    assert inventory(runs.aws) == undisturbed.account
    assert set(undisturbed.built) >= spoiler.DANGEROUS
    assert (runs.kills, min(spoiler.spoilt.values()) > 10) == (spoiler.spoilt["kill"], True)
    assert runs.left_to_do(*stacks) == []
    assert is_intact(runs.journal.path)
    runs.wire.wrote.clear()
    runs.wire.fault = Sampled()
    runs.remove(*stacks)
    assert set(runs.wire.wrote) == set(undisturbed.removed)
    assert inventory(runs.aws) == undisturbed.before
    assert runs.left_to_do(*stacks, present=False) == []


@pytest.mark.exhaustive
def test_killed_after_each_write_of_building_it(runs, stacks, undisturbed):
    """The next run does what is left, and nothing else; all of it can be removed as if nothing had happened."""
    runs.wire.fault = Once(Killed)
    runs.build(*stacks)
    assert runs.kills == undisturbed.built.total()
    assert Counter(runs.wire.wrote) == undisturbed.built
    assert inventory(runs.aws) == undisturbed.account
    assert runs.left_to_do(*stacks) == []
    assert is_intact(runs.journal.path)
    runs.wire.fault = go
    runs.remove(*stacks)
    assert inventory(runs.aws) == undisturbed.before


@pytest.mark.exhaustive
def test_killed_after_each_write_of_removing_it(runs, stacks, undisturbed):
    """The next run removes what is left, and says of nothing that it is in the way."""
    runs.build(*stacks)
    runs.wire.wrote.clear()
    runs.wire.fault = Once(Killed)
    runs.remove(*stacks)
    assert runs.kills >= undisturbed.removed.total()
    assert set(runs.wire.wrote) == set(undisturbed.removed)
    assert inventory(runs.aws) == undisturbed.before
    assert runs.left_to_do(*stacks, present=False) == []


@pytest.mark.exhaustive
def test_every_answer_lost(runs, stacks, undisturbed):
    """One run gets to the end although it never hears of a write that was done; none is sent a second time."""
    runs.wire.fault = Once(lost)
    runs.build(*stacks)
    assert Counter(runs.wire.wrote) == undisturbed.built
    assert inventory(runs.aws) == undisturbed.account
    runs.remove(*stacks)
    assert inventory(runs.aws) == undisturbed.before


@pytest.mark.exhaustive
def test_requests_that_never_reach_aws(runs, stacks, undisturbed):
    """One run gets to the end although of each kind of write some do not arrive; each is done once."""
    runs.wire.fault = LoseRequest()
    runs.build(*stacks)
    assert Counter(runs.wire.wrote) == undisturbed.built
    assert inventory(runs.aws) == undisturbed.account
    runs.remove(*stacks)
    assert inventory(runs.aws) == undisturbed.before
