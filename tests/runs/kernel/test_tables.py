"""Tables of what exists: ids, states and settings, in words that an operator knows."""

import csv
import io
import json

import pandas as pd

from runbook_lib.evidence.files import write_table
from runbook_lib.resources.base import Observed
from runbook_lib.runs.kernel.tables import MISSING, table
from runbook_lib.stacks.stack import Stack
from tests.support.fake_kinds import ExternalThing, ImplicitThing, Thing, there

FLOOR = Thing(name="floor")
CHAIR = Thing(name="chair", size=2, on=(FLOOR,))


def test_things_of_one_kind_have_a_column_for_each_setting():
    found = table([FLOOR, CHAIR], there(FLOOR, CHAIR, chair="thing-0000000c"))
    assert list(found.index) == ["thing.floor", "thing.chair"]
    assert found.loc["thing.chair", ["id", "status", "size"]].tolist() == ["thing-0000000c", "ready", 2]
    assert list(found.columns)[:2] == ["id", "status"]


def test_a_reference_is_told_by_name_not_by_id():
    """Nobody remembers which subnet-0a1b… is which."""
    found = table([CHAIR], there(FLOOR, CHAIR, floor="thing-00000001"))
    assert found.loc["thing.chair", "on"] == "thing.floor"
    assert "thing-00000001" not in found.to_csv()


def test_things_of_several_kinds_share_one_column():
    """A table of forty half-empty columns could not be read."""
    given = ExternalThing(name="wall")
    found = table([CHAIR, given], there(FLOOR, CHAIR, given))
    assert list(found.columns) == ["id", "status", "settings"]
    assert "size=2" in found.loc["thing.chair", "settings"]


def test_what_is_not_there_is_said_not_left_out():
    found = table([FLOOR, CHAIR], there(FLOOR))
    assert found.loc["thing.chair", "status"] == "not there"
    assert found.loc["thing.chair", ["id", "size"]].isna().all()
    assert f">{MISSING}</td>" in found._repr_html_()


def test_what_belongs_to_another_and_is_not_there_is_no_gap():
    """A default security group exists only with its VPC."""
    implicit = ImplicitThing(name="rule")
    assert list(table([FLOOR, implicit], {}).index) == ["thing.floor"]
    assert list(table([FLOOR, implicit], there(implicit)).index) == ["thing.floor", "implicit_thing.rule"]


def test_the_status_is_awss_own_word():
    """Where AWS has none: whether it can be used."""
    seen = {FLOOR: Observed("a", {}, status="provisioning"), CHAIR: Observed("b", {}, ready=False)}
    assert table([FLOOR, CHAIR], seen)["status"].tolist() == ["provisioning", "not ready"]


def test_facts_are_shown_and_what_is_for_calls_only_is_not():
    seen = {FLOOR: Observed("a", {}, detail={"dns_name": "web.example.com", "_token": "for-calls-only"})}
    found = table([FLOOR], seen)
    assert found.loc["thing.floor", "dns_name"] == "web.example.com"
    assert "for-calls-only" not in found.to_csv() + found._repr_html_()


def test_nothing_that_aws_says_becomes_markup():
    page = table([FLOOR], {FLOOR: Observed("<b>x</b>", {"size": "<script>"})})._repr_html_()
    assert "<b>x" not in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_page_shows_all_of_it():
    """pandas alone would leave out the middle of a long table, and the end of a long text."""
    many = [Thing(name=f"n{n}") for n in range(100)]
    seen = there(*many) | {many[0]: Observed("a", {"size": "x" * 300, "shape": "y" * 150})}
    page = table(many, seen)._repr_html_()
    assert all(f"thing.n{n}<" in page for n in range(100))
    assert "y" * 150 in page
    assert "..." not in page


def test_a_csv_reads_back_as_it_was():
    """Commas, quotes and line ends in what AWS says do not move a column."""
    odd = 'a, "b"\nc'
    lines = list(csv.DictReader(io.StringIO(table([FLOOR], {FLOOR: Observed("a", {"size": odd})}).to_csv())))
    assert [(line["resource"], line["id"], line["size"]) for line in lines] == [("thing.floor", "a", odd)]


def test_columns_keep_their_types(tmp_path):
    """Numbers, truth and what is missing are told apart from texts, for a person's eye and for a program."""
    seen = {
        FLOOR: Observed("id-a", {"size": 1, "open": True, "zones": ["us", "eu"], "none": ""}),
        CHAIR: Observed("id-b", {"size": 2}),
    }
    write_table(tmp_path / "t.csv", table([FLOOR, CHAIR], seen))
    told = json.loads((tmp_path / "t.json").read_text())
    types = {field["name"]: field["type"] for field in told["schema"]["fields"]}
    assert types == {
        "resource": "string", "id": "string", "status": "string", "size": "integer", "open": "boolean",
        "zones": "string", "none": "string",
    }  # fmt: skip
    assert told["data"][0]["open"] is True
    assert told["data"][1] == {
        "resource": "thing.chair", "id": "id-b", "status": "ready", "size": 2,
        "open": None, "zones": None, "none": None,
    }  # fmt: skip
    read = pd.read_json(tmp_path / "t.json", orient="table")
    assert read.loc["thing.floor", ["size", "zones"]].tolist() == [1, "us eu"]
    assert [line["open"] for line in csv.DictReader((tmp_path / "t.csv").open())] == ["True", ""]


def test_a_part_without_resources_is_an_empty_table():
    """Where the parameters ask for none of it, e.g. no domain."""
    found = table(Stack("web.dns", dns=()), {})
    assert (len(found), "<table" in found._repr_html_()) == (0, True)
    assert found.to_csv().strip()
