"""What a run leaves behind says what there is now, also when the run did not get to its own last look."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

import runbook_lib
from runbook_lib import Runbook
from runbook_lib.errors import NoAccess
from runbook_lib.evidence.attestation import keys
from runbook_lib.evidence.verification.verify import verify_run
from runbook_lib.runs import final_survey as aftermath
from runbook_lib.runs.finish import close
from runbook_lib.stacks.network import network

PARAMS = Path(runbook_lib.__file__).parents[1] / "params"


@pytest.fixture
def root(aws, monkeypatch):
    for folder in ("params", "artifacts"):
        shutil.rmtree(aws.root / folder, ignore_errors=True)
    shutil.copytree(PARAMS, aws.root / "params")
    monkeypatch.setenv("RUNBOOK_ROOT", str(aws.root))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)
    return aws.root


@pytest.fixture
def stopped(root):
    """A run that has made two things, and then fails."""
    book = Runbook("01_network", env="local", mode="apply", asked_by="ann <the owner>")
    net = network(book.params)
    book.plan(net)
    book.apply(net.bucket + net.vpc)
    return book


def left(book, root):
    close(book.params, root, book.run)
    return root / "artifacts" / "local" / book.run


def rows(folder, when):
    return list(csv.DictReader(io.StringIO((folder / f"resources-{when}.csv").read_text(encoding="utf-8"))))


def test_a_run_that_failed_leaves_the_state_before_and_after(root, stopped):
    """As tables for people and for programs, line by line the same; and the picture."""
    folder = left(stopped, root)
    before, after = rows(folder, "before"), rows(folder, "after")
    assert [row["resource"] for row in before] == []
    assert {row["resource"] for row in after} >= {"bucket.runbook", "vpc.main", "default_security_group.main"}
    told = json.loads((folder / "resources-after.json").read_text(encoding="utf-8"))
    assert [field["name"] for field in told["schema"]["fields"]] == list(after[0])
    assert [{**row, "settings": json.loads(row["settings"] or "{}"), "detail": json.loads(row["detail"] or "{}")}
            for row in after] == told["data"]  # fmt: skip
    vpc = next(line for line in told["data"] if line["resource"] == "vpc.main")
    assert vpc["settings"]["cidr"] == "10.20.0.0/16"
    assert vpc["settings"]["dns_support"] is True
    assert "10.20.0.0/16" in (folder / "topology.svg").read_text(encoding="utf-8")


def test_the_report_answers_who_from_what_with_which(root, stopped):
    """Who asked and who ran it, the commit, and every parameter."""
    folder = left(stopped, root)
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


def test_that_nobody_could_look_is_evidence_too(root, stopped, monkeypatch):
    """Credentials that ran out in the middle stop neither the signature nor the truth."""

    def refused(*_, **__):
        raise NoAccess("The credentials have expired.", fix="Sign in again.")

    monkeypatch.setattr(aftermath, "aws_client", refused)
    folder = left(stopped, root)
    assert "could not be read: The credentials have expired." in (folder / "report.html").read_text(encoding="utf-8")
    assert not (folder / "resources-after.csv").exists()
    assert verify_run(folder, {"me": keys.machine_key(root).public_key}, {}).wrong == []


def test_what_a_run_has_looked_at_is_not_asked_for_again(root, stopped, monkeypatch):
    net = network(stopped.params)
    stopped.verify(net.bucket + net.vpc)
    monkeypatch.setattr(aftermath, "aws_client", lambda *_: pytest.fail("the account was asked"))
    assert {row["resource"] for row in rows(left(stopped, root), "after")} >= {"bucket.runbook", "vpc.main"}


def test_a_plan_leaves_what_it_saw(root):
    book = Runbook("01_network", env="local")
    book.plan(network(book.params))
    folder = left(book, root)
    assert rows(folder, "before") == []
    assert not (folder / "resources-after.csv").exists()
