"""Tables of existing resources with ids, states and settings."""

import csv
import io
import json
import re

import pandas as pd

from runbook_lib.evidence.tables import write_table
from runbook_lib.resources.base import Observed
from runbook_lib.runs.kernel.tables import MISSING, create_table
from runbook_lib.stacks.stack import Stack
from tests.support.fake_kinds import ExternalThing, ImplicitThing, Thing, there

FLOOR = Thing(name="floor")
CHAIR = Thing(name="chair", size=2, on=(FLOOR,))


def test_resources_of_one_kind_have_a_column_for_each_setting():
    table = create_table([FLOOR, CHAIR], there(FLOOR, CHAIR, chair="thing-0000000c"))
    assert list(table.index) == ["thing.floor", "thing.chair"]
    assert table.loc["thing.chair", ["id", "status", "size"]].tolist() == ["thing-0000000c", "exists", 2]
    assert list(table.columns)[:2] == ["id", "status"]


def test_a_reference_is_shown_by_key_not_by_id():
    """Nobody remembers which subnet-0a1b… is which."""
    table = create_table([CHAIR], there(FLOOR, CHAIR, floor="thing-00000001"))
    assert table.loc["thing.chair", "on"] == "thing.floor"
    assert "thing-00000001" not in table.to_csv()


def test_resources_of_several_kinds_share_one_column():
    """A table of forty half-empty columns could not be read."""
    given = ExternalThing(name="wall")
    table = create_table([CHAIR, given], there(FLOOR, CHAIR, given))
    assert list(table.columns) == ["id", "status", "settings"]
    assert "size=2" in table.loc["thing.chair", "settings"]


def test_a_missing_resource_has_a_row():
    table = create_table([FLOOR, CHAIR], there(FLOOR))
    assert table.loc["thing.chair", "status"] == "not there"
    assert table.loc["thing.chair", ["id", "size"]].isna().all()
    assert f">{MISSING}</td>" in table._repr_html_()


def test_a_missing_implicit_resource_has_no_row():
    """A default security group exists only with its VPC."""
    implicit = ImplicitThing(name="rule")
    assert list(create_table([FLOOR, implicit], {}).index) == ["thing.floor"]
    assert list(create_table([FLOOR, implicit], there(implicit)).index) == ["thing.floor", "implicit_thing.rule"]


def test_the_status_is_that_of_aws():
    """Where AWS has none, nothing more is known than that it exists."""
    observed = {FLOOR: Observed("a", {}, status="provisioning"), CHAIR: Observed("b", {}, ready=False)}
    assert create_table([FLOOR, CHAIR], observed)["status"].tolist() == ["provisioning", "not ready"]


def test_details_are_shown_but_not_those_only_for_calls():
    observed = {FLOOR: Observed("a", {}, detail={"dns_name": "web.example.com", "_token": "for-calls-only"})}
    table = create_table([FLOOR], observed)
    assert table.loc["thing.floor", "dns_name"] == "web.example.com"
    assert "for-calls-only" not in table.to_csv() + table._repr_html_()


def test_text_from_aws_is_escaped():
    page = create_table([FLOOR], {FLOOR: Observed("<b>x</b>", {"size": "<script>"})})._repr_html_()
    assert "<b>x" not in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_html_shows_all_rows_and_texts():
    """pandas alone would leave out the middle of a long table, and the end of a long text."""
    many = [Thing(name=f"n{n}") for n in range(100)]
    observed = there(*many) | {many[0]: Observed("a", {"size": "x" * 300, "shape": "y" * 150})}
    page = create_table(many, observed)._repr_html_()
    assert all(f"thing.n{n}<" in page for n in range(100))
    assert "y" * 150 in page
    assert "..." not in page


def test_a_database_with_thirty_settings_is_shown_with_a_row_for_each():
    """Thirty columns fit on no screen and no paper; the table itself, and its CSV, keep them."""
    observed = {FLOOR: Observed("a", {f"setting_{n}": n for n in range(30)})}
    table = create_table([FLOOR], observed)
    head, *lines = re.findall("<tr>(.*?)</tr>", table._repr_html_(), flags=re.DOTALL)
    assert (head.count("<th"), len(lines), lines[-1].count("<td")) == (2, 32, 1)
    assert table.shape == (1, 32)


def test_a_csv_reads_back_as_it_was():
    """Commas, quotes and line ends do not move a column."""
    odd = 'a, "b"\nc'
    lines = list(csv.DictReader(io.StringIO(create_table([FLOOR], {FLOOR: Observed("a", {"size": odd})}).to_csv())))
    assert [(line["resource"], line["id"], line["size"]) for line in lines] == [("thing.floor", "a", odd)]


def test_columns_keep_their_types(tmp_path):
    """Numbers, booleans and missing values are not texts."""
    observed = {
        FLOOR: Observed("id-a", {"size": 1, "open": True, "zones": ["us", "eu"], "none": ""}),
        CHAIR: Observed("id-b", {"size": 2}),
    }
    write_table(tmp_path / "t.csv", create_table([FLOOR, CHAIR], observed))
    table = json.loads((tmp_path / "t.json").read_text())
    types = {field["name"]: field["type"] for field in table["schema"]["fields"]}
    assert types == {
        "resource": "string", "id": "string", "status": "string", "size": "integer", "open": "boolean",
        "zones": "string", "none": "string",
    }  # fmt: skip
    assert table["data"][0]["open"] is True
    assert table["data"][1] == {
        "resource": "thing.chair", "id": "id-b", "status": "exists", "size": 2,
        "open": None, "zones": None, "none": None,
    }  # fmt: skip
    read = pd.read_json(tmp_path / "t.json", orient="table")
    assert read.loc["thing.floor", ["size", "zones"]].tolist() == [1, "us eu"]
    assert [line["open"] for line in csv.DictReader((tmp_path / "t.csv").open())] == ["True", ""]


def test_a_part_without_resources_is_an_empty_table():
    """For example without a domain."""
    table = create_table(Stack("web.dns", dns=()), {})
    assert (len(table), "<table" in table._repr_html_()) == (0, True)
    assert table.to_csv().strip()


def test_a_very_long_text_is_folded_on_the_page_and_whole_in_the_files(tmp_path):
    """A policy that is cut can be approved by nobody; Python's lists are nobody's spelling of one."""
    policy = {"actions": [f"ssmmessages:Number{n}" for n in range(20)], "effect": "Allow"}
    observed = {
        FLOOR: Observed("a", {"allows": policy, "pairs": [["log_output", "FILE"]]}),
        ExternalThing(name="w"): None,
    }
    table = create_table(observed, observed)
    folded = re.search(r"<details><summary>[^<]+…</summary>(.*?)</details>", table._repr_html_())
    assert "ssmmessages:Number19" in folded[1]
    written = write_table(tmp_path / "table.csv", table).read_text(encoding="utf-8")
    assert "ssmmessages:Number19" in written
    assert '[""log_output"", ""FILE""]' in written
