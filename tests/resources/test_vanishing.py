"""What another notebook removes between a list and a look at one thing of it is simply not there."""

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.observe import observe
from runbook_lib.resources.base import ids_of
from runbook_lib.stacks.stack import Stack
from tests.resources.test_contract import CASES, bring_about, grounds

# Those of which AWS tells something one by one: tags, attributes, settings.
ONE_BY_ONE = {
    "network: bucket", "network: vpc", "network: log group", "network: role", "network: role policy",
    "data: db subnet group", "data: db parameter group", "compute: instance profile", "compute: imported certificate",
    "compute: load balancer", "compute: target group",
    "deploy: application", "deploy: deployment group", "deploy: configuration parameter",
}  # fmt: skip
FOUND = [pytest.param(first, id=name) for name, first, _ in CASES if name in ONE_BY_ONE]


def lists_of(look, aws):
    """A look that remembers what was listed, and has to ask for everything else."""
    stale = Snapshot(aws)
    stale._answers = {call: found for call, found in look._answers.items() if _is_list(call)}
    return stale


def _is_list(call):
    """A list names the field of the answer that it is in; a look at one thing the errors that say that it is gone."""
    return isinstance(call[2], str)


def test_each_of_them_is_tried():
    assert len(FOUND) == len(ONE_BY_ONE)


@pytest.mark.parametrize("first", FOUND)
def test_what_vanishes_in_the_middle_of_a_look_is_not_there(engine, door, first):
    """Neither a refusal of AWS's nor somebody else's thing: two layers are destroyed side by side."""
    stack = Stack("s", it=first)
    bring_about(engine, grounds(first))
    bring_about(engine, stack)
    look = Snapshot(door)
    seen = {}
    for resource in [*grounds(first), first]:
        seen[resource] = resource.observe(look, ids_of(seen))
    stale = lists_of(look, door)
    engine.destroy(stack)
    assert observe(first, stale, ids_of({r: s for r, s in seen.items() if r != first})) is None
