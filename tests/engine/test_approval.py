"""Approval binds: what is done is what was reviewed, or what remains of it, and nothing else."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.engine.approval import NOTHING, Approval, find_plan, is_covered, join_fingerprints, parse_fingerprints
from runbook_lib.engine.plan import Action, Change, make_plan
from runbook_lib.errors import NotApproved
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.resources.base import Observed
from tests.support.fake_kinds import LeavingThing, Thing, accounts, layouts, stack_of, there

SCOPE = "prod/123456789012/us-west-2"
GROUND = Thing(name="ground", size=2)
WALL = Thing(name="wall", size=2, on=(GROUND,))
BOTH = stack_of(GROUND, WALL)


def planned(seen, *things, **more):
    return make_plan(stack_of(*(things or (GROUND, WALL))), seen, scope=SCOPE, **more)


def kept(environment, plan, run="2026-05-04-1"):
    """A plan that an earlier run has left as evidence; the run's folder holds its file."""
    return RunFolder(environment, run, "01_network").write_plan(plan)


def allow(approval, plan, **where):
    for change in plan.todo:
        approval.require(change, **{"scope": SCOPE, "stack": "stack", **where})


def approval(approved, evidence, *, required=True):
    return Approval(approved, required=required, evidence=evidence)


def entry(plan, key):
    return next(e for e in json.loads(json.dumps(plan.as_dict()))["changes"] if e["key"] == key)


def change(plan, key):
    return next(c for c in plan.changes if c.key == key)


# What an approved change contains.


def test_a_change_contains_itself():
    plan = planned({})
    assert is_covered(entry(plan, "thing.wall"), change(plan, "thing.wall"))


@given(layouts(), st.data())
def test_a_change_that_was_written_down_contains_itself(things, data):
    """The evidence is JSON: what was approved is read back from it."""
    for present in (True, False):
        plan = make_plan(stack_of(*things), data.draw(accounts(things)), present=present, scope=SCOPE)
        for one in plan.todo:
            assert is_covered(entry(plan, one.key), one)
            assert not [
                other for other in plan.todo if other.key != one.key and is_covered(entry(plan, one.key), other)
            ]


def test_a_create_that_was_cut_short_is_completed_by_an_update():
    """A run that was killed between a create and the settings that follow it goes on with the same approval."""
    approved = entry(planned({}), "thing.wall")
    halfway = there(WALL, size=None)
    halfway[WALL] = replace(halfway[WALL], state={**halfway[WALL].state, "size": 0})
    assert is_covered(approved, change(planned(halfway), "thing.wall"))


def test_a_create_is_not_completed_to_something_else():
    approved = entry(planned({}), "thing.wall")
    larger = replace(WALL, size=7)
    assert not is_covered(approved, change(planned(there(WALL, size=0), GROUND, larger), "thing.wall"))


def test_a_create_of_something_else_is_another_change():
    approved = entry(planned({}), "thing.wall")
    assert not is_covered(approved, change(planned({}, GROUND, replace(WALL, size=7)), "thing.wall"))


def test_an_update_contains_what_is_left_of_it():
    square = replace(WALL, shape="square", size=3)
    both = Thing(name="wall", size=3, beside=GROUND)
    seen = there(GROUND, Thing(name="wall", size=1))
    approved = entry(planned(seen, GROUND, both), "thing.wall")
    assert set(approved["fields"]) == {"size", "beside"}
    seen[both] = replace(seen[both], state={**seen[both].state, "size": 3})
    left = change(planned(seen, GROUND, both), "thing.wall")
    assert set(left.fields) == {"beside"}
    assert is_covered(approved, left)
    assert not is_covered(approved, change(planned(seen, GROUND, square), "thing.wall"))


def test_an_update_from_elsewhere_is_another_change():
    """Who approved 1 → 2 has not seen that somebody made it 9 meanwhile."""
    approved = entry(planned(there(WALL, size=1)), "thing.wall")
    assert not is_covered(approved, change(planned(there(WALL, size=9)), "thing.wall"))


