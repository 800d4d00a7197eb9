"""What is recognised by what refers to it: in an account that is written down here."""

from __future__ import annotations

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.identity import find_lost, name_users
from runbook_lib.engine.plan import Action, Change
from runbook_lib.errors import Ambiguous, IdentityLost, NotOwned
from runbook_lib.resources.base import Observed, kind
from runbook_lib.resources.predictions import Twin
from runbook_lib.resources.tagging import Tagging
from tests.aws.fake_account import FakeAws
from tests.support.fake_kinds import Thing

ADOPT = "runbook adopt --env prod lost.a"


@kind
class Lost(Thing):
    """Is among the VPCs that the account has; *twin* is what AWS would refuse a second one of."""

    twin: tuple[Twin, ...] = ()

    def observe(self, look, ids):
        item = look.find("describe_vpcs", "Vpcs", self)
        assert look.is_survey, "what may be somebody else's is noted, and no error"
        if not item:
            return None
        deleting = item["State"] == "deleting"
        tagging = Tagging("ec2", item["OwnerId"], {}) if item["OwnerId"] else None
        return Observed(item["VpcId"], {"ids": dict(ids)}, deleting=deleting, tagging=tagging)

    def twins(self, snapshot, ids):
        assert (snapshot.aws.env, [*ids]) == ("prod", [resource for resource in ids if ids[resource]])
        yield from self.twin


LOST = Lost(name="a")


def find(*vpcs, resource=LOST, adopted=None, **state):
    """What becomes of the creation of the lost thing; *vpcs* are the ids, or all that is known of each."""
    items = [{"VpcId": vpc} if isinstance(vpc, str) else vpc for vpc in vpcs]
    aws = FakeAws({"describe_vpcs": items}, adopted=adopted)
    change = Change(resource, Action.CREATE, None, {}, {})
    return find_lost(Snapshot(aws, {}), change, state.get("observed", {}))


def user(name="user", observed="id-1", on=(LOST,), *, deleting=False, **more):
    """A thing that refers to the lost one, and has something else in its place."""
    state = {"on": frozenset([observed]) if isinstance(observed, str) else observed, **more}
    return {Thing(name=name, on=on): Observed(f"id-{name}", state, deleting=deleting)}


class TestWhatSomethingOfOursRefersTo:
    def test_it_is_ours_and_gets_its_tags_back(self):
        found = find("vpc-1", observed=user(observed="vpc-1"))
        assert (found.action, found.key, found.observed.id) == (Action.BLOCKED, "lost.a", "vpc-1")
        assert found.reason == (
            "identity lost. thing.user has vpc-1 in its place, which lacks our tags. Nothing makes a second one"
        )
        assert found.fix == f"Give it its tags back: {ADOPT} vpc-1"
        assert type(found.observed.unowned) is IdentityLost
        assert found.observed.unowned.what == f"lost.a: {found.reason}."

    @pytest.mark.parametrize("held", [("vpc-0", "vpc-1"), ["vpc-1"], frozenset({"vpc-1", 5}), "vpc-1"])
    def test_in_whatever_form_it_is_referred_to(self, held):
        thing = Thing(name="user", beside=LOST) if isinstance(held, str) else Thing(name="user", on=(LOST,))
        observed = {thing: Observed("id-user", {"beside": held, "on": held})}
        found = find("vpc-1", observed=observed)
        assert (found is None) == isinstance(held, list), "the state of a resource has no lists"
        assert not found or "thing.user has vpc-1" in found.reason

    def test_it_is_observed_with_the_ids_of_what_is_there(self):
        there = {Thing(name="b"): Observed("id-b", {}), Thing(name="c"): Observed("id-c", {}, deleting=True)}
        found = find("vpc-1", observed=there | user(observed="vpc-1"))
        assert {resource.key: id_ for resource, id_ in found.observed.state["ids"].items()} == {
            "thing.b": "id-b",
            "thing.user": "id-user",
        }

    def test_not_what_is_known_to_be_something_else(self):
        """Its place is taken by another resource of ours."""
        other = {Thing(name="b"): Observed("vpc-1", {})}
        assert find("vpc-1", observed=other | user(observed="vpc-1")) is None
        assert find("vpc-1", observed=dict.fromkeys([Thing(name="b")]) | user(observed="vpc-1")) is not None

    def test_not_what_does_not_exist(self):
        assert find(observed=user(observed="vpc-1")) is None
        assert find("vpc-2", observed=user(observed="vpc-1")) is None
        assert find("vpc-2", observed=user(observed=("vpc-1", "vpc-2"))).observed.id == "vpc-2"

    def test_not_what_is_being_deleted(self):
        assert find({"VpcId": "vpc-1", "State": "deleting"}, observed=user(observed="vpc-1")) is None

    def test_not_by_what_is_being_deleted_itself_or_is_gone(self):
        assert find("vpc-1", observed=user(observed="vpc-1", deleting=True)) is None
        assert find("vpc-1", observed=dict.fromkeys(user())) is None

    def test_not_by_another_field_or_by_what_does_not_refer_to_it(self):
        assert find("vpc-1", observed=user(observed=(), beside="vpc-1")) is None
        assert find("vpc-1", observed=user(observed="vpc-1", on=(Thing(name="b"),))) is None
        named = {Thing(name="user", shape="lost.a"): Observed("id-user", {"shape": "vpc-1"})}
        assert find("vpc-1", observed=named) is None
        assert find("vpc-1", observed={Thing(name="user", on=(LOST,)): Observed("id-user", {})}) is None

    def test_of_several_in_its_place_the_first_by_its_id(self):
        """A plan reads the same each time."""
        assert find("vpc-1", "vpc-2", observed=user(observed=("vpc-2", "vpc-1"))).observed.id == "vpc-1"

    def test_by_any_of_its_users(self):
        known = user(name="first", observed=()) | user(name="second", observed="vpc-1")
        assert "thing.second has vpc-1" in find("vpc-1", observed=known).reason


