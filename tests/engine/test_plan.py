"""A plan says what will be done, to whom, and from what to what; and its fingerprint says it is this plan."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.cli.plan_text import change_lines
from runbook_lib.engine.dependencies import missing_dependencies, require_dependencies
from runbook_lib.engine.guards import require_destroyable, require_unprotected
from runbook_lib.engine.plan import (
    Action,
    Change,
    count_text,
    dependencies_of,
    differing_lines,
    ids_of,
    make_plan,
    render_change,
)
from runbook_lib.engine.references import to_json
from runbook_lib.errors import Blocked, DestroyPrevented, MissingDependency, StillNeeded
from runbook_lib.formatting import FIELD_LABELS, format_value, label_field
from runbook_lib.journal.redaction.redactor import REDACTOR
from runbook_lib.journal.summary import Summary
from runbook_lib.resources.base import Observed
from runbook_lib.resources.predictions import Refusal
from runbook_lib.stacks.stack import Stack, in_order
from tests.resources.cases_compute import servers
from tests.support.fake_kinds import (
    ExternalThing,
    ImplicitThing,
    KeptThing,
    LeavingThing,
    Thing,
    accounts,
    layouts,
    stack_of,
    there,
)

SCOPE = "prod/123456789012/us-west-2"
GROUND = Thing(name="ground")
WALL = Thing(name="wall", on=(GROUND,), beside=GROUND)
BOTH = stack_of(GROUND, WALL)


def todo(plan):
    return [(change.key, change.action.value) for change in plan.todo]


def entries(plan):
    return {entry["key"]: entry for entry in plan.as_dict()["changes"]}


def the_change(thing, found, others=None):
    (change,) = make_plan(stack_of(thing), {**(others or {}), thing: found}).changes
    return change


# What has to happen.


def test_what_is_not_there_is_made_and_what_is_as_wanted_is_kept():
    assert todo(make_plan(BOTH, {})) == [("thing.ground", "create"), ("thing.wall", "create")]
    plan = make_plan(BOTH, there(WALL))
    assert plan.todo == ()
    assert plan.count == {"keep": 2}


def test_drift_is_an_update_of_just_the_fields_that_drifted():
    plan = make_plan(BOTH, there(WALL, size=5))
    assert entries(plan)["thing.wall"] == {"key": "thing.wall", "action": "update", "fields": {"size": [5, 1]}}


def test_what_aws_cannot_change_in_place_is_blocked_and_never_replaced():
    change = the_change(Thing(name="a", shape="square", size=2), Observed("thing-1", {"shape": "round", "size": 1}))
    assert (change.action, change.reason) == (Action.BLOCKED, "AWS cannot change shape in place")
    assert change.fields["shape"] == ("round", "square")


def test_a_blocked_plan_says_all_that_is_in_the_way():
    square = [replace(thing, shape="square") for thing in (GROUND, WALL)]
    plan = make_plan(stack_of(*square), there(GROUND, WALL))
    with pytest.raises(Blocked, match=r"(?s)thing\.ground: AWS cannot.*thing\.wall: AWS cannot.*Write the old value"):
        plan.raise_if_blocked()
    make_plan(BOTH, {}).raise_if_blocked()


def test_what_is_given_is_never_made():
    change = the_change(ExternalThing(name="zone"), None)
    assert (change.action, change.reason) == (Action.BLOCKED, "does not exist, and this runbook does not create it")


def test_what_is_given_is_never_changed():
    change = the_change(
        ExternalThing(name="zone", size=2),
        Observed("Z1", {"size": 1, "shape": "round", "on": frozenset(), "beside": None}),
    )
    assert (change.action, change.reason) == (Action.BLOCKED, "differs, and this runbook does not change it")


def test_what_failed_is_blocked_unless_a_change_may_mend_it():
    (seen,) = there(GROUND).values()
    failed = replace(seen, failed="no capacity")
    assert the_change(GROUND, failed).reason == "AWS reports it as failed: no capacity"
    assert the_change(GROUND, failed).action is Action.BLOCKED
    assert the_change(replace(GROUND, size=2), failed).action is Action.UPDATE


def test_what_aws_is_deleting_is_made_anew_when_it_is_gone():
    (seen,) = there(GROUND).values()
    change = the_change(GROUND, replace(seen, deleting=True))
    assert (change.action, change.reason) == (Action.CREATE, "after AWS has finished deleting the old one")


def test_what_is_about_to_go_lends_its_id_to_nobody():
    seen = there(WALL)
    seen[GROUND] = replace(seen[GROUND], deleting=True)
    assert ids_of(seen) == {WALL: seen[WALL].id}
    assert todo(make_plan(BOTH, seen)) == [("thing.ground", "create"), ("thing.wall", "update")]


# Order.


@given(layouts(), st.data())
def test_changes_come_needs_first_and_the_same_each_time(things, data):
    seen = data.draw(accounts(things))
    plan = make_plan(stack_of(*data.draw(st.permutations(things))), seen, scope=SCOPE)
    places = {change.resource: place for place, change in enumerate(plan.changes)}
    assert set(places) == set(things)
    assert all(places[need] < places[thing] for thing in things for need in thing.dependencies)
    shuffled = dict(data.draw(st.permutations(list(seen.items()))))
    again = make_plan(stack_of(*[change.resource for change in plan.changes]), shuffled, scope=SCOPE)
    assert [c.as_dict() for c in again.changes] == [c.as_dict() for c in plan.changes]


@given(layouts(), st.data())
def test_destroying_goes_the_same_way_backwards(things, data):
    """Nothing goes before what stands on it."""
    seen = data.draw(accounts(things))
    stack = stack_of(*things)
    forth = [change.key for change in make_plan(stack, seen).changes if seen[change.resource]]
    back = make_plan(stack, seen, present=False)
    assert [change.key for change in back.changes] == forth[::-1]
    assert {change.action for change in back.changes} <= {Action.DELETE}


def test_destroying_passes_over_what_is_not_ours_to_end():
    things = (ExternalThing(name="zone"), ImplicitThing(name="rule"), Thing(name="a"))
    assert todo(make_plan(stack_of(*things), there(*things), present=False)) == [("thing.a", "delete")]


def test_destroying_says_what_stays_and_why():
    things = (KeptThing(name="bucket"), LeavingThing(name="database"))
    plan = make_plan(stack_of(*things), there(*things), present=False)
    assert todo(plan) == [("leaving_thing.database", "delete")]
    assert re.search(r"- leaving_thing.database  \(leaves a snapshot: thing-[0-9a-f]{8}-final\)", repr(plan))
    assert re.search(
        r"= kept_thing.bucket  \(left on purpose: it is dear to us; its id is thing-[0-9a-f]{8}\)", repr(plan)
    )


# The fingerprint.


@given(layouts(), st.data())
def test_what_is_left_reads_as_it_was_reviewed(things, data):
    """When a run goes on half-way, each change that is left says to the letter what the first plan said of it."""
    stack = stack_of(*things)
    first = entries(make_plan(stack, dict.fromkeys(things), scope=SCOPE))
    seen = data.draw(accounts(things))
    later = make_plan(stack, seen, scope=SCOPE)
    left = {key: entry for key, entry in entries(later).items() if entry["action"] == "create"}
    assert set(left) == {thing.key for thing in things if not seen[thing]}
    assert left == {key: first[key] for key in left}


@given(layouts(), st.data())
def test_a_fingerprint_holds_no_id(things, data):
    """Two accounts in the same state have the same plan, whatever AWS has called the things there."""
    seen = data.draw(accounts(things))
    renamed = {}
    for number, thing in enumerate(in_order(things)):
        found = seen[thing]
        if found:
            state = {**thing.desired(ids_of(renamed)), "size": found.state["size"]}
            found = Observed(f"thing-{number:08x}", state)
        renamed[thing] = found
    one, two = (make_plan(stack_of(*things), account, scope=SCOPE) for account in (seen, renamed))
    assert one.fingerprint == two.fingerprint
    text = json.dumps(one.as_dict()) + repr(one)
    assert not [found.id for found in seen.values() if found and found.id in text]


@given(layouts(), st.data())
def test_a_fingerprint_says_nothing_of_the_order_of_declaration(things, data):
    seen = data.draw(accounts(things))
    one, two = (
        make_plan(stack_of(*declared), seen, scope=SCOPE) for declared in (things, data.draw(st.permutations(things)))
    )
    assert one.fingerprint == two.fingerprint


@given(layouts(), st.data())
def test_another_change_is_another_fingerprint(things, data):
    """Whatever is wanted otherwise, it is not what was reviewed."""
    seen = data.draw(accounts(things))
    stack = stack_of(*things)
    plan = make_plan(stack, seen, scope=SCOPE)
    changed = data.draw(st.sampled_from(things))
    others = [replace(thing, size=9) if thing == changed else thing for thing in things]
    assert make_plan(stack_of(*others), seen, scope=SCOPE).fingerprint != plan.fingerprint


@pytest.mark.parametrize(
    "scope", ["", "dev/123456789012/us-west-2", "prod/123456789013/us-west-2", "prod/123456789012/us-east-1"]
)
def test_a_fingerprint_fits_one_environment_account_and_region(scope):
    assert make_plan(BOTH, {}, scope=scope).fingerprint != make_plan(BOTH, {}, scope=SCOPE).fingerprint


def test_a_fingerprint_fits_one_stack():
    """Also when two have nothing to do."""
    seen = there(WALL)
    plans = [make_plan(stack_of(GROUND, WALL, name=name), seen, scope=SCOPE) for name in ("one", "two")]
    assert len({plan.fingerprint for plan in plans}) == 2


def test_a_fingerprint_is_of_what_is_done_and_not_of_what_is_kept():
    seen = there(WALL)
    del seen[WALL]
    busy = {**seen, GROUND: replace(seen[GROUND], status="modifying", ready=False, detail={"since": "today"})}
    assert make_plan(BOTH, seen).fingerprint == make_plan(BOTH, busy).fingerprint


def test_to_make_and_to_destroy_are_two_plans():
    seen = there(WALL)
    assert make_plan(BOTH, seen, present=False).fingerprint != make_plan(BOTH, seen).fingerprint


def test_a_fingerprint_is_of_this_text_and_no_other():
    """Plans are approved today and applied tomorrow, perhaps by a newer version of this library."""
    text = (
        '{"changes": [{"action": "update", "fields": {"size": [5, 1]}, "key": "thing.ground"}],'
        ' "scope": "prod/123456789012/us-west-2", "stack": "stack"}'
    )
    plan = make_plan(stack_of(GROUND), there(GROUND, size=5), scope=SCOPE)
    assert plan.fingerprint == hashlib.sha256(text.encode()).hexdigest()[:16]


# Names in place of ids.


def test_an_unknown_id_is_shown_as_it_is():
    """It belongs to somebody else: a person has to see it."""
    seen = there(WALL)
    seen[WALL] = replace(seen[WALL], state={**seen[WALL].state, "beside": "thing-ffffffff"})
    assert make_plan(BOTH, seen).todo[0].fields == {"beside": ("thing-ffffffff", "thing.ground")}


def test_an_arn_is_named_wherever_it_stands():
    names = {"arn:aws:iam::123456789012:role/prod-web": "role.web", "vpc-0a1b2c3d": "vpc.main", "web": "thing.web"}
    assert to_json("arn:aws:iam::123456789012:role/prod-web:*", names) == "role.web:*"
    assert to_json({"in": ["x vpc-0a1b2c3d, y"]}, names) == {"in": ["x vpc.main, y"]}


def test_an_id_that_is_a_plain_name_is_named_only_where_it_stands_alone():
    """`web` is also a word."""
    names = {"web": "target_group.web"}
    assert to_json("web", names) == "target_group.web"
    assert to_json("a web server, www.web.example", names) == "a web server, www.web.example"


@pytest.mark.parametrize("longer", ["{}-admin", "{}_2", "{}5", "x{}"])
def test_an_id_that_begins_or_ends_like_ours_is_another(longer):
    """A role of somebody else's must not pass for one of ours in a review."""
    for known in ("arn:aws:iam::123456789012:role/prod-web", "vpc-0a1b2c3d"):
        assert to_json(longer.format(known), {known: "thing.ours"}) == longer.format(known)


