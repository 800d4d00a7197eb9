"""A kind's fields are what is wanted; its references are what it needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.resources.base import Observed, Resource, Unknown, drifted_fields, kind, snake
from tests.support.fake_kinds import Thing, layouts

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
