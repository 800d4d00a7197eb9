"""Evidence that is missing is reported, also in a signed run: a signature does not make it complete."""

from datetime import timedelta

import pytest

from runbook_lib.evidence.attestation.approvals import OPERATOR, sign_statement
from runbook_lib.evidence.attestation.dsse import SUFFIX
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.evidence.verification.verify import verify_run
from runbook_lib.files import write_atomically
from tests.support.run_folders import (
    ANN,
    BOB,
    EVE,
    KEYS,
    NOTEBOOKS,
    RUN,
    SIGNED,
    close_run,
    finish_notebook,
    plan_of,
    planned_run,
    record_approval,
    rewrite_journal,
    write_approval,
)  # fmt: skip

NETWORK = NOTEBOOKS[0]
HOURS = timedelta(hours=72)


def is_(name, **fields):
    """Whether an event is one of the first notebook's of that name, with those fields."""
    return lambda event: (
        event["event"] == name
        and event["notebook"] == NETWORK
        and all(event.get(field) == value for field, value in fields.items())
    )


def write_event(folder, event, **data):
    RunFolder(folder.parent, folder.name, NETWORK).journal().write(event, **data)


def whole(environment, *, mode="apply", approval=None):
    """A run that is complete, and not closed yet."""
    folder = planned_run(environment, mode=mode, approval=approval)
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    return folder


def check(folder, **more):
    return verify_run(folder, KEYS, KEYS, **more)


# Events of a notebook that is done.


@pytest.mark.parametrize("mode", ["plan", "apply", "verify"])
def test_a_complete_run_has_no_gaps(tmp_path, mode):
    found = check(close_run(whole(tmp_path, mode=mode)))
    assert (found.wrong, found.notes) == ([], [])


@pytest.mark.parametrize("mode", ["plan", "apply"])
@pytest.mark.parametrize(
    ("dropped", "message"),
    [
        (is_("open"), "is done, and the journal does not say who opened the run"),
        (is_("plan"), "the journal has no plan for"),
        (is_("cells"), "the journal does not say that all its cells succeeded"),
        (is_("inventory", when="before"), "the journal does not have the state before it"),
    ],
    ids=["open", "plan", "cells", "before"],
)
def test_a_missing_event_of_every_notebook_is_reported(tmp_path, mode, dropped, message):
    wrong = check(close_run(rewrite_journal(whole(tmp_path, mode=mode), dropped))).wrong
    assert [one for one in wrong if one.startswith(f"{NETWORK}: ") and message in one]


@pytest.mark.parametrize(
    ("dropped", "message"),
    [
        (is_("inventory", when="after"), "was changed, and the journal does not have the state afterwards"),
        (is_("verify"), "was changed, and the journal does not say that it was verified"),
        (is_("change"), "ec2 CreateThing: AWS was called, and no change was recorded"),
    ],
    ids=["after", "verify", "changes"],
)
def test_a_missing_event_of_a_notebook_with_changes_is_reported(tmp_path, dropped, message):
    wrong = check(close_run(rewrite_journal(whole(tmp_path), dropped))).wrong
    assert f"{NETWORK}: {message}" in wrong


def test_a_missing_last_change_is_reported(tmp_path):
    wrong = check(close_run(rewrite_journal(whole(tmp_path), is_("change", key="thing.network-2")))).wrong
    assert f"{NETWORK}: ec2 CreateThing: AWS was called, and no change was recorded" in wrong


def test_a_cell_that_did_not_run_is_no_success(tmp_path):
    folder = rewrite_journal(whole(tmp_path), lambda event: False, outcome="incomplete")
    assert (
        f"{NETWORK}: is done, and the journal does not say that all its cells succeeded"
        in check(close_run(folder)).wrong
    )


def test_missing_parameters_are_reported(tmp_path):
    folder = rewrite_journal(whole(tmp_path), lambda event: False, parameters=None)
    assert f"{NETWORK}: the journal does not have its parameters" in check(close_run(folder)).wrong


@pytest.mark.parametrize("mode", ["plan", "verify"])
def test_a_reading_run_must_not_have_changes(tmp_path, mode):
    folder = planned_run(tmp_path, mode=mode)
    write_event(folder, "call", service="ec2", operation="CreateThing", write=True, error=None)
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    (wrong,) = check(close_run(folder)).wrong
    assert wrong == f"{NETWORK}: ec2 CreateThing: AWS was called, and no change was recorded"