@pytest.mark.parametrize("names", [["ground", "stranger"], ["stranger", "ground"]])
def test_an_id_means_what_the_resource_needs(names):
    """Names are not unique across services: a target group and a group of servers may both be `prod-web`."""
    thing = Thing(name="a", beside=GROUND)
    state = {"size": 1, "shape": "round", "on": frozenset({"prod-web"}), "beside": "prod-web"}
    seen = {Thing(name=name): Observed("prod-web", {}) for name in names}
    assert the_change(thing, Observed("thing-9", state), seen).fields == {"on": (["thing.ground"], [])}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.tuples(inner, inner) | st.frozensets(st.text(max_size=3)) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_every_value_is_written_down_and_read_back_the_same(value):
    """What was approved is compared with what was read back from the evidence."""
    written = to_json(value, {})
    assert json.loads(json.dumps(written)) == written


@given(VALUES)
def test_every_value_is_shown_on_one_line_of_bearable_length(value):
    assert len(format_value(to_json(value, {}))) <= 160


# What a person reads.


def test_a_change_is_told_from_what_to_what():
    lines = repr(make_plan(BOTH, there(WALL, size=5), scope=SCOPE)).splitlines()
    assert lines[0].startswith("stack [")
    assert lines[0].endswith("]: 2 update")
    assert lines[1:] == ["  ~ thing.ground", "      size: 5 → 1", "  ~ thing.wall", "      size: 5 → 1"]