def test_an_update_is_no_leave_to_make_it_anew():
    approved = entry(planned(there(WALL, size=1)), "thing.wall")
    assert not is_covered(approved, change(planned({}), "thing.wall"))


def test_no_approval_to_make_is_one_to_destroy_nor_the_other_way():
    make, destroy = planned({}), planned(there(WALL), present=False)
    assert not is_covered(entry(make, "thing.wall"), change(destroy, "thing.wall"))
    assert not is_covered(entry(destroy, "thing.wall"), change(make, "thing.wall"))
    assert is_covered(entry(destroy, "thing.wall"), change(destroy, "thing.wall"))


@given(layouts(), st.data())
def test_a_run_that_goes_on_does_what_remains_and_needs_no_second_review(things, data):
    """Whatever part of an approved plan is done: each change that is left is part of it."""
    stack, done = stack_of(*things), data.draw(st.lists(st.sampled_from(things), unique=True))
    first, later = (make_plan(stack, seen, scope=SCOPE) for seen in (dict.fromkeys(things), there(*done)))
    assert all(is_covered(entry(first, left.key), left) for left in later.todo)
    halfway = make_plan(stack, there(*done, size=-1), scope=SCOPE)
    assert all(is_covered(entry(first, left.key), left) for left in halfway.todo)


PAIRS = st.sampled_from([(1, 2), (2, 1), (1, 3), (3, 2)])
FIELDS = st.dictionaries(st.sampled_from(["size", "shape", "tags"]), PAIRS, min_size=1)


@given(FIELDS, FIELDS)
def test_every_field_of_an_update_has_to_be_approved(approved, now):
    """Of an update each from the same value to the same; of a create, to the same."""
    current = Change(WALL, Action.UPDATE, None, None, now)
    update, create = (Change(WALL, action, None, None, approved).as_dict() for action in (Action.UPDATE, Action.CREATE))
    assert is_covered(update, current) is (now.items() <= approved.items())
    wanted, granted = ({name: new for name, (_, new) in fields.items()} for fields in (now, approved))
    assert is_covered(create, current) is (wanted.items() <= granted.items())


@given(FIELDS, FIELDS, st.sampled_from(Action), st.sampled_from(Action))
def test_no_other_action_contains_a_part_of_itself(approved, now, one, other):
    """An approval to delete, or of what was blocked, is of exactly that; and one is never of another resource's."""
    entry, current = Change(WALL, one, None, None, approved).as_dict(), Change(WALL, other, None, None, now)
    if other is not Action.UPDATE or one not in (Action.UPDATE, Action.CREATE):
        assert is_covered(entry, current) is (one is other and approved == now)
    assert not is_covered(entry, replace(current, resource=GROUND))


# A plan among the evidence.


def test_a_plan_is_found_in_the_evidence_of_any_run(tmp_path):
    plans = [planned({}), planned(there(GROUND))]
    for number, plan in enumerate(plans):
        kept(tmp_path, plan, run=f"run-{number}")
    assert [find_plan(tmp_path, plan.fingerprint) for plan in plans] == [plan.as_dict() for plan in plans]


def test_a_plan_that_nobody_has_written_is_not_found(tmp_path):
    kept(tmp_path, planned({}))
    assert find_plan(tmp_path, planned(there(GROUND)).fingerprint) is None
    assert find_plan(tmp_path / "nowhere", planned({}).fingerprint) is None


@pytest.mark.parametrize("forged", ["content", "scope", "name"])
def test_a_plan_is_believed_only_when_its_content_has_its_fingerprint(tmp_path, forged):
    """Who can write a file cannot approve with it."""
    plan, other = planned({}), planned({}, GROUND)
    path = kept(tmp_path, plan)
    record = json.loads(path.read_text(encoding="utf-8"))
    if forged == "content":
        record["plan"]["changes"].append({"key": "thing.palace", "action": "create", "fields": {}})
    elif forged == "scope":
        record["plan"]["scope"] = "dev/123456789012/us-west-2"
    else:
        record["plan"] = json.loads(json.dumps(other.as_dict()))
    path.write_text(json.dumps(record), encoding="utf-8")
    assert find_plan(tmp_path, plan.fingerprint) is None
    with pytest.raises(NotApproved):
        allow(approval(plan.fingerprint, tmp_path), plan)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"plan": 5}', "\udcff", "[" * 100_000, None])
