"""A kind's fields are what is wanted; its references are what it needs."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.resources.base import (
    ExternalResource,
    Observed,
    Resource,
    Unknown,
    drift_of,
    drifted_fields,
    ids_of,
    is_owned,
    kind,
    snake,
    tagged_resources,
)
from runbook_lib.resources.predictions import Remainder
from tests.support.fake_kinds import KeptThing, Thing, layouts

GROUND, WATER = Thing(name="ground"), Thing(name="water")


@kind
class VpcEndpointRoute(Resource):
    table: Thing
    way: tuple[tuple[str, Thing], ...] = ()
    others: tuple[Thing, ...] = ()

    ready_fields = frozenset({"others", "table"})

    def observe(self, look, ids):
        return None

    def create(self, aws, ids):
        """Nothing to make."""

    def delete(self, aws, ids, seen):
        """Nothing to remove."""


def test_a_key_says_kind_and_name():
    """It is the identity tag, so it must not change between versions of this library."""
    assert VpcEndpointRoute(name="private-a", table=GROUND).key == "vpc_endpoint_route.private-a"
    assert [snake(name) for name in ("Vpc", "NatGateway", "DbInstance")] == ["vpc", "nat_gateway", "db_instance"]


def test_what_is_wanted_of_it_does_not_make_it_another():
    """A changed parameter changes the resource that is there; it never makes a second one."""
    small, large = Thing(name="a", size=1), Thing(name="a", size=2)
    assert small == large
    assert len({small: 1, large: 2}) == 1


def test_another_name_or_another_kind_makes_it_another():
    @kind
    class Matter(Thing):
        pass

    assert len({Thing(name="a"), Thing(name="b"), Matter(name="a")}) == 3
    assert Thing(name="a") != "thing.a"


def test_it_cannot_be_changed_after_it_was_reviewed():
    with pytest.raises(AttributeError):
        GROUND.size = 2


def test_references_are_needs_also_inside_tuples_of_tuples():
    route = VpcEndpointRoute(name="a", table=GROUND, way=(("over", WATER),), others=(GROUND,))
    assert route.dependencies == (GROUND, WATER, GROUND)


def test_only_fields_that_say_so_wait_until_their_resource_is_ready():
    route = VpcEndpointRoute(name="a", table=GROUND, way=(("over", WATER),))
    assert route.ready_dependencies == (GROUND,)
    assert Thing(name="b", on=(GROUND,)).ready_dependencies == ()


def test_a_reference_is_wanted_as_the_id_of_what_is_there():
    thing = Thing(name="a", on=(GROUND, WATER), beside=WATER)
    ids = {GROUND: "thing-1", WATER: "thing-2"}
    assert thing.desired(ids) == {
        "size": 1, "shape": "round", "on": frozenset({"thing-1", "thing-2"}), "beside": "thing-2",
    }  # fmt: skip


def test_a_reference_to_what_is_not_there_yet_is_wanted_under_its_key():
    wanted = Thing(name="a", on=(GROUND, WATER), beside=WATER).desired({GROUND: "thing-1"})
    assert wanted["on"] == {"thing-1", Unknown("thing.water")}
    assert str(wanted["beside"]) == "thing.water"


@given(layouts(), st.data())
def test_order_carries_no_meaning(things, data):
    """AWS lists in any order; no order is drift."""
    on = data.draw(st.permutations(things))
    ids = {thing: f"thing-{n}" for n, thing in enumerate(things)}
    assert Thing(name="last", on=tuple(on)).desired(ids) == Thing(name="last", on=tuple(things)).desired(ids)


def test_only_what_is_wanted_is_compared():
    """What AWS adds by itself is none of our business."""
    assert drifted_fields({"size": 1, "colour": "red"}, {"size": 1}) == frozenset()
    assert drifted_fields({"size": 1}, {"size": 2, "shape": None}) == {"size"}


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2)),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2)),
)
def test_a_field_differs_when_and_only_when_it_is_seen_otherwise(seen, wanted):
    found = drifted_fields(seen, wanted)
    assert {**seen, **{name: wanted[name] for name in found}}.items() >= wanted.items()
    assert all(seen.get(name) != wanted[name] for name in found)


def test_a_kind_that_cannot_be_changed_says_what_it_was_asked_for():
    with pytest.raises(NotImplementedError, match=r"thing\.ground cannot update \['size'\]"):
        GROUND.update(None, {}, Observed("thing-1", {}), frozenset({"size"}))


def test_nothing_is_guarded_kept_or_left_unless_it_says_so():
    assert (GROUND.prevent_destroy, GROUND.retain) == ("", "")
    assert GROUND.left_behind(Observed("thing-1", {})) is None
    assert (Thing.external, Thing.implicit, Thing.update_when_ready) == (False, False, False)


def test_a_person_is_told_the_facts_and_not_what_only_calls_want():
    seen = Observed("thing-1", {}, detail={"address": "192.0.2.1", "_record": {"x": 1}})
    assert seen.public_detail == {"address": "192.0.2.1"}


def test_what_stays_is_told_with_its_id_and_why():
    """Because the parameters say so, or because AWS does: what the parameters say comes first."""
    kept = Observed("thing-1", {}, retain="AWS keeps it")
    assert GROUND.left_behind(kept) == Remainder("thing-1", "AWS keeps it")
    assert KeptThing(name="a").left_behind(kept) == Remainder("thing-1", "it is dear to us")
    assert KeptThing(name="a").left_behind(Observed("thing-1", {})) == Remainder("thing-1", "it is dear to us")


def test_what_a_kind_does_not_say_is_nothing():
    seen = Observed("thing-1", {})
    assert GROUND.remedy(seen, frozenset({"shape"})) == GROUND.users(None, seen) == ""
    assert (list(GROUND.twins(None, {})), list(GROUND.obstacles(None, seen))) == ([], [])
    assert (GROUND.foresee_refusal(None, {}, seen, {"size"}), GROUND.texts(seen)) == (None, {})
    assert GROUND.required_permissions() == Thing.needs == ()


def test_what_is_seen_is_ready_and_ours_unless_something_else_is_said():
    seen = Observed("thing-1", {"size": 1})
    assert seen == Observed(
        id="thing-1", state={"size": 1}, ready=True, status="", failed="", deleting=False, recreated=False, retain="",
        note="", step="", foreign="", unowned=None, detail={}, tagging=None, tag_drift={}, orphans={},
    )  # fmt: skip


def test_how_long_a_kind_is_waited_for_unless_it_says_so():
    assert (Thing.wait_timeout, Thing.delete_timeout, Thing.eventual_timeout) == (120, 0, 90)
    assert (Thing.usual_wait, Thing.usual_delete, Thing.owner_field) == ("", "", "")
    assert (Thing.repeatable_create, Thing.inherent, Thing.holds_lock) == (True, False, False)
    assert Thing.if_failed == "Correct the cause, then apply again."


@pytest.mark.parametrize("ready", [True, False])
def test_a_dependency_is_ready_enough_when_aws_says_so(ready):
    assert GROUND.is_satisfied_by(Observed("thing-1", {}, ready=ready)) is ready


@pytest.mark.parametrize(
    ("code", "message", "eventual"),
    [
        ("NotYet", "", True), ("NotYet", "x", True), ("Invalid", "the role does not exist yet", True),
        ("Invalid", "a typo", False), ("Invalid", "", False), ("Other", "does not exist", False),
        ("NotYetAgain", "", False),
    ],
)  # fmt: skip
def test_an_error_passes_by_its_code_and_where_it_is_said_by_its_words(code, message, eventual):
    @kind
    class Young(Thing):
        eventual_errors = frozenset({"NotYet", "Invalid: does not exist"})

    assert Young(name="a").is_eventual(code, message) is eventual


def test_a_differing_tag_is_drift_beside_the_fields():
    """The observed and the wanted side are not the same: only what is wanted is compared."""
    seen = Observed("thing-1", {"size": 1, "colour": "red"})
    tagged = Observed("thing-1", {"size": 1}, tag_drift={"Name": (None, "a")})
    assert drift_of(seen, {"size": 1}) == frozenset()
    assert drift_of(seen, {"size": 2, "shape": "round"}) == {"size", "shape"}
    assert drift_of(tagged, {"size": 1}) == {"tags"}
    assert drift_of(tagged, {"size": 2}) == {"size", "tags"}


def test_what_is_being_deleted_has_no_id_for_others():
    going = Observed("thing-2", {}, deleting=True)
    assert ids_of({GROUND: Observed("thing-1", {}), WATER: going, Thing(name="a"): None}) == {GROUND: "thing-1"}


def test_what_belongs_to_others_is_neither_made_nor_removed():
    class Lent(ExternalResource):
        def observe(self, look, ids):
            return None

    lent = Lent("a")
    assert (lent.external, lent.desired({})) == (True, {})
    for act in (lambda: lent.create(None, {}), lambda: lent.delete(None, {}, Observed("x", {}))):
        with pytest.raises(NotImplementedError, match=r"^lent\.a is external$"):
            act()


def test_ownership_is_required_of_what_is_there():
    checked = []
    look = SimpleNamespace(require_ownership=lambda resource, tags: checked.append((resource, tags)))
    pairs = [{"Key": "Name", "Value": "x"}]
    assert is_owned(look, GROUND, None) is False
    assert is_owned(look, GROUND, {"Tags": pairs}) is is_owned(look, WATER, {"TagList": pairs}, "TagList") is True
    assert checked == [(GROUND, {"Name": "x"}), (WATER, {"Name": "x"})]


def test_the_tagging_api_is_asked_for_our_environment_s_own():
    """A hundred at once: the most that it tells."""
    asked = []

    def ask(*call, **request):
        asked.append((call, request))
        return ["x"]

    aws = SimpleNamespace(ENV="runbook:env", OWNER="runbook:owner", OURS="runbook", env="test")
    assert tagged_resources(SimpleNamespace(aws=aws, all=ask)) == ["x"]
    filters = [{"Key": "runbook:env", "Values": ["test"]}, {"Key": "runbook:owner", "Values": ["runbook"]}]
    assert asked == [
        (
            ("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList"),
            {"TagFilters": filters, "ResourcesPerPage": 100},
        )
    ]


def test_a_kind_takes_its_fields_by_name_and_is_told_apart_by_its_key_alone():
    @kind
    class Stone(Thing):
        weight: int = 1

    assert Stone(name="a", weight=1) == Stone(name="a", weight=2)
    assert Stone(name="a") != Stone(name="b")
    assert hash(Stone(name="a", weight=1)) == hash(Stone(name="a", weight=2))
    with pytest.raises(TypeError):
        Stone("a", 1)
    with pytest.raises(AttributeError):
        Stone(name="a").weight = 2


def test_what_has_to_be_ready_is_told_in_the_order_of_the_fields_names():
    things = {name: Thing(name=name) for name in "fbdaec"}

    @kind
    class Roof(Thing):
        f: Thing
        b: Thing
        d: Thing
        a: Thing
        e: Thing
        c: Thing

        ready_fields = frozenset("abcdef")

    assert [thing.name for thing in Roof(name="r", **things).ready_dependencies] == list("abcdef")


def test_a_thing_is_called_in_aws_as_the_account_calls_it():
    assert GROUND.aws_name(SimpleNamespace(name=lambda resource: f"test-{resource.name}")) == "test-ground"
