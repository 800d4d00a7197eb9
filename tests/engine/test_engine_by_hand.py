"""The engine's actions on an account of things: what each looks at, in what order it writes, and what it returns."""

from dataclasses import replace

import pytest

from runbook_lib.engine.plan import Action
from runbook_lib.errors import Ambiguous, Blocked, MissingDependency, NotOwned
from runbook_lib.resources.base import Observed
from runbook_lib.resources.predictions import Refusal, Remainder
from tests.engine.by_hand import Made, World
from tests.support.fake_kinds import stack_of

A = Made(name="a")
B = Made(name="b", on=(A,))
BOTH = stack_of(A, B)
SCOPE = "prod/123456789012/us-west-2"
REFUSAL = Refusal(frozenset({"size"}), "there is none of this size", "Write another size.")


def todo(plan):
    return [(change.key, change.action.value) for change in plan.todo]


@pytest.mark.parametrize("present", [True, False])
def test_a_plan_is_for_one_environment_account_and_region(present):
    world = World()
    world.there(A)
    plan = world.engine().plan(BOTH, present=present)
    assert (plan.scope, plan.stack) == (SCOPE, "stack")
    assert todo(plan) == ([("made.b", "create")] if present else [("made.a", "delete")])


def test_a_plan_deletes_orphans_only_where_it_does_not_destroy():
    world, orphan = World(), Made(name="left")
    world.there(A, B, orphan)
    engine = world.engine()
    assert todo(engine.plan(BOTH, orphans=[orphan])) == [("made.left", "delete")]
    assert todo(engine.plan(BOTH, orphans=[orphan], present=False)) == [("made.b", "delete"), ("made.a", "delete")]


def test_a_survey_is_used_again_for_a_while():
    world = World()
    engine = world.engine()
    assert engine.plan(BOTH).count == {"create": 2}
    first = engine.snapshot
    world.now += 30.0
    engine.plan(BOTH)
    assert engine.snapshot is first
    world.now += 0.1
    engine.plan(BOTH)
    assert engine.snapshot is not first
    again = engine.snapshot
    engine.plan(BOTH, refresh=True)
    assert engine.snapshot is not again


def test_an_apply_makes_what_is_missing_dependencies_first():
    world = World()
    asked = []
    plan = world.engine().apply(
        BOTH, require_approval=lambda change: asked.append(change.key), on_progress=world.report
    )
    assert plan.scope == SCOPE
    assert todo(plan) == [("made.a", "create"), ("made.b", "create")]
    assert world.sent == ["create made.a", "create made.b"]
    assert asked[:2] == ["made.a", "made.b"]
    assert asked[2:] == ["made.a", "made.b"]
    changes = [data for kind, data in world.events if kind == "change"]
    assert [(c["key"], c["action"], c["id"], c["ready"], c["needs"]) for c in changes] == [
        ("made.a", "create", "id-a", True, []), ("made.b", "create", "id-b", True, ["made.a"]),
    ]  # fmt: skip
    assert [(c["waited"], c["sent"], c["took"]) for c in changes] == [(0.0, 0.0, 0.0)] * 2
    assert world.locked == [{}, {}]
    assert ("made.a", "creating", 0.0) in world.progress


def test_what_aws_would_refuse_is_blocked_before_anything_is_written():
    """Creates and updates are asked about, with the fields that they set; what is kept is not."""
    world = World()
    world.there(A, B)
    world.things["made.b"] = replace(world.things["made.b"], state=world.things["made.b"].state | {"size": 7})
    new = Made(name="new")
    world.refusals = {"made.new": REFUSAL}
    engine = world.engine()
    plan = engine.plan(stack_of(A, B, new))
    assert todo(plan) == [("made.b", "update"), ("made.new", "blocked")]
    assert plan.changes[2].refusal == REFUSAL
    every = ["beside", "on", "shape", "size"]
    asked = [one for one in world.asked if isinstance(one[0], str) and one[0].startswith("made.")]
    assert asked == [("made.b", "id-b", ["size"], {"made.a": "id-a"}), ("made.new", None, every, {})]
    with pytest.raises(Blocked, match=r"made\.new: there is none of this size"):
        engine.apply(stack_of(A, B, new))
    assert world.sent == []


def test_an_apply_of_nothing_writes_nothing():
    world = World()
    world.there(A, B)
    plan = world.engine().apply(BOTH)
    assert [change.action for change in plan.changes] == [Action.KEEP] * 2
    assert (world.sent, world.events, world.locked) == ([], [], [])