def test_a_spoilt_file_hides_no_good_one(tmp_path, text):
    """Neither a traceback nor a refusal because some other run was cut short while it wrote."""
    plan = planned({})
    good = kept(tmp_path, plan, run="run-1")
    for run in ("run-0", "run-2"):
        bad = tmp_path / run / "plans" / good.name
        bad.parent.mkdir(parents=True)
        if text is None:
            bad.mkdir()
        else:
            bad.write_bytes(text.encode(errors="surrogateescape"))
    assert find_plan(tmp_path, plan.fingerprint) == plan.as_dict()


@pytest.mark.parametrize("text", ["", "*", "../../etc/passwd", "0123456789abcde", "0123456789ABCDEF", "?" * 16])
def test_what_is_no_fingerprint_finds_nothing(tmp_path, text):
    """Neither a part of one nor a pattern that fits any."""
    kept(tmp_path, planned({}))
    assert find_plan(tmp_path, text) is None


# What a run may do.


def test_without_a_need_for_approval_anything_may_be_done(tmp_path):
    allow(approval("", tmp_path, required=False), planned({}))


def test_where_it_is_required_nothing_is_done_without_one(tmp_path):
    with pytest.raises(NotApproved, match="requires an approval, and none was passed") as caught:
        allow(approval("  ", tmp_path), planned({}))
    assert caught.value.what.startswith("thing.ground: ")
    assert "fingerprint" in caught.value.fix


def test_the_present_plan_may_be_done_when_it_is_the_approved_one(tmp_path):
    plan = planned({})
    mine = approval(plan.fingerprint, tmp_path)
    mine.add_plan(plan)
    allow(mine, plan)


def test_a_given_approval_binds_also_where_none_is_required(tmp_path):
    """Who names a plan wants that plan."""
    mine = approval(planned({}).fingerprint, tmp_path, required=False)
    mine.add_plan(planned({}))
    with pytest.raises(NotApproved):
        allow(mine, planned({}, GROUND, replace(WALL, size=7)))


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("approved", [NOTHING, f" {NOTHING}\n", ",", " , "])
def test_where_nothing_was_approved_nothing_is_done(tmp_path, approved, required):
    """The reviewed plan had nothing to do: what there is to do now was seen by nobody."""
    mine = approval(approved, tmp_path, required=required)
    mine.add_plan(planned({}))
    with pytest.raises(NotApproved, match=r"thing\.ground: the approved plan has no changes"):
        allow(mine, planned({}))
    allow(mine, planned(there(GROUND, WALL)))


def test_where_nothing_was_approved_no_signature_helps(tmp_path):
    """It would find the current plan by itself."""
    plan = planned({})
    mine = Approval(NOTHING, required=True, evidence=tmp_path, require_signed=lambda plan: None)
    mine.add_plan(plan)
    with pytest.raises(NotApproved, match="the approved plan has no changes"):
        allow(mine, plan)


@pytest.mark.parametrize(
    ("given", "one"),
    [((), ""), (("",), NOTHING), ((" \n", ","), NOTHING), (("a", "b"), "a,b"), (("a\nb\n", ""), "a,b")],
)
def test_what_is_given_and_blank_is_not_what_is_not_given(given, one):
    """What a plan wrote down is given as it is, also when that is nothing."""
    assert join_fingerprints(given) == one


def test_a_present_plan_that_nobody_approved_allows_nothing(tmp_path):
    mine = approval("0123456789abcdef", tmp_path)
    mine.add_plan(planned({}))
    with pytest.raises(
        NotApproved, match="0123456789abcdef: not the fingerprint of the current plan of stack in prod/"
    ):
        allow(mine, planned({}))


