"""The reads of a survey: what is asked, how often, and what becomes of the answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from runbook_lib.aws.snapshot import Snapshot, at_most_one, tags_of
from runbook_lib.errors import Ambiguous, NotOwned, RequestRejected
from tests.aws.fake_account import THING, FakeAws, rejected, strict, survey, tags, vpc

VPCS = ("ec2", "describe_vpcs", "Vpcs")


class TestAll:
    def test_the_items_of_a_list_call(self):
        snapshot = strict({"describe_vpcs": [{"VpcId": "vpc-1"}, {"VpcId": "vpc-2"}]})
        assert [one["VpcId"] for one in snapshot.all(*VPCS, VpcIds=["vpc-1", "vpc-2"])] == ["vpc-1", "vpc-2"]
        assert snapshot.aws.asked == [("ec2", "describe_vpcs", {"VpcIds": ["vpc-1", "vpc-2"]})]

    def test_a_field_that_aws_left_out_reads_as_empty(self):
        (one,) = strict({"describe_vpcs": [{"VpcId": "vpc-1"}]}).all(*VPCS)
        assert (one["CidrBlock"], one["Tags"]) == ("", [])

    def test_a_call_is_made_once_whatever_the_order_of_its_fields(self):
        snapshot = strict({"describe_vpcs": []})
        snapshot.all(*VPCS, VpcIds=["vpc-1"], MaxResults=5)
        snapshot.all(*VPCS, MaxResults=5, VpcIds=["vpc-1"])
        assert len(snapshot.aws.asked) == 1

    def test_another_request_and_another_operation_are_asked_for(self):
        snapshot = strict({"describe_vpcs": [{"VpcId": "vpc-1"}], "describe_subnets": [{"SubnetId": "subnet-1"}]})
        assert snapshot.all(*VPCS) == [{"VpcId": "vpc-1"}]
        assert snapshot.all(*VPCS, VpcIds=["vpc-1"]) == [{"VpcId": "vpc-1"}]
        assert snapshot.all("ec2", "describe_subnets", "Subnets") == [{"SubnetId": "subnet-1"}]
        assert [(operation, request) for _, operation, request in snapshot.aws.asked] == [
            ("describe_vpcs", {}),
            ("describe_vpcs", {"VpcIds": ["vpc-1"]}),
            ("describe_subnets", {}),
        ]

    @pytest.mark.parametrize("lacking", ["", [""]])
    def test_an_id_that_aws_left_out_identifies_nothing(self, lacking):
        """AWS would list everything."""
        snapshot = strict({"describe_vpcs": [{"VpcId": "vpc-1"}]})
        assert snapshot.all(*VPCS, VpcIds=lacking, DryRun=False) == []
        assert snapshot.get("ec2", "describe_vpcs", VpcIds=lacking, DryRun=False) is None
        assert snapshot.aws.asked == []

    @pytest.mark.parametrize("request_", [{}, {"VpcIds": ["", "vpc-1"]}, {"VpcIds": []}, {"DryRun": None}])
    def test_any_other_request_is_sent(self, request_):
        snapshot = strict({"describe_vpcs": []})
        snapshot.all(*VPCS, **request_)
        assert snapshot.aws.asked == [("ec2", "describe_vpcs", request_)]


class TestGet:
    ANSWER = {"Role": {"RoleName": "web"}, "ResponseMetadata": {"RequestId": "r-1"}}  # noqa: RUF012

    def test_the_answer_is_what_aws_says_of_the_object(self):
        snapshot = strict({"get_role": self.ANSWER})
        answer = snapshot.get("iam", "get_role", RoleName="web")
        assert answer == {"Role": {"RoleName": "web"}}
        assert answer["Role"]["Arn"] == ""
        assert snapshot.get("iam", "get_role", RoleName="web") is answer
        assert snapshot.aws.asked == [("iam", "get_role", {"RoleName": "web"})]

    @pytest.mark.parametrize("missing", ["NoSuchEntity", ("Gone", "NoSuchEntity")])
    def test_what_does_not_exist_is_none(self, missing):
        """Which is an answer as any: it is asked for once."""
        snapshot = strict({"get_role": rejected("NoSuchEntity")})
        assert [snapshot.get("iam", "get_role", missing=missing, RoleName="web") for _ in range(2)] == [None, None]
        assert len(snapshot.aws.asked) == 1

    @pytest.mark.parametrize("missing", ["NoSuch", ("Gone", "NoSuch"), ()])
    def test_any_other_refusal_is_an_error(self, missing):
        with pytest.raises(RequestRejected, match="refused: NoSuchEntity"):
            strict({"get_role": rejected("NoSuchEntity")}).get("iam", "get_role", missing=missing, RoleName="web")

    def test_without_a_code_every_refusal_is_an_error(self):
        with pytest.raises(RequestRejected, match="refused: N"):
            strict({"get_role": rejected("N")}).get("iam", "get_role", RoleName="web")

    def test_an_absence_that_another_reader_does_not_know_is_asked_for_again(self):
        """One takes a refusal for an absence, the other for an error."""
        snapshot = strict({"get_role": rejected("NoSuchEntity")})
        assert snapshot.get("iam", "get_role", missing="NoSuchEntity", RoleName="web") is None
        with pytest.raises(RequestRejected):
            snapshot.get("iam", "get_role", missing="Other", RoleName="web")


class TestAnswersThatAreShared:
    def test_an_error_is_not_kept(self):
        """Whoever asks again asks AWS."""
        answers = [rejected("Throttling"), [{"VpcId": "vpc-1"}]]
        snapshot = strict({"describe_vpcs": lambda: answers.pop(0)})
        with pytest.raises(RequestRejected, match="Throttling"):
            snapshot.all(*VPCS)
        assert snapshot.all(*VPCS) == [{"VpcId": "vpc-1"}]

    @pytest.mark.parametrize("fails", [False, True])
    def test_who_asks_the_same_waits_for_the_answer_of_the_first(self, fails):
        asked, may_answer = threading.Event(), threading.Event()

        def answer():
            asked.set()
            assert may_answer.wait(20)
            return rejected("Throttling") if fails else [{"VpcId": "vpc-1"}]

        snapshot = strict({"describe_vpcs": answer})
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(snapshot.all, *VPCS)
            assert asked.wait(20)
            second = pool.submit(snapshot.all, *VPCS)
            with pytest.raises(TimeoutError):
                second.result(0.05)
            may_answer.set()
            for each in (first, second):
                if fails:
                    assert isinstance(each.exception(5), RequestRejected)
                else:
                    assert each.result(5) == [{"VpcId": "vpc-1"}]
        assert len(snapshot.aws.asked) == 1

    def test_the_reads_of_the_run_know_what_is_asked(self):
        """Other notebooks of the run may have the answer: by the call and its request, as plain values."""
        snapshot = strict({})
        told = []
        snapshot.aws.reads.read = lambda call, send: told.append(call) or {"Vpcs": [{"VpcId": "vpc-9"}]}
        assert snapshot.all(*VPCS, VpcIds=["vpc-9"], DryRun=False) == [{"VpcId": "vpc-9"}]
        assert told == [("ec2", "describe_vpcs", "Vpcs", "[('DryRun', False), ('VpcIds', ['vpc-9'])]")]
        assert snapshot.aws.asked == []


class TestAgain:
    def test_it_is_empty_and_as_strict_and_adopts_the_same(self):
        for unowned, is_survey in (({}, True), ({"vpc.a": NotOwned("x", fix="-")}, True), (None, False)):
            first = Snapshot(FakeAws({"describe_vpcs": [vpc("vpc-9", {})]}), unowned, {"vpc.a": "vpc-9"})
            first.all(*VPCS)
            again = first.again()
            assert (first.is_survey, again.is_survey) == (is_survey, is_survey)
            assert (first.unowned, again.unowned) == (unowned or {}, {})
            assert again.find("describe_vpcs", "Vpcs", THING)["VpcId"] == "vpc-9"
            assert again.aws is first.aws
            assert len(first.aws.asked) == 2

    def test_what_other_notebooks_were_told_before_counts_no_more(self):
        snapshot = survey({})
        expired = []
        snapshot.aws.reads.expire = lambda: expired.append(1)
        snapshot.again()
        assert expired == [1]


class TestTags:
    @pytest.mark.parametrize(
        ("item", "found"),
        [
            ({"Tags": tags({"a": "1", "b": "2"})}, {"a": "1", "b": "2"}),
            ({"Tags": [{"key": "a", "value": "1"}]}, {"a": "1"}),
            ({"Tags": [{"TagKey": "a", "TagValue": "1"}]}, {"a": "1"}),
            ({"Tags": {"a": "1"}}, {"a": "1"}),
            ({"Tags": [{"Key": "a"}, {"key": "b"}, {"TagKey": "c"}]}, {"a": "", "b": "", "c": ""}),
            ({"Tags": [{"Value": "1"}]}, {"": "1"}),
            ({"Tags": []}, {}),
            ({"Tags": None}, {}),
            ({}, {}),
            ({"TagList": tags({"a": "1"})}, {}),
        ],
    )
    def test_in_each_of_aws_s_forms(self, item, found):
        assert tags_of(item) == found

    def test_in_another_field(self):
        assert tags_of({"TagList": tags({"a": "1"}), "Tags": tags({"b": "1"})}, "TagList") == {"a": "1"}

    def test_a_dict_of_its_own(self):
        """Whoever changes it does not change the answer that others read."""
        answer = {"Tags": {"a": "1"}}
        tags_of(answer)["b"] = "2"
        assert answer == {"Tags": {"a": "1"}}


class TestAtMostOne:
    def test_none_and_one(self):
        assert at_most_one([], THING) is None
        assert at_most_one([{"VpcId": "vpc-1"}], THING) == {"VpcId": "vpc-1"}

    @pytest.mark.parametrize("number", [2, 3])
    def test_several_are_ambiguous(self, number):
        """They have no ids of which one could be told."""
        with pytest.raises(Ambiguous) as caught:
            at_most_one([{}] * number, THING)
        assert caught.value.what == f"{number} objects in AWS are tagged as vpc.a."
        assert caught.value.ids == ()
        assert caught.value.fix == (
            "Look which of them is in use. Remove the tag from the others: they stay as they are."
        )