class TestWhatAwsGivesOnlyOnce:
    def test_it_is_ours_in_our_place(self):
        found = find("vpc-1", resource=Lost(name="a", twin=(Twin("vpc-1", "addresses", ours=True),)))
        assert found.reason == (
            "identity lost. vpc-1 has its addresses, which lacks our tags. Nothing makes a second one"
        )
        assert type(found.observed.unowned) is IdentityLost

    def test_elsewhere_it_may_be_somebody_else_s(self):
        found = find("vpc-1", resource=Lost(name="a", twin=(Twin("vpc-1", "name", ours=False),)))
        assert (found.action, found.reason) == (Action.BLOCKED, "vpc-1 has its name, and is not tagged as ours")
        assert found.fix == (
            f"If it is somebody else's, have it renamed or deleted. If it is prod's, or shall be: {ADOPT} vpc-1"
        )
        assert type(found.observed.unowned) is NotOwned

    @pytest.mark.parametrize(("twin", "is_found"), [("vpc-1", True), ("arn:1", True), ("arn:2", False)])
    def test_it_is_told_by_its_id_or_by_what_it_is_tagged_by(self, monkeypatch, twin, is_found):
        seen = Observed("vpc-1", {}, tagging=Tagging("ec2", "arn:1", {}))
        monkeypatch.setattr(Lost, "observe", lambda self, look, ids: seen)
        found = find(resource=Lost(name="a", twin=(Twin(twin, "name", ours=True),)))
        assert (found is not None) is is_found

    def test_it_is_told_by_its_id_where_it_has_no_tags(self, monkeypatch):
        monkeypatch.setattr(Lost, "observe", lambda self, look, ids: Observed("vpc-1", {}))
        for twin, is_found in (("vpc-1", True), ("vpc-2", False)):
            found = find(resource=Lost(name="a", twin=(Twin(twin, "name", ours=True),)))
            assert (found is not None) is is_found

    def test_what_refers_to_it_comes_first(self):
        twins = Twin("vpc-2", "name", ours=False), Twin("vpc-1", "name", ours=False)
        lost = Lost(name="a", twin=twins)
        assert find("vpc-1", "vpc-2", resource=lost, observed=user(observed="vpc-1")).observed.id == "vpc-1"
        assert find("vpc-1", "vpc-2", resource=lost).observed.id == "vpc-2"
        assert find("vpc-1", resource=lost).observed.id == "vpc-1"

    def test_nothing_is_lost(self):
        assert find("vpc-1") is None


class TestAdoption:
    def test_what_shall_be_adopted_has_to_be_there(self):
        """The creation of another one is not what the operator wants."""
        found = find("vpc-1", adopted={"lost.a": "vpc-9"}, observed=user(observed="vpc-1"))
        assert (found.action, found.resource, found.observed) == (Action.BLOCKED, LOST, None)
        assert found.reason == "there is no vpc-9 of this kind that could be adopted"
        assert found.fix == "Correct the id, or remove it from adopt in params/ to have one created."

    def test_of_another_resource_it_is_no_matter(self):
        assert find(adopted={"lost.b": "vpc-9"}) is None


class TestWhoUsesWhich:
    def named(self, error, **others):
        thing = Thing(name="a")
        state = {thing: Observed("id-1", {"shape": "id-2"}, unowned=error), **others.get("others", {})}
        name_users(state)
        return state[thing]

    def test_of_several_with_one_key_it_is_told_what_uses_each(self):
        error = Ambiguous("3 objects.", fix="Look.", ids=("id-1", "id-2", "id-3"))
        others = user("b", "id-1") | user("c", ("id-2", "x"), ()) | user("d", "id-1") | dict.fromkeys(user("e"))
        told = self.named(error, others=others).unowned
        assert told.what == (
            "3 objects. Used: id-1 by thing.b, thing.d; id-2 by thing.a, thing.c; id-3 by nothing of ours."
        )
        assert (type(told), told.fix, told.ids) == (Ambiguous, "Look.", ("id-1", "id-2", "id-3"))

    @pytest.mark.parametrize(
        "error", [None, NotOwned("x", fix="-"), IdentityLost("x", fix="-"), Ambiguous("2 objects.", fix="Look.")]
    )
    def test_any_other_stays_as_it_is(self, error):
        assert self.named(error, others=user("b", "id-1")).unowned is error

    def test_a_thing_does_not_use_itself(self):
        error = Ambiguous("2 objects.", fix="Look.", ids=("id-b", "id-2"))
        told = self.named(error, others=user("b", "id-b")).unowned
        assert told.what == "2 objects. Used: id-b by nothing of ours; id-2 by thing.a."

    def test_the_first_field_of_several_is_enough(self):
        error = Ambiguous("1 object.", fix="Look.", ids=("id-9",))
        told = self.named(error, others=user("b", "id-9", (), size=1, beside="x")).unowned
        assert told.what == "1 object. Used: id-9 by thing.b."