def test_a_reference_is_told_by_the_key_of_what_it_refers_to():
    seen = there(WALL)
    water = Thing(name="water")
    seen[water] = Observed("thing-ffffffff", water.desired({}))
    moved = stack_of(GROUND, water, replace(WALL, beside=water))
    assert "      beside: thing.ground → thing.water" in repr(make_plan(moved, seen)).splitlines()


def test_what_is_blocked_is_told_with_reason_and_difference():
    lines = repr(make_plan(stack_of(replace(GROUND, shape="square")), there(GROUND))).splitlines()
    reason = "AWS cannot change shape in place. Write the old value in params/ again: only a new resource can have"
    assert lines[1:] == [f"  ! thing.ground  ({reason} another one.)", "      shape: round → square"]


def test_an_empty_plan_says_so():
    assert repr(make_plan(stack_of(), {})).endswith("]: nothing")


# What a stack stands on.


def test_an_earlier_layer_that_is_missing_is_named():
    stack = stack_of(WALL)
    assert missing_dependencies(stack, {}) == (GROUND,)
    with pytest.raises(
        MissingDependency, match=r"stack needs thing\.ground, which does not exist\.\n.*before this one first"
    ):
        require_dependencies(stack, {})


def test_all_that_is_missing_is_named_at_once():
    roof = Thing(name="roof", on=(Thing(name="a"), Thing(name="b")))
    with pytest.raises(MissingDependency, match=r"needs thing\.a, thing\.b, which do not exist"):
        require_dependencies(stack_of(roof), {})