def test_an_apply_deletes_what_belongs_to_its_resources_and_is_in_no_stack():
    world, orphan = World(), Made(name="left")
    world.there(A, orphan)
    world.things["made.a"] = replace(world.things["made.a"], orphans={orphan: world.things["made.left"]})
    plan = world.engine().apply(stack_of(A))
    assert todo(plan) == [("made.left", "delete")]
    assert world.sent == ["delete made.left"]


def test_what_is_not_ready_yet_is_settled_when_it_is_seen_ready():
    world = World()
    made = Observed("id-a", dict(A.desired({})), ready=False, status="pending")
    world.becomes["made.a"] = [None, None, made]
    engine = world.engine()
    engine.apply(stack_of(A))
    (change,) = [data for kind, data in world.events if kind == "change"]
    assert change["ready"] is False
    state = engine.survey(stack_of(A), refresh=True)
    assert "settled" not in dict(world.events)
    world.becomes["made.a"] = [made, replace(made, ready=True, status="running")]
    engine.wait_until_ready([A], state, world.report)
    assert world.events[-1] == ("settled", {"key": "made.a"})
    assert world.progress == [("made.a", "pending", 0.0), ("made.a", "running", 0.25)]


def test_a_missing_dependency_is_named_unless_another_notebook_makes_it():
    world = World()
    with pytest.raises(MissingDependency, match=r"stack needs made\.a, which does not exist"):
        world.engine().apply(stack_of(B))
    assert (world.sent, world.slept) == ([], [])
    there = Observed("id-a", dict(A.desired({})))
    world.becomes["made.a"] = [None, None, there]
    plan = world.engine(dependencies_pending=lambda: True).apply(stack_of(B), on_progress=world.report)
    assert todo(plan) == [("made.b", "create")]
    assert world.progress[:2] == [("made.a", "awaited", 0.0), ("made.a", "awaited", 0.25)]


def test_a_dependency_is_awaited_as_long_as_its_kind_may_take():
    world = World()
    with pytest.raises(MissingDependency):
        world.engine(dependencies_pending=lambda: True).apply(stack_of(B))
    assert 60 < world.elapsed < 65


def test_a_destroy_looks_again():
    """Another notebook may have made something a moment ago."""
    world = World()
    engine = world.engine()
    assert todo(engine.plan(BOTH, present=False)) == []
    world.there(A, B)
    asked = []
    plan = engine.destroy(BOTH, require_approval=lambda change: asked.append(change.key), on_progress=world.report)
    assert todo(plan) == [("made.b", "delete"), ("made.a", "delete")]
    assert (plan.scope, asked) == (SCOPE, ["made.b", "made.a"])
    assert world.sent == ["delete made.b", "delete made.a"]
    assert world.progress[0] == ("made.b", "deleting", 0.0)
    assert todo(engine.plan(BOTH)) == [("made.a", "create"), ("made.b", "create")]


def test_a_destroy_says_what_it_leaves():
    world = World()
    world.there(A, retain="it is dear to us")
    world.engine().destroy(BOTH)
    assert (world.sent, world.events) == (
        [], [("left", {"key": "made.a", "id": "id-a", "reason": "it is dear to us"})],
    )  # fmt: skip


def test_a_destroy_takes_nothing_for_ours_that_is_only_to_be_adopted(monkeypatch):
    world, looks = World(adopted={"made.a": "id-a"}), []
    monkeypatch.setattr(Made, "observe", lambda self, look, ids: looks.append(look._adopted))
    engine = world.engine()
    engine.plan(stack_of(A), present=False)
    assert looks == [{}]
    engine.plan(stack_of(B))
    assert looks[1:3] == [None, None]


STRANGER = NotOwned("made.a: it is somebody else's.", fix="Ask them.")


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("adopted", [{}, {"made.x": "id-x"}])
def test_what_may_be_somebody_elses_is_planned_around_and_never_written(present, adopted):
    world = World(adopted=adopted)
    world.there(A)
    world.strangers["made.a"] = STRANGER
    engine, asked = world.engine(), []
    assert engine.snapshot.is_survey
    plan = engine.plan(stack_of(A), present=present)
    assert todo(plan) == [("made.a", "blocked")]
    assert (plan.changes[0].reason, plan.changes[0].fix) == ("it is somebody else's", "Ask them.")
    for act in (engine.apply, engine.destroy):
        with pytest.raises(NotOwned) as stopped:
            act(stack_of(A, B), require_approval=asked.append)
        assert stopped.value is STRANGER
    assert (world.sent, world.locked, asked) == ([], [], [])


