"""Which object of AWS is a resource: by its tags, by what was adopted, and what may be somebody else's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.errors import Ambiguous, IdentityLost, NotOwned
from tests.aws.fake_account import ENV, KEY, OURS, OWNER, THING, FakeAws, strict, survey, tags, vpc, without

MARKED = [{"Name": "tag-key", "Values": [OWNER, ENV, KEY]}]
IN_VPC = [{"Name": "vpc-id", "Values": ["vpc-1"]}]
OTHERS = {"Name": "prod-b", OWNER: "runbook", ENV: "prod", KEY: "vpc.b"}
MADE = datetime(2026, 11, 24, 8, 5, tzinfo=UTC)
GIVE_BACK = "Give it its tags back: runbook adopt --env prod vpc.a"


def requests(snapshot):
    return [request for _, _, request in snapshot.aws.asked]


class TestCandidates:
    def candidates(self, snapshot, **more):
        return [one["VpcId"] for one in snapshot.candidates("describe_vpcs", "Vpcs", THING, **more)]

    def test_all_that_have_one_of_our_tags(self):
        """So that one that has lost another of them is seen."""
        snapshot = strict({"describe_vpcs": [vpc("vpc-1"), vpc("vpc-2", OTHERS)]})
        assert self.candidates(snapshot, MaxResults=5) == ["vpc-1", "vpc-2"]
        assert snapshot.aws.asked == [("ec2", "describe_vpcs", {"Filters": MARKED, "MaxResults": 5})]

    def test_some_lists_call_their_filters_otherwise(self):
        snapshot = strict({"describe_vpcs": []})
        self.candidates(snapshot, filter_field="Filter")
        self.candidates(snapshot, vpc="vpc-1", filter_field="Filter")
        assert requests(snapshot) == [{"Filter": MARKED}, {"Filter": IN_VPC}]

    def test_of_what_is_to_be_adopted_all_there_are(self):
        snapshot = strict({"describe_vpcs": [vpc("vpc-9", {})]}, adopted={"vpc.a": "vpc-9"})
        assert self.candidates(snapshot, vpc="vpc-1", MaxResults=5) == ["vpc-9"]
        assert requests(snapshot) == [{"MaxResults": 5}]

    def test_what_another_resource_adopts_is_no_matter(self):
        snapshot = strict({"describe_vpcs": []}, adopted={"vpc.b": "vpc-9"})
        self.candidates(snapshot)
        assert requests(snapshot) == [{"Filters": MARKED}]

    @pytest.mark.parametrize("items", [[vpc("vpc-1", OTHERS), vpc("vpc-2")], [vpc("vpc-2"), vpc("vpc-1", OTHERS)]])
    def test_those_of_its_vpc_where_it_is_among_them(self, items):
        """Which others list as well: it costs no call of its own."""
        snapshot = strict({"describe_vpcs": items})
        assert sorted(self.candidates(snapshot, vpc="vpc-1")) == ["vpc-1", "vpc-2"]
        assert requests(snapshot) == [{"Filters": IN_VPC}]
        assert snapshot.inside("describe_vpcs", "Vpcs", "vpc-1") == items
        assert len(snapshot.aws.asked) == 1

    def test_where_it_is_not_in_its_vpc_all_with_our_tags(self):
        answers = [[vpc("vpc-1", OTHERS)], [vpc("vpc-2", without(KEY))]]
        snapshot = strict({"describe_vpcs": lambda: answers.pop(0)})
        assert self.candidates(snapshot, vpc="vpc-1") == ["vpc-2"]
        assert requests(snapshot) == [{"Filters": IN_VPC}, {"Filters": MARKED}]

    def test_an_instance_is_found_in_any_place_of_its_reservation(self):
        reservation = {"Instances": [{"InstanceId": "i-1"}, {"InstanceId": "i-2", "Tags": tags(OURS)}]}
        snapshot = strict({"describe_instances": [reservation]})
        assert snapshot.candidates("describe_instances", "Reservations", THING, vpc="vpc-1") == [reservation]
        assert requests(snapshot) == [{"Filters": IN_VPC}]


class TestFind:
    def find(self, *items, **more):
        found = strict({"describe_vpcs": list(items)}).find("describe_vpcs", "Vpcs", THING, **more)
        return found and found["VpcId"]

    def test_the_one_with_its_tags(self):
        assert self.find(vpc("vpc-1", OTHERS), vpc("vpc-2"), vpc("vpc-3", {})) == "vpc-2"
        assert self.find(vpc("vpc-1", OTHERS)) is None
        assert self.find() is None

    def test_what_is_deleted_and_still_listed_is_not_there(self):
        gone, here = vpc("vpc-1", State="deleted"), vpc("vpc-2", State="available")
        assert self.find(gone, here, ignore_states=("deleted", "failed")) == "vpc-2"
        assert self.find(gone, ignore_states=("deleted",)) is None
        assert self.find(gone) == "vpc-1"
        assert self.find(vpc("vpc-3"), gone, ignore_states=("deleted",)) == "vpc-3"

    def test_it_is_looked_for_in_its_vpc_with_the_filters_of_the_call(self):
        snapshot = strict({"describe_vpcs": [vpc("vpc-2")]})
        assert snapshot.find("describe_vpcs", "Vpcs", THING, vpc="vpc-1", filter_field="Filter")["VpcId"] == "vpc-2"
        assert requests(snapshot) == [{"Filter": IN_VPC}]
        snapshot.find("describe_vpcs", "Vpcs", THING)
        assert requests(snapshot)[1:] == [{"Filters": MARKED}]


class TestIdentify:
    @pytest.mark.parametrize(
        ("result", "field"),
        [("Vpcs", "VpcId"), ("Subnets", "SubnetId"), ("SecurityGroups", "GroupId"), ("Addresses", "AllocationId")],
    )
    def test_the_id_is_in_the_field_that_is_called_after_the_list(self, result, field):
        items = [{field: "x-1", "Tags": tags(OTHERS)}, {field: "x-2", "Tags": tags(OURS)}]
        assert strict().identify(items, result, THING) is items[1]

    @pytest.mark.parametrize(
        "pairs", [without(OWNER), without("Name"), without(OWNER="me"), {ENV: "prod", KEY: "vpc.a"}]
    )
    def test_environment_and_key_are_enough(self, pairs):
        """Any other tag is written again."""
        item = vpc("vpc-1", pairs)
        assert strict().identify([item], "Vpcs", THING) is item

    def test_several_are_ambiguous(self):
        items = [vpc("vpc-1", CreateTime=MADE), vpc("vpc-2"), vpc("vpc-3", OTHERS)]
        with pytest.raises(Ambiguous) as caught:
            strict().identify(items, "Vpcs", THING)
        assert caught.value.what == ("2 objects in AWS are tagged as vpc.a: vpc-1 (made 2026-11-24 08:05 UTC), vpc-2.")
        assert caught.value.ids == ("vpc-1", "vpc-2")

    @pytest.mark.parametrize("field", ["CreateTime", "CreationTime", "CreationTimestamp", "LaunchTime", "CreatedAt"])
    def test_of_several_it_is_told_when_each_was_made(self, field):
        with pytest.raises(Ambiguous, match=r": vpc-1 \(made 2026-11-24 08:05 UTC\), vpc-2\.\n"):
            strict().identify([vpc("vpc-1", **{field: MADE}), vpc("vpc-2", CreateTime="long ago")], "Vpcs", THING)

    def test_a_survey_notes_that_and_goes_on_with_the_first(self):
        snapshot = survey()
        assert snapshot.identify([vpc("vpc-1"), vpc("vpc-2")], "Vpcs", THING)["VpcId"] == "vpc-1"
        assert {key: type(error) for key, error in snapshot.unowned.items()} == {"vpc.a": Ambiguous}

    def test_one_that_was_listed_twice_is_one(self):
        assert strict().identify([vpc("vpc-1"), vpc("vpc-1")], "Vpcs", THING)["VpcId"] == "vpc-1"


class TestWhatLostItsIdentity:
    @pytest.mark.parametrize(
        ("pairs", "lost"),
        [
            (without(ENV), "runbook:env=prod"),
            (without(KEY), "runbook:key=vpc.a"),
            (without(ENV) | {ENV: "dev"}, "runbook:env=prod"),
            (without(KEY) | {KEY: "vpc.other"}, "runbook:key=vpc.a"),
            (without(KEY) | {KEY: ""}, "runbook:key=vpc.a"),
        ],
    )
    def test_our_name_and_all_other_tags(self, pairs, lost):
        with pytest.raises(IdentityLost) as caught:
            strict().identify([vpc("vpc-1", OTHERS), vpc("vpc-2", pairs)], "Vpcs", THING)
        assert caught.value.what == (
            f"vpc.a: identity lost. vpc-2 has its name and its other tags, but not the tag {lost}."
            " Nothing makes a second one."
        )
        assert caught.value.fix == f"{GIVE_BACK} vpc-2"

    @pytest.mark.parametrize(
        "pairs",
        [
            without(ENV, OWNER),
            without(KEY, OWNER),
            without(ENV, KEY),
            without("Name", KEY),
            without(KEY) | {"Name": "prod-b"},
            without(KEY) | {KEY: "subnet.a"},
            {"Name": "prod-a"},
            {},
        ],
    )
    def test_with_less_it_may_be_somebody_else_s(self, pairs):
        assert strict().identify([vpc("vpc-2", pairs)], "Vpcs", THING) is None

    def test_it_is_no_matter_where_the_resource_is_there(self):
        assert strict().identify([vpc("vpc-2", without(KEY)), vpc("vpc-1")], "Vpcs", THING)["VpcId"] == "vpc-1"

    def test_a_survey_notes_it_and_goes_on_with_it(self):
        snapshot = survey()
        items = [vpc("vpc-1", OTHERS), vpc("vpc-2", without(KEY)), vpc("vpc-3", without(ENV))]
        assert snapshot.identify(items, "Vpcs", THING) is items[1]
        assert "vpc-2 has its name" in snapshot.unowned["vpc.a"].what


class TestAdoption:
    def test_what_is_adopted_needs_no_tags(self):
        items = [vpc("vpc-1", {}), vpc("vpc-9", {})]
        assert strict(adopted={"vpc.a": "vpc-9"}).identify(items, "Vpcs", THING) is items[1]
        assert strict(adopted={"vpc.a": "vpc-7"}).identify(items, "Vpcs", THING) is None
        assert strict(adopted={"vpc.b": "vpc-9"}).identify(items, "Vpcs", THING) is None

    def test_a_snapshot_may_adopt_something_else_than_the_run(self):
        aws = FakeAws(adopted={"vpc.a": "vpc-1"})
        items = [vpc("vpc-1", {}), vpc("vpc-9", {})]
        assert Snapshot(aws, adopted={"vpc.a": "vpc-9"}).identify(items, "Vpcs", THING) is items[1]
        assert Snapshot(aws, adopted={}).identify(items, "Vpcs", THING) is None
        assert Snapshot(aws).identify(items, "Vpcs", THING) is items[0]

    def test_beside_one_with_its_tags_it_is_ambiguous(self):
        with pytest.raises(Ambiguous) as caught:
            strict(adopted={"vpc.a": "vpc-9"}).identify([vpc("vpc-9", {}), vpc("vpc-1")], "Vpcs", THING)
        assert caught.value.ids == ("vpc-1", "vpc-9")

    def test_what_belongs_to_another_environment_is_not_adopted(self):
        taken = [vpc("vpc-9", without(ENV) | {ENV: "dev"})]
        with pytest.raises(NotOwned) as caught:
            strict(adopted={"vpc.a": "vpc-9"}).identify(taken, "Vpcs", THING)
        assert caught.value.what == "vpc.a: vpc-9 belongs to the environment dev."
        assert caught.value.fix == (
            "Remove the tag runbook:env from it, if dev shall do without it. Otherwise adopt another."
        )
        snapshot = survey(adopted={"vpc.a": "vpc-9"})
        assert snapshot.identify(taken, "Vpcs", THING) is taken[0]
        assert "belongs to the environment dev" in snapshot.unowned["vpc.a"].what

    @pytest.mark.parametrize("pairs", [{ENV: "dev"}, {OWNER: "me", ENV: "dev"}, {OWNER: "runbook"}, OURS, OTHERS])
    def test_what_no_other_environment_has_is_free(self, pairs):
        item = vpc("vpc-9", pairs)
        assert strict(adopted={"vpc.a": "vpc-9"}).identify([item], "Vpcs", THING) is item


class TestWhatHasTheTagsOfTheEnvironment:
    @pytest.mark.parametrize(
        ("pairs", "ours"),
        [
            (OURS, True),
            ({OWNER: "runbook", ENV: "prod"}, True),
            ({OWNER: "runbook"}, True),
            ({ENV: "prod"}, True),
            ({KEY: "vpc.a"}, True),
            ({OWNER: "runbook", ENV: "dev"}, False),
            ({OWNER: "me", ENV: "prod"}, False),
            ({ENV: "dev"}, False),
            ({OWNER: "me"}, False),
        ],
    )
    def test_or_has_just_lost_some_of_them(self, pairs, ours):
        snapshot = strict({"describe_vpcs": [vpc("vpc-1", pairs)]})
        assert [one["VpcId"] for one in snapshot.tagged_with_env("describe_vpcs", "Vpcs")] == ["vpc-1"] * ours
        assert snapshot.aws.asked == [("ec2", "describe_vpcs", {"Filters": MARKED})]

    def test_of_instances_the_reservations_in_which_one_has(self):
        def reservation(*pairs):
            return {"Instances": [{"InstanceId": f"i-{n}", "Tags": tags(one)} for n, one in enumerate(pairs)]}

        listed = [reservation({ENV: "dev"}, OURS), reservation({ENV: "dev"}), reservation(OURS, {ENV: "dev"})]
        snapshot = strict({"describe_instances": listed})
        assert snapshot.tagged_with_env("describe_instances", "Reservations") == [listed[0], listed[2]]


class TestOwnershipOfAName:
    """AWS gives the name only once, so what has it is ours or in the way."""

    @pytest.mark.parametrize("pairs", [OURS, without(OWNER), {ENV: "prod", KEY: "vpc.a"}])
    def test_environment_and_key_are_enough(self, pairs):
        snapshot = survey()
        snapshot.require_ownership(THING, pairs)
        assert snapshot.unowned == {}
        strict().require_ownership(THING, pairs)

    @pytest.mark.parametrize("pairs", [{}, {"Name": "prod-a"}, {OWNER: "runbook"}, without(KEY) | {KEY: "subnet.a"}])
    def test_what_is_not_tagged_as_ours(self, pairs):
        with pytest.raises(NotOwned) as caught:
            strict().require_ownership(THING, pairs)
        assert type(caught.value) is NotOwned
        assert caught.value.what == "vpc.a: the name prod-a is taken by something that is not tagged as ours."
        assert caught.value.fix == (
            "If it is somebody else's, have it renamed or deleted. If it is prod's, or shall be:"
            " runbook adopt --env prod vpc.a prod-a"
        )
        snapshot = survey()
        snapshot.require_ownership(THING, pairs)
        assert "the name prod-a is taken" in snapshot.unowned["vpc.a"].what

    @pytest.mark.parametrize(
        ("pairs", "lost"), [(without(KEY, "Name"), "runbook:key=vpc.a"), (without(ENV), "runbook:env=prod")]
    )
    def test_what_has_lost_one_of_its_tags(self, pairs, lost):
        """Its name is not a tag there."""
        with pytest.raises(IdentityLost) as caught:
            strict().require_ownership(THING, pairs)
        assert f"identity lost. prod-a has its name and its other tags, but not the tag {lost}." in caught.value.what
        assert caught.value.fix == f"{GIVE_BACK} prod-a"
        snapshot = survey()
        snapshot.require_ownership(THING, pairs)
        assert type(snapshot.unowned["vpc.a"]) is IdentityLost

    @pytest.mark.parametrize(
        "id_", ["prod-a", "arn:aws:iam::1:role/prod-a", "arn:aws:logs:us-west-2:1:log-group:prod-a", "x/prod-a/0a1b"]
    )
    def test_what_is_adopted_needs_no_tags(self, id_):
        snapshot = survey(adopted={"vpc.a": id_})
        snapshot.require_ownership(THING, {})
        assert snapshot.unowned == {}

    @pytest.mark.parametrize("id_", ["prod-b", "x-prod-a", "arn:aws:iam::1:role/x-prod-a", "prod-a-2", ""])
    def test_what_has_another_name_is_not_what_is_adopted(self, id_):
        with pytest.raises(NotOwned, match="the name prod-a is taken"):
            strict(adopted={"vpc.a": id_}).require_ownership(THING, {})

    def test_what_belongs_to_another_environment_is_not_adopted(self):
        with pytest.raises(NotOwned, match=r"vpc\.a: prod-a belongs to the environment dev\."):
            strict(adopted={"vpc.a": "prod-a"}).require_ownership(THING, {OWNER: "runbook", ENV: "dev"})
        strict(adopted={"vpc.a": "prod-a"}).require_ownership(THING, {OWNER: "me", ENV: "dev"})