def test_changes_must_fit_the_mode(tmp_path):
    folder = rewrite_journal(whole(tmp_path), lambda event: False, mode="plan")
    assert f"{NETWORK}: was changed, although its mode was plan" in check(close_run(folder)).wrong


# What is not missing.


@pytest.mark.parametrize(
    "call",
    [
        {"service": "s3", "operation": "PutObject", "write": True, "error": None},
        {"service": "s3", "operation": "DeleteObject", "write": True, "error": None},
        {"service": "ec2", "operation": "CreateThing", "write": True, "error": "DependencyViolation"},
        {"service": "iam", "operation": "GetRolePolicy", "write": False, "error": "NoSuchEntity"},
    ],
    ids=["lock taken", "lock given back", "refused", "read"],
)
def test_a_call_that_changes_nothing_needs_no_change(tmp_path, call):
    folder = whole(tmp_path)
    write_event(folder, "call", **call)
    assert check(close_run(folder)).wrong == []


@pytest.mark.parametrize("state", ["failed", "interrupted"])
def test_an_interrupted_change_needs_no_result(tmp_path, state):
    folder = planned_run(tmp_path)
    write_event(folder, "call", service="ec2", operation="CreateThing", write=True, error=None)
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook, state, but=f"thing.{notebook[3:]}-1")
    assert check(close_run(folder)).wrong == []


def test_a_reason_replaces_the_state_afterwards(tmp_path):
    folder = rewrite_journal(whole(tmp_path), is_("inventory", when="after"))
    write_event(folder, "unseen", notebooks=[NETWORK], why="no way in")
    assert check(close_run(folder)).wrong == []


def test_an_interrupted_notebook_has_its_page_too(tmp_path):
    """It is written when the run is closed."""
    folder = planned_run(tmp_path)
    (folder / f"{NETWORK}.ipynb").write_text("{}", encoding="utf-8")
    for notebook in NOTEBOOKS:
        RunFolder(tmp_path, RUN, notebook).journal().write("ended", state="interrupted")
    assert check(close_run(folder)).wrong == [f"{NETWORK}.html: is missing, and the notebook was run"]


# Files that are generated from the journal.


@pytest.mark.parametrize("name", [
    "report.html", "plan.json", "changes.csv", "checks.csv", "timeline.svg", "parameters.json", "resources-before.csv",
    "resources-before.json", "resources-after.csv", "resources-after.json",
])  # fmt: skip
def test_a_missing_generated_file_is_reported(tmp_path, name):
    folder = whole(tmp_path)
    assert check(close_run(folder, but=name)).wrong == [f"{name}: is missing, and the journal has its content"]


def test_a_missing_topology_drawing_is_reported(tmp_path):
    folder = whole(tmp_path)
    topology = {"at": "2026-11-24T08:00:00Z", "env": "prod", "account": "123456789012", "region": "us-west-2"}
    write_event(folder, "topology", seen=topology)
    wrong = check(close_run(folder, but="topology.svg")).wrong
    assert wrong == ["topology.svg: is missing, and the journal has its content"]


@pytest.mark.parametrize("stem", [NETWORK, "more"])
def test_a_notebook_needs_its_page(tmp_path, stem):
    folder = whole(tmp_path)
    (folder / f"{stem}.ipynb").write_text("{}", encoding="utf-8")
    (folder / f"{stem}.html").unlink(missing_ok=True)
    (wrong,) = check(close_run(folder)).wrong
    assert wrong.startswith(f"{stem}.html: is missing, ")


# Approvals that the run's own parameters require.


def run_with_two_signers(environment, **rules):
    """A run that was approved by Bob, and run by Ann."""
    folder = planned_run(environment, approval=SIGNED | {"threshold": 2} | rules)
    path = write_approval(folder, BOB, "bob")
    for notebook in NOTEBOOKS:
        plan = plan_of(notebook).as_dict()
        fields = {"by": "ann", "role": OPERATOR, "change": "CHG1", "run": RUN}
        name = f"{plan_of(notebook).fingerprint}-ann{SUFFIX}"
        write_atomically(folder / "approvals" / name, sign_statement([plan], ANN, valid_for=HOURS, **fields))
        record_approval(folder, notebook, path, operator="ann")
        finish_notebook(folder, notebook)
    return folder


def test_a_run_with_two_signers_is_complete(tmp_path):
    found = check(close_run(run_with_two_signers(tmp_path)))
    assert found.wrong == []
    assert [note.split(" at ")[0] for note in found.notes].count("run by ann for CHG1") == 2