def test_what_is_about_to_go_carries_nothing():
    seen = there(GROUND)
    assert missing_dependencies(stack_of(WALL), seen) == ()
    require_dependencies(stack_of(WALL), seen)
    seen[GROUND] = replace(seen[GROUND], deleting=True)
    assert missing_dependencies(stack_of(WALL), seen) == (GROUND,)


def test_what_the_stack_makes_itself_is_not_missing():
    require_dependencies(BOTH, {})


def test_all_that_is_guarded_is_named_with_the_way_out():
    with pytest.raises(
        DestroyPrevented, match=r"(?s)kept_thing\.a: a is protected\nkept_thing\.b: b is protected.*to false"
    ):
        require_unprotected([KeptThing(name="a"), GROUND, KeptThing(name="b")])
    require_unprotected([GROUND])


# Orphans.


def orphaned(owner=GROUND, name="left"):
    """An account in which something that no stack contains belongs to *owner*."""
    seen = there(GROUND, WALL)
    left = Thing(name=name)
    seen[owner] = replace(seen[owner], orphans={left: Observed("thing-99", {"size": 7, "on": seen[GROUND].id})})
    return seen


def test_what_the_parameters_no_longer_ask_for_is_removed_with_its_owner():
    """The plan names it, and what it was; it is of the part of what it belongs to, and is done after that."""
    plan = make_plan(BOTH, orphaned())
    assert [c.key for c in plan.changes] == ["thing.ground", "thing.left", "thing.wall"]
    fields = {"on": ["thing.ground", None], "size": [7, None]}
    assert plan.as_dict()["changes"] == [{"key": "thing.left", "action": "delete", "fields": fields}]
    assert plan.explanations == {
        "reasons": [["thing.left", "no longer in the parameters"]],
        "parts": [["thing.left", "all"]],
    }
    assert count_text(plan) == "1 to delete, 2 unchanged"
    assert "- thing.left  (no longer in the parameters)\n      on=thing.ground, size=7" in repr(plan)