def test_what_is_left_may_be_done_with_the_approval_of_the_whole(tmp_path):
    """The first run was killed; the second finds in the evidence what was approved."""
    whole = planned({})
    kept(tmp_path, whole)
    left = planned(there(GROUND))
    assert left.fingerprint != whole.fingerprint
    mine = approval(whole.fingerprint, tmp_path)
    mine.add_plan(left)
    allow(mine, left)


def test_a_change_that_is_not_in_the_approved_plan_is_refused_and_named(tmp_path):
    kept(tmp_path, planned({}, GROUND))
    mine = approval(planned({}, GROUND).fingerprint, tmp_path)
    with pytest.raises(NotApproved, match=r"thing\.wall: the approved plan does not create it"):
        allow(mine, planned({}))


def test_an_approval_for_another_environment_account_or_region_is_refused(tmp_path):
    plan = planned({})
    kept(tmp_path, plan)
    for scope in ("dev/123456789012/us-west-2", "prod/210987654321/us-west-2", "prod/123456789012/us-east-1"):
        with pytest.raises(NotApproved, match=f"not the fingerprint of the current plan of stack in {scope}"):
            allow(approval(plan.fingerprint, tmp_path), plan, scope=scope)


def test_an_approval_for_another_stack_is_refused(tmp_path):
    plan = planned({})
    kept(tmp_path, plan)
    with pytest.raises(NotApproved, match="current plan of data in prod/"):
        allow(approval(plan.fingerprint, tmp_path), plan, stack="data")


@pytest.mark.parametrize("between", [",", " ", ", ", "\n", " ,\t "])
def test_several_plans_are_approved_at_once(tmp_path, between):
    """One for each notebook of a run; each allows its own stack."""
    plans = [
        make_plan(stack_of(GROUND, name="network"), {}, scope=SCOPE),
        make_plan(stack_of(WALL, name="data"), {}, scope=SCOPE),
    ]
    for plan in plans:
        kept(tmp_path, plan)
    mine = approval(between.join(plan.fingerprint for plan in plans), tmp_path)
    for plan in plans:
        allow(mine, plan, stack=plan.stack)
    with pytest.raises(NotApproved, match=r"thing\.wall: the approved plan does not create it"):
        allow(mine, plans[1], stack="network")


def test_one_good_approval_among_others_is_enough_for_its_own_changes_only(tmp_path):
    plan = planned({}, GROUND)
    kept(tmp_path, plan)
    mine = approval(f"ffffffffffffffff {plan.fingerprint}", tmp_path)
    allow(mine, plan)
    with pytest.raises(NotApproved):
        allow(mine, planned({}))


def test_fingerprints_are_taken_apart_however_they_were_pasted():
    assert parse_fingerprints(" a, b\n c ") == ("a", "b", "c")
    assert parse_fingerprints("") == parse_fingerprints(" \n") == parse_fingerprints(" ,\n") == ()


def test_to_destroy_needs_its_own_approval(tmp_path):
    database = LeavingThing(name="database")
    build, destroy = planned({}, database), planned(there(database), database, present=False)
    for plan in (build, destroy):
        kept(tmp_path, plan)
    with pytest.raises(NotApproved, match=r"leaving_thing\.database: the approved plan does not delete it"):
        allow(approval(build.fingerprint, tmp_path), destroy)
    allow(approval(destroy.fingerprint, tmp_path), destroy)


def test_the_removal_of_an_orphan_is_approved_as_exactly_that(tmp_path):
    """Neither another one of the same name, nor the same one by the approval of a destroy."""
    left = Thing(name="left")

    def account(size):
        seen = there(GROUND)
        return {GROUND: replace(seen[GROUND], orphans={left: Observed("thing-9", {"size": size})})}

    plan, other = planned(account(1), GROUND), planned(account(2), GROUND)
    destroy = planned({left: Observed("thing-9", {"size": 1})}, left, present=False)
    for each in (plan, other, destroy):
        kept(tmp_path, each)
    allow(approval(plan.fingerprint, tmp_path), plan)
    for fingerprint in (other.fingerprint, destroy.fingerprint):
        with pytest.raises(NotApproved, match=r"thing\.left: the approved plan does not delete it"):
            allow(approval(fingerprint, tmp_path), plan)


