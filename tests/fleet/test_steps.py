"""The order of a fleet's tasks: nothing is changed before it was planned and approved, and no wave before the last."""

from itertools import pairwise

import pytest

from runbook_fleet.steps import Kind, steps_of
from runbook_fleet.wave_plan import WavePlan

NOTEBOOKS = ("01_network", "02_data", "03_compute", "04_deploy")


def steps(**plan):
    return {step.id: step for step in steps_of(WavePlan.model_validate(plan))}


@pytest.fixture
def three():
    return steps(waves=[["dev"], ["us", "eu"]], pause_minutes=30)


def ancestors(steps, task):
    found, todo = set(), [*steps[task].after]
    while todo:
        found.add(each := todo.pop())
        todo += steps[each].after
    return found


def test_a_step_comes_after_all_that_it_waits_for(three):
    seen = set()
    for step in three.values():
        assert set(step.after) <= seen
        seen.add(step.id)


def test_nothing_is_changed_before_all_plans_of_its_wave_and_their_approvals(three):
    plans = {f"wave_2.{env}.plan_{name}" for env in ("us", "eu") for name in NOTEBOOKS}
    assert ancestors(three, "wave_2.us.apply_01_network") >= plans | {"wave_2.approvals"}
    assert set(three["wave_2.approvals"].after) == plans


def test_the_notebooks_of_an_environment_are_applied_one_by_one(three):
    """One run at a time holds its lock."""
    order = [f"wave_1.dev.apply_{name}" for name in NOTEBOOKS]
    for before, after in pairwise(order):
        assert three[after].after == (before,)


def test_every_notebook_is_verified_after_the_last_apply(three):
    for name in NOTEBOOKS:
        assert three[f"wave_1.dev.verify_{name}"].after == ("wave_1.dev.apply_04_deploy",)


def test_environments_of_a_wave_go_side_by_side(three):
    assert not {task for task in ancestors(three, "wave_2.us.rollback") if ".eu.apply" in task}


def test_a_wave_waits_for_the_one_before_and_for_the_pause(three):
    assert three["wave_2.pause"].after == ("wave_1.end",)
    assert {three[f"wave_2.us.plan_{name}"].after for name in NOTEBOOKS} == {("wave_2.pause",)}
    assert "wave_1.pause" not in three
    without = steps(waves=[["dev"], ["us"]])
    assert without["wave_2.us.plan_01_network"].after == ("wave_1.end",)


def test_a_wave_ends_when_all_its_environments_have_ended(three):
    end = three["wave_2.end"]
    assert (end.kind, set(end.after), end.rule) == (Kind.END, {"wave_2.us.rollback", "wave_2.eu.rollback"}, "all_done")
    assert set(three["report"].after) == {"wave_1.end", "wave_2.end"}


def test_a_rollback_waits_for_all_that_may_fail_and_needs_something_that_was_done(three):
    """It does not run for an environment that was not touched."""
    rollback = three["wave_1.dev.rollback"]
    assert set(rollback.after) == {f"wave_1.dev.{mode}_{name}" for mode in ("apply", "verify") for name in NOTEBOOKS}
    assert rollback.rule == "all_done_min_one_success"


def test_without_rollback_a_wave_ends_with_its_verifications():
    found = steps(waves=[["dev"]], rollback=False)
    assert not [step for step in found.values() if step.kind is Kind.ROLLBACK]
    assert set(found["wave_1.end"].after) == {f"wave_1.dev.verify_{name}" for name in NOTEBOOKS}


def test_only_the_first_apply_of_an_environment_asks_whether_its_wave_goes_on(three):
    asking = {step.id for step in three.values() if step.first}
    assert asking == {f"wave_{wave}.{env}.apply_01_network" for wave, env in ((1, "dev"), (2, "us"), (2, "eu"))}


def test_a_hundred_environments_have_as_many_tasks_as_the_document_says():
    found = steps(waves=[["e1"], [f"f{n}" for n in range(9)], [f"g{n}" for n in range(90)]], pause_minutes=60)
    assert len(found) == 100 * 13 + 3 * 2 + 2 + 1
