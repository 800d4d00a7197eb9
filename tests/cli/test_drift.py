"""`runbook drift`: wanted and found side by side, who did it, what mends it; exit code 3."""

# ruff: noqa: F811

import pytest

from runbook_lib.cli import drift as drift_module
from runbook_lib.engine.history import Answer, Write
from runbook_lib.runs.drift import CHANGED, MISSING, STRAY, Drifted
from tests.cli.test_main import fake_run, planned, root, runbook  # noqa: F401

ANN = Write("CreateRoute", "rtb-1", "arn:aws:iam::123456789012:user/ann", "2026-11-29 12:00:00 UTC")
ROUTES = Drifted("01_network", "route_table.public", CHANGED, "rtb-1", {"other_routes": (["10.9.0.0/16 by pcx-1"], [])},
                 "", Answer((ANN,)))  # fmt: skip
RULE = Drifted("01_network", "security_group_rule.db", MISSING, "sgr-1", {}, "", Answer(unknown="no permission"))
BLOCKED = Drifted("01_network", "target_group.web", CHANGED, "arn", {"path": ("/", "/healthz")}, "Take two steps.",
                  Answer(unknown="no permission"), blocked=True)  # fmt: skip
LEFT = Drifted("", "vpc.old", STRAY, "arn:aws:ec2:r:1:vpc/vpc-9", {}, "", Answer(unknown="older"))


@pytest.fixture
def found(monkeypatch):
    """What drift is found; nobody is asked."""
    things = []
    monkeypatch.setattr(drift_module, "record_drift", lambda *_: things)
    return things


def drift(runbook, fake_run, *options, **count):
    jobs = fake_run(planned(**count))
    done = runbook("drift", "--env", "local", *options)
    assert [job.parameters["mode"] for job in jobs] == ["plan"]
    return done


def test_no_drift_is_0(runbook, fake_run, found):
    done = drift(runbook, fake_run, keep=3)
    assert done.exit_code == 0, done.output
    assert "No drift: local is as params/ say." in done.output


def test_what_changed_who_did_it_and_what_mends_it(runbook, fake_run, found):
    found += [ROUTES, RULE]
    done = drift(runbook, fake_run, "--only", "01_network", update=1, create=1)
    assert done.exit_code == 3
    said = done.output
    assert "Drift of local: 1 changed, 1 missing." in said
    assert "~ route_table.public (rtb-1): changed, in 01_network" in said
    assert "    field        wanted found\n    other_routes []     [10.9.0.0/16 by pcx-1]\n" in said
    assert f"last write: CreateRoute by {ANN.by} at {ANN.at}\n" in said
    assert "+ security_group_rule.db (sgr-1): missing, in 01_network" in said
    assert "last write: not known: no permission" in said
    assert "up to 15 minutes" in said
    assert "To mend it: runbook apply --env local --only 01_network\n" in said


def test_what_no_apply_mends_is_said(runbook, fake_run, found):
    found += [BLOCKED, LEFT]
    done = drift(runbook, fake_run, "--only", "03_compute", blocked=1)
    assert done.exit_code == 3
    assert "! target_group.web (arn): changed" in done.output
    assert "Take two steps." in done.output
    assert "No apply mends 1 thing marked with !" in done.output
    assert "- vpc.old (arn:aws:ec2:r:1:vpc/vpc-9): orphaned\n" in done.output
    assert "No apply removes vpc.old" in done.output
    assert "To mend it" not in done.output


def test_what_left_the_parameters_goes_with_the_last_notebook(runbook, fake_run, found):
    found.append(Drifted("02_data", "db_instance.database", STRAY, "x", {}, "", Answer(unknown="older")))
    done = drift(runbook, fake_run, "--only", "02_data", delete=1)
    assert "To mend it: runbook apply --env local\n" in done.output


def test_a_failed_notebook_is_1_and_nobody_is_asked(runbook, fake_run, found, monkeypatch):
    asked = []
    monkeypatch.setattr(drift_module, "record_drift", lambda *a: asked.append(a))
    fake_run(planned(), state="failed")
    assert runbook("drift", "--env", "local").exit_code == 1
    assert asked == []