# Signed approvals, which name their plan themselves.


def signed(evidence, *plans, approved="", refused=()):
    """An approval that has seen these plans; of some, the signatures are refused."""
    asked = []

    def require_signed(plan):
        asked.append(plan)
        for number, each in enumerate(refused):
            if plan == each.as_dict():
                raise NotApproved(f"refusal {number}", fix="Have it signed.")

    mine = Approval(approved, required=True, evidence=evidence, require_signed=require_signed)
    for plan in plans:
        mine.add_plan(plan)
    return mine, asked


def test_the_current_plan_needs_no_fingerprint_when_it_is_signed(tmp_path):
    plan = planned({})
    mine, asked = signed(tmp_path, plan)
    allow(mine, plan)
    assert asked == [plan.as_dict()] * len(plan.todo)
    with pytest.raises(NotApproved, match="none was passed"):
        allow(approval("", tmp_path), plan)


@pytest.mark.parametrize("where", [{"stack": "data"}, {"scope": "dev/123456789012/us-west-2"}])
def test_the_signed_plan_of_another_stack_or_environment_is_not_the_current_one(tmp_path, where):
    plan = planned({})
    mine, asked = signed(tmp_path, plan)
    with pytest.raises(NotApproved, match="none was passed"):
        allow(mine, plan, **where)
    assert asked == []


def test_of_several_current_plans_the_one_of_the_stack_counts(tmp_path):
    """The notebooks of a run have recorded one each."""
    network = make_plan(stack_of(GROUND, name="network"), {}, scope=SCOPE)
    data = make_plan(stack_of(WALL, name="data"), {}, scope=SCOPE)
    mine, asked = signed(tmp_path, network, data)
    allow(mine, data, stack="data")
    assert asked == [data.as_dict()]
    with pytest.raises(NotApproved, match=r"thing\.ground: the approved plan does not create it"):
        allow(mine, network, stack="data")


def test_without_a_valid_signature_the_first_refusal_is_raised(tmp_path):
    """Of several plans that hold the change, one is enough."""
    first, second = planned({}), planned({}, GROUND, WALL, Thing(name="roof"))
    both = f"{first.fingerprint},{second.fingerprint}"
    mine, _ = signed(tmp_path, first, second, approved=both, refused=(first, second))
    with pytest.raises(NotApproved, match="refusal 0"):
        allow(mine, first)
    mine, asked = signed(tmp_path, first, second, approved=both, refused=(first,))
    allow(mine, first)
    assert asked[:2] == [first.as_dict(), second.as_dict()]


def test_the_plans_to_apply_of_the_runs_notebooks_are_current(tmp_path):
    """Each notebook is a process of its own; plans of other modes and other runs are not meant."""
    network = make_plan(stack_of(GROUND, name="network"), {}, scope=SCOPE)
    data = make_plan(stack_of(WALL, name="data"), {}, scope=SCOPE)
    for plan in (network, data):
        kept(tmp_path, plan, run="mine")
    for path in (tmp_path / "mine" / "plans").iterdir():
        path.rename(path.with_name(f"01-apply-{path.stem.rpartition('-')[2]}.json"))
    mine, asked = signed(tmp_path)
    mine.add_recorded_plans(tmp_path / "mine")
    for plan in (network, data):
        allow(mine, plan, stack=plan.stack)
    assert asked == [network.as_dict(), data.as_dict()]
    elsewhere, _ = signed(tmp_path)
    elsewhere.add_recorded_plans(tmp_path / "other")
    with pytest.raises(NotApproved, match="none was passed"):
        allow(elsewhere, network, stack="network")
