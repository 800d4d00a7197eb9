"""A stack is walked through in parts, and worked on in the order that its references give."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.stacks.stack import Stack, in_order
from tests.support.fake_kinds import ExternalThing, KeptThing, Thing, layouts, stack_of

GROUND = Thing(name="ground")
WALL = Thing(name="wall", on=(GROUND,))
ROOF = Thing(name="roof", on=(WALL,), beside=GROUND)
HOUSE = Stack("house", roof=ROOF, walls=(WALL,), ground=GROUND)


def keys(resources):
    return [resource.key for resource in resources]


def test_what_is_needed_comes_first_however_it_is_declared():
    assert keys(HOUSE) == ["thing.ground", "thing.wall", "thing.roof"]


@given(layouts(), st.data())
def test_every_resource_comes_once_and_after_all_it_needs(things, data):
    """Nobody writes an order down, so no order can be wrong."""
    declared = data.draw(st.permutations(things))
    walked = list(stack_of(*declared))
    assert sorted(keys(walked)) == sorted(keys(things))
    for place, thing in enumerate(walked):
        assert set(thing.dependencies) <= set(walked[:place])


@given(layouts())
def test_what_does_not_need_each_other_stays_as_declared(things):
    """Two runs work in the same order."""
    assert list(stack_of(*things)) == things


@given(layouts(), st.data())
def test_a_stack_names_its_own_and_not_what_it_stands_on(things, data):
    """So that a destroy takes no resource of an earlier layer."""
    own = data.draw(st.lists(st.sampled_from(things), unique=True))
    assert set(stack_of(*own)) == set(own)
    assert set(in_order(own)) >= {need for thing in own for need in thing.dependencies}


def test_a_part_is_a_stack_that_says_where_it_belongs():
    assert keys(HOUSE.walls) == ["thing.wall"]
    assert (HOUSE.walls.name, HOUSE.walls.whole, HOUSE.whole) == ("house.walls", "house", "house")


def test_parts_add_up():
    both = HOUSE.walls + HOUSE.ground
    assert keys(both) == ["thing.ground", "thing.wall"]
    assert both.name == "house.walls + house.ground"
    assert list(both.parts) == ["walls", "ground"]


def test_a_part_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(AttributeError, match="house has no part 'cellar'; it has roof, walls, ground"):
        _ = HOUSE.cellar


def test_parts_are_offered_for_completion():
    assert {"roof", "walls", "ground"} <= set(dir(HOUSE))


def test_a_resource_is_found_by_its_key():
    assert HOUSE["thing.wall"] is WALL
    with pytest.raises(KeyError, match=r"house has no thing\.cellar; it has thing\.ground, thing\.wall, thing\.roof"):
        HOUSE["thing.cellar"]


def test_a_part_holds_no_resource_of_another():
    with pytest.raises(KeyError):
        HOUSE.walls["thing.ground"]


def test_resources_of_one_kind_are_picked_out():
    dear = KeptThing(name="dear")
    stack = Stack("s", a=(dear, GROUND), b=ExternalThing(name="lent"))
    assert list(stack.every(KeptThing)) == [dear]
    assert stack.the(KeptThing) is dear
    assert set(stack.every(Thing)) == set(stack)


def test_the_only_one_of_a_kind_has_to_be_the_only_one():
    """Rather none than a wrong one."""
    with pytest.raises(ValueError):
        HOUSE.the(Thing)
    with pytest.raises(ValueError):
        HOUSE.the(KeptThing)


def test_declared_twice_is_there_once():
    assert keys(Stack("s", a=(GROUND, GROUND), b=Thing(name="ground", size=9))) == ["thing.ground"]


def test_a_stack_can_be_copied_and_stored():
    """What Python itself asks a stack for, beginning with an underscore, is no part."""
    with pytest.raises(AttributeError, match=r"^__wonder__$"):
        HOUSE.__wonder__  # noqa: B018
    assert not hasattr(HOUSE, "_walls")
    for other in (copy.copy(HOUSE), copy.deepcopy(HOUSE), pickle.loads(pickle.dumps(HOUSE))):
        assert (other.name, keys(other), list(other.parts)) == ("house", keys(HOUSE), ["roof", "walls", "ground"])


def test_a_stack_gets_one_more_part():
    more = HOUSE.with_part("garden", [Thing(name="tree")])
    assert (more.name, list(more.parts)) == ("house", ["roof", "walls", "ground", "garden"])
    assert keys(more.garden) == ["thing.tree"]
    assert list(HOUSE.parts) == ["roof", "walls", "ground"]


def test_a_part_of_a_part_is_named_after_all_above_it():
    assert (HOUSE.walls.walls.name, HOUSE.walls.walls.whole) == ("house.walls.walls", "house")
    assert keys(HOUSE.ground) == ["thing.ground"]
    assert set(dir(HOUSE)) >= {"with_part", "every", "parts"}


def test_a_part_may_be_given_as_anything_that_can_be_walked_through_once():
    stack = Stack("s", a=(thing for thing in (WALL, GROUND)))
    assert keys(stack) == keys(stack) == ["thing.ground", "thing.wall"]


def test_the_order_is_a_list_of_what_is_asked_for_and_all_it_needs():
    assert in_order([ROOF]) == [GROUND, WALL, ROOF]
    assert in_order([]) == []