def test_a_missing_approval_is_reported(tmp_path):
    """Neither the event nor the statement is there; only the parameters require it."""
    folder = rewrite_journal(run_with_two_signers(tmp_path), lambda event: event["event"] == "approved")
    for path in (folder / "approvals").iterdir():
        path.unlink()
    message = "was changed without a signed approval, which its parameters require"
    assert check(close_run(folder)).wrong == [f"{notebook}: {message}" for notebook in NOTEBOOKS]


def test_an_approval_after_the_first_change_does_not_count(tmp_path):
    folder = planned_run(tmp_path, approval=SIGNED)
    path = write_approval(folder, BOB, "bob")
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
        record_approval(folder, notebook, path)
    message = "was changed without a signed approval, which its parameters require"
    assert check(close_run(folder)).wrong == [f"{notebook}: {message}" for notebook in NOTEBOOKS]


def test_a_change_that_is_in_no_approved_plan_is_reported(tmp_path):
    folder = planned_run(tmp_path, approval=SIGNED)
    path = write_approval(folder, BOB, "bob")
    for notebook in NOTEBOOKS:
        record_approval(folder, notebook, path)
        finish_notebook(folder, notebook)
    write_event(folder, "change", ok=True, key="thing.more", action="create", fields={})
    write_event(folder, "verify", stack="network", ok=True, failed=[])
    write_event(folder, "inventory", when="after", stack="network", resources=[])
    assert check(close_run(folder)).wrong == [f"{NETWORK}: thing.more: was changed, and is in no approved plan"]


def test_a_missing_statement_of_the_operator_is_reported(tmp_path):
    folder = run_with_two_signers(tmp_path)
    name = f"approvals/{plan_of(NETWORK).fingerprint}-ann{SUFFIX}"
    (folder / name).unlink()
    assert check(close_run(folder)).wrong == [f"{name}: is missing, and the run used it"]


@pytest.mark.parametrize("operator", ["", "bob"])
def test_the_operator_must_be_another_signer(tmp_path, operator):
    folder = rewrite_journal(run_with_two_signers(tmp_path), lambda event: False, operator=operator)
    message = "approvals/bob.dsse.json: two signers are required, and the operator is not another signer"
    assert check(close_run(folder)).wrong == [message, message]


def test_a_statement_of_an_operator_is_not_an_approval(tmp_path):
    folder = planned_run(tmp_path, approval=SIGNED)
    plans = [plan_of(notebook).as_dict() for notebook in NOTEBOOKS]
    path = folder / "approvals" / "bob.dsse.json"
    write_atomically(path, sign_statement(plans, BOB, valid_for=HOURS, by="bob", role=OPERATOR, change="CHG1", run=RUN))
    for notebook in NOTEBOOKS:
        record_approval(folder, notebook, path)
        finish_notebook(folder, notebook)
    message = "approvals/bob.dsse.json: is not the approval that the journal describes"
    assert check(close_run(folder)).wrong == [message, message]


def test_an_approver_who_is_not_in_the_run_s_parameters_is_reported_without_keys(tmp_path):
    folder = planned_run(tmp_path, approval=SIGNED)
    path = write_approval(folder, EVE, "bob")
    for notebook in NOTEBOOKS:
        record_approval(folder, notebook, path)
        finish_notebook(folder, notebook)
    wrong = verify_run(close_run(folder), KEYS, {}).wrong
    assert len(wrong) == 2
    assert all(one.startswith("approvals/bob.dsse.json: signed with the key ") for one in wrong)
    assert all(one.endswith(", according to the run's parameters") for one in wrong)


def test_an_approval_counts_no_longer_than_the_run_s_parameters_allow(tmp_path):
    folder = rewrite_journal(
        run_with_two_signers(tmp_path), lambda event: False, parameters={"approval": SIGNED | {"valid_hours": -1}}
    )
    message = "approvals/bob.dsse.json: is not the approval that the journal describes"
    assert check(close_run(folder)).wrong == [message, message]


@pytest.mark.parametrize(("given", "missed"), [("", True), ("0123456789abcdef", False)])
def test_without_signers_a_fingerprint_is_required(tmp_path, given, missed):
    folder = rewrite_journal(whole(tmp_path, approval={"required": True}), lambda event: False, approved=given)
    message = "was changed without an approval, which its parameters require"
    assert check(close_run(folder)).wrong == [f"{notebook}: {message}" for notebook in NOTEBOOKS if missed]