def test_a_destroy_removes_it_before_its_owner():
    assert todo(make_plan(BOTH, orphaned(), present=False)) == [
        ("thing.wall", "delete"),
        ("thing.left", "delete"),
        ("thing.ground", "delete"),
    ]


def test_what_a_stack_contains_is_no_orphan_of_anything():
    assert make_plan(BOTH, orphaned(name="wall")).todo == ()


def test_another_stack_does_not_remove_it():
    """It belongs to what this stack only needs."""
    assert make_plan(stack_of(WALL), orphaned()).todo == ()


def test_orphans_without_an_owner_are_deleted_last_each_with_its_reason():
    """What leaves something behind says so; what is kept on purpose, is not ours or is gone needs no change."""
    gone, alien, absent = (Thing(name=name) for name in ("gone", "alien", "absent"))
    leaving, kept = LeavingThing(name="leaving"), KeptThing(name="kept")
    seen = there(GROUND, WALL, gone, leaving, kept, alien)
    seen[alien] = replace(seen[alien], foreign="it has no tags")
    plan = make_plan(BOTH, seen, orphans=[gone, leaving, kept, alien, absent])
    assert todo(plan) == [("leaving_thing.leaving", "delete"), ("thing.gone", "delete")]
    assert dict(plan.explanations["reasons"]) == {
        "leaving_thing.leaving": f"leaves a snapshot: {seen[leaving].id}-final",
        "thing.gone": "no longer in the parameters",
    }


def test_a_change_that_aws_would_refuse_shows_what_it_is_about():
    """Of two fields that differ, the one that AWS does not offer; with the way out."""
    larger = Thing(name="ground", size=5, shape="round")
    (change,) = make_plan(stack_of(larger), {larger: None}).todo
    refusal = Refusal(frozenset({"size"}), "AWS offers no size 5", "Set size to 4.")
    blocked = change.block(refusal)
    assert (blocked.action, blocked.fields) == (Action.BLOCKED, {"size": (None, 5)})
    assert set(change.fields) > {"size"}
    assert blocked.explanation == "AWS offers no size 5. Set size to 4."


def test_what_explains_a_change_is_not_masked_for_the_name_of_its_resource():
    """A part, a reason and the lines of a diff, of e.g. the access to the master's secret."""
    thing = Thing(name="web-master-secret")
    plan = make_plan(stack_of(thing), {})
    (change,) = plan.changes
    explained = replace(plan, changes=(replace(change, reason="Read by nobody", differences={"a": ("- b",)}),))
    assert REDACTOR.redact(explained.explanations) == {
        "reasons": [["thing.web-master-secret", "Read by nobody"]],
        "parts": [["thing.web-master-secret", "all"]],
        "differences": [["thing.web-master-secret", {"a": ["- b"]}]],
    }


def test_of_several_blocked_changes_each_way_out_is_named_once():
    square, oval = Thing(name="square", shape="square"), Thing(name="oval", shape="oval")
    gone = ExternalThing(name="gone")
    seen = {thing: Observed(f"i-{thing.name}", {**thing.desired({}), "shape": "round"}) for thing in (square, oval)}
    plan = make_plan(stack_of(square, oval, gone), seen)
    with pytest.raises(Blocked) as blocked:
        plan.raise_if_blocked()
    assert str(blocked.value).splitlines()[:3] == [
        "thing.square: AWS cannot change shape in place",
        "thing.oval: AWS cannot change shape in place",
        "external_thing.gone: does not exist, and this runbook does not create it",
    ]
    assert blocked.value.fix == (
        "Write the old value in params/ again: only a new resource can have another one."
        " Correct its name or id in params/, or have it created or changed by its owner."
    )


