"""Whatever a person changes by hand is seen under its thing and field, and mended by one apply.

One environment for all of them: a change, a look, an apply of its notebook, and the next change.
"""

from __future__ import annotations

import pytest

from runbook_lib.errors import Blocked
from tests.engine.changes_by_hand import CHANGES, ByHand, Hand
from tests.support.call_recorder import Wire
from tests.support.stack_runs import PARAMS, Runs, environment

ALL = [(stack, change) for stack, changes in CHANGES.items() for change in changes]
SAMPLE = {
    "a route more", "endpoint's policy", "VPC's name gone", "role policy deleted", "database: iam_auth", "answers 503",
    "secret's value", "a listener more",
}  # fmt: skip


@pytest.fixture(scope="module")
def site(aws_server, tmp_path_factory):
    """An applied environment: its runs and its stacks by name."""
    aws_server.reset()
    runs = Runs(aws_server, tmp_path_factory.mktemp("drift"), Wire())
    stacks = environment(PARAMS, runs.folder)
    runs.build(*stacks)
    return runs, {stack.name: stack for stack in stacks}


def hand_of(site):
    runs, stacks = site
    everything = runs.engine().survey([resource for stack in stacks.values() for resource in stack])
    ids = {resource.key: observed.id for resource, observed in everything.items() if observed}
    return Hand(runs.aws.client, ids)


def seen_and_mended(site, name: str, change: ByHand):
    runs, stacks = site
    change.act(hand_of(site))
    todo = runs.engine().plan(stacks[name]).todo
    assert change.key in [one.key for one in todo]
    (seen,) = (one for one in todo if one.key == change.key)
    assert seen.action == ("update" if change.field else "create")
    assert not change.field or change.field in seen.fields
    assert not [text for text in ("mine", "yours") if f"'{text}'" in str(seen.fields.get("value"))]
    runs.build(stacks[name])
    assert runs.left_to_do(stacks[name]) == []


@pytest.mark.parametrize(
    ("name", "change"), [pytest.param(*one, id=one[1].name) for one in ALL if one[1].name in SAMPLE]
)
def test_a_change_by_hand_is_seen_and_mended_by_one_apply(site, name, change):
    """Eight, of all layers."""
    seen_and_mended(site, name, change)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "change"), [pytest.param(*one, id=one[1].name) for one in ALL])
def test_each_change_by_hand_is_seen_and_mended_by_one_apply(site, name, change):
    """All of them."""
    seen_and_mended(site, name, change)


def test_there_are_at_least_75_changes_of_which_none_is_written_twice():
    names = [change.name for _, change in ALL]
    assert len(names) == len(set(names)) >= 75
    assert set(names) >= SAMPLE


def test_another_health_check_is_seen_and_blocked_while_servers_answer_at_it(site):
    """To go back at once could take every server out of service: the plan says which two steps are safe."""
    runs, stacks = site
    hand = hand_of(site)
    before = hand.elbv2.describe_target_groups()["TargetGroups"][0]["HealthCheckPath"]
    hand.health(HealthCheckPath="/other")
    (seen,) = runs.engine().plan(stacks["compute"]).todo
    assert (seen.key, seen.action, set(seen.fields)) == ("target_group.web", "blocked", {"path"})
    with pytest.raises(Blocked, match="Take two steps"):
        runs.build(stacks["compute"])
    hand.health(HealthCheckPath=before)
    assert runs.left_to_do(stacks["compute"]) == []
