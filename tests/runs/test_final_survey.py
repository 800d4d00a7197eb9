"""The evidence has the final state, also of a run that stopped before it recorded that itself."""

import csv
import io
import json

import pytest

from runbook_lib import Runbook
from runbook_lib.errors import NoAccess
from runbook_lib.evidence.attestation import keys
from runbook_lib.evidence.verification.verify import verify_run
from runbook_lib.runs import final_survey
from runbook_lib.runs.finish import finish_run
from runbook_lib.stacks.network import network


@pytest.fixture
def stopped(root):
    """A run that created resources and did not verify them."""
    book = Runbook("01_network", env="local", mode="apply", asked_by="ann <the owner>")
    net = network(book.params)
    book.plan(net)
    book.apply(net.bucket + net.vpc)
    return book


def finished(book, root):
    finish_run(book.params, root, book.run)
    return root / "artifacts" / "local" / book.run


def rows(folder, when):
    return list(csv.DictReader(io.StringIO((folder / f"resources-{when}.csv").read_text(encoding="utf-8"))))


def test_a_failed_run_has_the_state_before_and_after(root, stopped):
    """As CSV and as JSON with the same rows, and as a picture."""
    folder = finished(stopped, root)
    before, after = rows(folder, "before"), rows(folder, "after")
    assert [row["resource"] for row in before] == []
    assert {row["resource"] for row in after} >= {"bucket.runbook", "vpc.main", "default_security_group.main"}
    table = json.loads((folder / "resources-after.json").read_text(encoding="utf-8"))
    assert [field["name"] for field in table["schema"]["fields"]] == list(after[0])
    assert [{**row, "settings": json.loads(row["settings"] or "{}"), "detail": json.loads(row["detail"] or "{}")}
            for row in after] == table["data"]  # fmt: skip
    vpc = next(line for line in table["data"] if line["resource"] == "vpc.main")
    assert vpc["settings"]["cidr"] == "10.20.0.0/16"
    assert vpc["settings"]["dns_support"] is True
    assert "10.20.0.0/16" in (folder / "topology.svg").read_text(encoding="utf-8")


def test_the_report_names_people_commit_and_parameters(root, stopped):
    folder = finished(stopped, root)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "ann &lt;the owner&gt;" in page
    (opened,) = (json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines() if '"open"' in line)
    assert opened["operator"] in page
    assert opened["source"]["commit"] in page
    assert "network.vpc_cidr" in page
    assert json.loads((folder / "parameters.json").read_text())["network"]["vpc_cidr"] == "10.20.0.0/16"
    plans = json.loads((folder / "plan.json").read_text())
    assert plans["environment"]["account"] == "123456789012"
    (plan,) = plans["plans"]
    assert plan["fingerprint"] in page
    assert {change["action"] for change in plan["changes"]} == {"create"}


def test_a_failed_survey_is_recorded(root, stopped, monkeypatch):
    """Expired credentials do not prevent the signature."""

    def refused(*_, **__):
        raise NoAccess("The credentials have expired.", fix="Sign in again.")

    monkeypatch.setattr(final_survey, "aws_client", refused)
    folder = finished(stopped, root)
    assert "could not be read: The credentials have expired." in (folder / "report.html").read_text(encoding="utf-8")
    assert not (folder / "resources-after.csv").exists()
    assert verify_run(folder, {"me": keys.machine_key(root).public_key}, {}).wrong == []


def test_a_run_that_drew_no_topology_after_its_last_change_has_one(root, stopped):
    """Also when it verified its resources: who closes it looks anyway."""
    stopped.topology()
    net = network(stopped.params)
    stopped.apply(net.subnets)
    stopped.verify(net.bucket + net.vpc + net.subnets)
    page = (finished(stopped, root) / "report.html").read_text(encoding="utf-8")
    assert "made after this was read" not in page
    assert "us-west-2b" in page.partition('id="topology"')[2]


def test_a_run_that_recorded_its_final_state_is_not_surveyed_again(root, stopped, monkeypatch):
    net = network(stopped.params)
    stopped.verify(net.bucket + net.vpc)
    stopped.topology()
    monkeypatch.setattr(final_survey, "aws_client", lambda *_: pytest.fail("the account was surveyed"))
    assert {row["resource"] for row in rows(finished(stopped, root), "after")} >= {"bucket.runbook", "vpc.main"}


def test_a_plan_has_the_state_before(root):
    book = Runbook("01_network", env="local")
    book.plan(network(book.params))
    folder = finished(book, root)
    assert rows(folder, "before") == []
    assert not (folder / "resources-after.csv").exists()