@pytest.mark.parametrize("by", ["resource", "observed"])
def test_what_is_retained_by_its_kind_or_by_aws_stays(by):
    thing = (KeptThing if by == "resource" else Thing)(name="a")
    other = Thing(name="b")
    seen = there(thing, other)
    if by == "observed":
        seen[thing] = replace(seen[thing], retain="it is dear to us")
    plan = make_plan(stack_of(thing, other), seen, present=False)
    assert todo(plan) == [("thing.b", "delete")]
    (kept,) = [change for change in plan.changes if change.action is Action.KEEP]
    assert kept.reason == f"left on purpose: it is dear to us; its id is {seen[thing].id}"


def test_a_plan_is_shown_with_every_change_in_it():
    """Old and new values of an update, all fields of what is created, and why the rest is as it is."""
    new, changed, kept = Thing(name="new", size=2), Thing(name="changed", size=3), Thing(name="kept")
    round_ = Thing(name="round", shape="square")
    seen = there(changed, kept, round_)
    seen[changed] = replace(seen[changed], state={**seen[changed].state, "size": 1})
    seen[round_] = replace(seen[round_], state={**seen[round_].state, "shape": "round"})
    plan = make_plan(stack_of(new, changed, kept, round_, name="web"), seen)
    assert repr(plan).splitlines() == [
        f"web [{plan.fingerprint}]: 1 blocked, 1 create, 1 keep, 1 update",
        "  + thing.new",
        "      beside=null, on=[], shape=round, size=2",
        "  ~ thing.changed",
        "      size: 1 → 3",
        "  = thing.kept",
        "  ! thing.round  (AWS cannot change shape in place. Write the old value in params/ again: only a new resource"
        " can have another one.)",
        "      shape: round → square",
    ]
    (shown,) = render_change(plan.changes[0], whole=False)
    assert shown == "  + thing.new"
    assert (
        repr(make_plan(stack_of(name="web"), {})) == f"web [{make_plan(stack_of(name='web'), {}).fingerprint}]: nothing"
    )


def test_what_goes_on_a_destroy_is_shown_as_it_was():
    leaving, plain, kept = LeavingThing(name="a"), Thing(name="b"), KeptThing(name="c")
    seen = there(leaving, plain, kept)
    plan = make_plan(stack_of(leaving, plain, kept), seen, present=False)
    reasons = {change.key: change.reason for change in plan.changes}
    assert reasons == {
        "kept_thing.c": f"left on purpose: it is dear to us; its id is {seen[kept].id}",
        "thing.b": "",
        "leaving_thing.a": f"leaves a snapshot: {seen[leaving].id}-final",
    }
    assert [change.action for change in plan.changes] == [Action.KEEP, Action.DELETE, Action.DELETE]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("a\nb\nc\nd\ne", "a\nb\nX\nd\ne", ("…", "  b", "- c", "+ X", "  d")),
        ("a", "b", ("…", "- a", "+ b")),
        ("a\n1\n2\n3\n4\nb", "x\n1\n2\n3\n4\ny", ("…", "- a", "+ x", "  1", "…", "  4", "- b", "+ y")),
        ("", "a", ("…", "+ a")),
        ("same", "same", ()),
    ],
)
def test_of_two_texts_the_lines_that_differ_are_shown(old, new, lines):
    assert differing_lines(old, new) == lines


def test_the_reasons_parts_and_lines_of_a_plan_go_beside_it():
    one, two = Thing(name="one"), ExternalThing(name="two")
    plan = make_plan(Stack("web", front=[one], back=[two]), {})
    assert plan.explanations == {
        "reasons": [["external_thing.two", f"{plan.changes[1].reason}. {plan.changes[1].way_out}"]],
        "parts": [["thing.one", "front"], ["external_thing.two", "back"]],
    }
    differing = replace(plan, changes=(replace(plan.changes[0], differences={"text": ("- a", "+ b")}), plan.changes[1]))
    assert differing.explanations["differences"] == [["thing.one", {"text": ("- a", "+ b")}]]
    assert differing.fingerprint == plan.fingerprint


def test_dependencies_are_written_down_by_their_keys():
    first, second = Thing(name="a"), Thing(name="b")
    third = Thing(name="c", on=(first, second))
    assert dependencies_of(third) == {"needs": ["thing.a", "thing.b"], "after": []}
    assert dependencies_of(Thing(name="d", beside=third))["needs"] == ["thing.c"]
    assert dependencies_of(first) == {"needs": [], "after": []}