def test_while_a_dependency_is_awaited_nothing_may_be_somebody_elses():
    world = World()
    world.there(B)
    world.strangers["made.b"] = STRANGER
    with pytest.raises(NotOwned):
        world.engine(dependencies_pending=lambda: True).apply(stack_of(B))
    assert world.slept == []


def test_of_several_with_one_key_each_is_told_with_what_uses_it():
    world = World()
    world.there(A, B)
    error = Ambiguous("made.a: there are 2.", fix="Delete one.", ids=("id-a", "id-z"))
    world.strangers["made.a"] = error
    (change, *_) = world.engine().plan(BOTH).changes
    assert change.reason == "there are 2. Used: id-a by made.b; id-z by nothing of ours"


def test_what_is_to_be_adopted_and_is_not_there_is_blocked():
    """And what is there is kept."""
    world = World(adopted={"made.a": "id-x"})
    plan = world.engine().plan(stack_of(A))
    assert todo(plan) == [("made.a", "blocked")]
    assert plan.changes[0].reason == "there is no id-x of this kind that could be adopted"
    world.there(A)
    assert world.engine().plan(stack_of(A)).count == {"keep": 1}


def test_a_plan_to_destroy_looks_at_nothing_twice():
    """Unless something is to be adopted, which a destroy does not take for ours."""
    for adopted, looks in (({}, 2), ({"made.x": "id-x"}, 4)):
        world = World(adopted=adopted)
        world.there(A, B)
        engine = world.engine()
        engine.plan(BOTH)
        engine.plan(BOTH, present=False)
        assert world.looks == looks


def test_what_an_apply_has_done_is_seen_by_the_next_plan():
    world = World()
    engine = world.engine()
    engine.apply(BOTH)
    assert engine.plan(BOTH).count == {"keep": 2}


def test_after_an_orphan_is_deleted_the_apply_goes_on():
    world, orphan = World(), Made(name="left")
    world.there(A, orphan)
    world.things["made.a"] = replace(world.things["made.a"], orphans={orphan: world.things["made.left"]})
    world.engine().apply(BOTH)
    assert world.sent == ["delete made.left", "create made.b"]


def test_a_survey_settles_what_an_apply_has_left_unready():
    world = World()
    made = Observed("id-a", dict(A.desired({})), ready=False)
    world.becomes["made.a"] = [None, None, made, replace(made, ready=True)]
    engine = world.engine()
    engine.apply(stack_of(A))
    assert [kind for kind, _ in world.events] == ["change"]
    engine.survey(stack_of(A))
    assert world.events[1:] == [("settled", {"key": "made.a"})]


def test_a_dependency_that_came_last_is_seen():
    """Another notebook is asked first, and then looked after: what it made in between is there."""
    world = World()
    plan = world.engine(dependencies_pending=lambda: world.there(A)).apply(stack_of(B))
    assert todo(plan) == [("made.b", "create")]
    assert world.sent == ["create made.b"]


def test_the_time_to_wait_for_a_dependency_includes_its_last_moment(monkeypatch):
    monkeypatch.setattr(Made, "wait_timeout", 0.25)
    world = World()
    with pytest.raises(MissingDependency):
        world.engine(dependencies_pending=lambda: True).apply(stack_of(B))
    assert world.elapsed == 0.5


def test_what_remains_of_a_destroy_is_recorded_once(monkeypatch):
    """Of what is left when it is left, of what is deleted when AWS has accepted that."""
    remains = Remainder("id-final", "a snapshot")
    monkeypatch.setattr(Made, "left_behind", lambda self, observed: remains)
    world = World()
    world.there(A)
    world.engine().destroy(stack_of(A))
    assert [kind for kind, _ in world.events] == ["change", "left", "settled"]


def test_the_lock_is_kept_in_each_pause():
    world, kept = World(), []
    engine = world.engine(dependencies_pending=lambda: True, keep_lock=lambda: kept.append(world.elapsed))
    with pytest.raises(MissingDependency):
        engine.apply(stack_of(B))
    assert kept[:3] == [0.25, 0.5, 0.75]
    assert len(kept) == len(world.slept)


def test_an_engine_has_a_clock_of_its_own():
    world = World()
    world.there(A)
    assert world.engine(clock=None).plan(stack_of(A)).count == {"keep": 1}