def test_a_failed_resource_may_be_mended_by_another_change():
    """Only then is it no reason to stop."""
    thing, other = Thing(name="a"), Thing(name="b", shape="square")
    seen = there(thing, other)
    seen[thing] = replace(seen[thing], failed="it broke")
    plan = make_plan(stack_of(thing, other), seen)
    assert plan.changes[0].is_failed
    plan.raise_if_blocked(failed=False)
    with pytest.raises(Blocked, match=r"thing\.a: AWS reports it as failed: it broke"):
        plan.raise_if_blocked()
    seen[other] = replace(seen[other], state={**seen[other].state, "shape": "round"})
    with pytest.raises(Blocked) as blocked:
        make_plan(stack_of(thing, other), seen).raise_if_blocked(failed=False)
    assert "thing.a" not in str(blocked.value)


def test_a_field_is_shown_by_the_name_that_aws_gives_it_and_kept_by_its_own():
    """A fingerprint, an approval and an old journal hold the field's own name."""
    fields = {"least": (2, 3), "most": (4, 6), "spread": ("a", "b")}
    change = Change(servers(), Action.UPDATE, None, {}, fields)
    assert list(render_change(change)) == [
        "  ~ auto_scaling_group.web", "      min_size: 2 → 3", "      max_size: 4 → 6", "      spread: a → b",
    ]  # fmt: skip
    assert list(render_change(replace(change, action=Action.DELETE)))[1:] == ["      min_size=2, max_size=4, spread=a"]
    entry = change.as_dict()
    assert entry["fields"] == {name: list(pair) for name, pair in fields.items()}
    summary = Summary("03_compute", {"update": 1}, [entry], "", {}, {}, None, "", ())
    assert [line.text for line in change_lines(entry, summary)][1:] == [
        "min_size: 2 → 3", "max_size: 4 → 6", "spread: a → b",
    ]  # fmt: skip


def test_no_field_is_shown_by_a_name_that_its_kind_has_already():
    kinds = json.loads((Path(__file__).parents[1] / "golden" / "kinds.json").read_text())
    for resources in kinds.values():
        for resource in resources.values():
            names = [label_field(name) for name in resource["desired"]]
            assert len(names) == len(set(names))
    used = {name for resources in kinds.values() for one in resources.values() for name in one["desired"]}
    assert set(FIELD_LABELS) <= used


@pytest.mark.parametrize(
    ("observed", "fields", "is_failed"),
    [
        (None, {}, False), (Observed("x", {}), {}, False), (Observed("x", {}, failed="broken"), {}, True),
        (Observed("x", {}, failed="broken"), {"size": (1, 2)}, False), (Observed("x", {}), {"size": (1, 2)}, False),
        (None, {"size": (None, 2)}, False),
    ],
)  # fmt: skip
def test_a_resource_is_called_failed_where_no_change_may_mend_it(observed, fields, is_failed):
    """The way out is then that of its kind."""
    change = Change(GROUND, Action.BLOCKED, observed, None, fields, "x", fix="Undo it.")
    assert change.is_failed is is_failed
    assert change.way_out == (GROUND.if_failed if is_failed else "Undo it.")
    assert replace(change, fix="").way_out == (
        GROUND.if_failed if is_failed
        else "Write the old value in params/ again: only a new resource can have another one."
    )  # fmt: skip


def test_a_refusal_stays_with_the_change_that_it_blocks():
    """The report says what was asked of AWS, and what AWS offers."""
    (change,) = make_plan(stack_of(GROUND), {}).todo
    refusal = Refusal(frozenset({"size"}), "AWS offers no size 5", "Set size to 4.")
    blocked = change.block(refusal)
    assert blocked == replace(
        change, action=Action.BLOCKED, fields={"size": change.fields["size"]}, reason="AWS offers no size 5",
        fix="Set size to 4.", refusal=refusal,
    )  # fmt: skip


@pytest.mark.parametrize("action", [Action.CREATE, Action.DELETE])
def test_a_change_without_fields_is_one_line(action):
    assert list(render_change(Change(GROUND, action, None, None, {}))) == [
        f"  {'+' if action is Action.CREATE else '-'} thing.ground"
    ]


@pytest.mark.parametrize(("given", "reason"), [("vpc-1", "vpc-1 does not exist"), (None, "does not exist")])
def test_what_is_given_and_missing_is_named_as_it_was_given(monkeypatch, given, reason):
    if given:
        monkeypatch.setattr(ExternalThing, "known_as", given, raising=False)
    (change,) = make_plan(stack_of(ExternalThing(name="theirs")), {}).changes
    assert change.reason == f"{reason}, and this runbook does not create it"


def test_what_is_not_ours_is_refused_with_a_way_out_and_left_by_a_destroy():
    foreign = Observed("thing-1", {"size": 1}, foreign="it has no tags")
    refused = the_change(GROUND, foreign)
    assert (refused.resource, refused.action, refused.observed, refused.fields) == (GROUND, Action.BLOCKED, foreign, {})
    assert refused.reason == "it has no tags"
    assert refused.way_out == (
        "If nobody needs it, delete it; otherwise choose another name in params/. Then run this again."
    )
    (left,) = make_plan(stack_of(GROUND), {GROUND: foreign}, present=False).changes
    assert left == Change(GROUND, Action.KEEP, foreign, None, {}, "left, it is not ours: it has no tags")


def test_the_fields_of_a_change_are_written_in_the_order_of_their_names():
    (change,) = make_plan(stack_of(GROUND), {}).changes
    fields = change.as_dict()["fields"]
    assert [*fields.items()] == [("beside", [None, None]), ("on", [None, []]), ("shape", [None, "round"]),
                                 ("size", [None, 1])]  # fmt: skip


def test_a_plan_cannot_be_changed():
    """What was approved is what is carried out."""
    plan = make_plan(BOTH, {})
    assert isinstance(plan.changes, tuple)
    assert isinstance(plan.todo, tuple)
    assert (count_text(plan), count_text(make_plan(stack_of(), {}))) == ("2 to create", "nothing")


@pytest.mark.parametrize(
    ("kept", "dependents"),
    [
        ((), ""), (("roof",), "thing.roof still depends on stack."),
        (("roof", "tower"), "thing.roof, thing.tower still depend on stack."), (("house",), ""),
        (("theirs",), ""), (("wall",), ""),
    ],
)  # fmt: skip
def test_what_later_notebooks_have_made_goes_first(kept, dependents):
    """Of what exists, is ours, and stands on the stack; not the stack's own things, nor what stands elsewhere."""
    others = [
        Thing(name="roof", on=(WALL,)), Thing(name="tower", on=(GROUND,)), Thing(name="house"),
        ExternalThing(name="theirs", on=(GROUND,)),
    ]  # fmt: skip
    everything = [GROUND, WALL, *others]
    seen = {r: Observed(r.name, {}) if r.name in ("ground", *kept) else None for r in everything}
    if not dependents:
        return require_destroyable(BOTH, everything, seen)
    with pytest.raises(StillNeeded) as needed:
        require_destroyable(BOTH, everything, seen)
    assert needed.value.what == dependents
    assert needed.value.fix == "Destroy the later notebooks first: 04, 03, 02, 01."
    return None


def test_what_the_parameters_protect_is_destroyed_by_nobody_if_it_exists():
    kept = KeptThing(name="kept")
    require_destroyable(BOTH, [GROUND, kept], {GROUND: None, kept: None})
    with pytest.raises(DestroyPrevented, match=r"kept_thing\.kept: "):
        require_destroyable(BOTH, [GROUND, kept], {GROUND: None, kept: Observed("k", {})})


@pytest.mark.parametrize("whole", [True, False])
def test_a_long_value_is_shown_whole_or_cut(whole):
    """The command shows all of it; a cell's table the beginning."""
    value = "x" * 500
    change = Change(GROUND, Action.UPDATE, Observed("g", {}), None, {"shape": ("round", value)})
    shown = "\n".join(render_change(change, whole=whole))
    assert (value in shown) is whole
    assert "shape: round → x" in shown


def test_what_is_there_by_itself_is_never_made(monkeypatch):
    """But it is changed where it differs."""
    monkeypatch.setattr(Thing, "inherent", True)
    (kept,) = make_plan(stack_of(GROUND), {}).changes
    assert (kept.action, kept.observed, kept.fields) == (Action.KEEP, None, {})
    (changed,) = make_plan(stack_of(GROUND), there(GROUND, size=9)).changes
    assert (changed.action, set(changed.fields)) == (Action.UPDATE, {"size"})
