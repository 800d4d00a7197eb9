"""What was left out before somebody signed is missed all the same: a signature does not make a run complete."""

from datetime import timedelta

import pytest

from runbook_lib.evidence.attestation.approvals import OPERATOR, signer_of
from runbook_lib.evidence.attestation.dsse import SUFFIX
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.evidence.verification.verify import verify
from runbook_lib.files import write_atomically
from tests.support.run_folders import (
    ANN,
    BOB,
    EVE,
    KEYS,
    NOTEBOOKS,
    RUN,
    SIGNED,
    accepted,
    approved,
    begun,
    closed,
    done,
    plan_of,
    without,
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


def written(folder, event, **data):
    RunFolder(folder.parent, folder.name, NETWORK).journal().write(event, **data)


def whole(environment, *, mode="apply", approval=None):
    """A run that is complete, and not closed yet."""
    folder = begun(environment, mode=mode, approval=approval)
    for notebook in NOTEBOOKS:
        done(folder, notebook)
    return folder


def judged(folder, **more):
    return verify(folder, KEYS, KEYS, **more)


# What a notebook that is done has told.


@pytest.mark.parametrize("mode", ["plan", "apply", "verify"])
def test_what_is_whole_is_complete(tmp_path, mode):
    found = judged(closed(whole(tmp_path, mode=mode)))
    assert (found.wrong, found.notes) == ([], [])


@pytest.mark.parametrize("mode", ["plan", "apply"])
@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        (is_("open"), "is done, and the journal does not say what was opened"),
        (is_("plan"), "the journal has no plan of"),
        (is_("cells"), "the journal does not say that each of its cells was run to its end"),
        (is_("inventory", when="before"), "the journal does not say what was there before"),
    ],
    ids=["open", "plan", "cells", "before"],
)
def test_an_event_that_every_notebook_has_is_missed(tmp_path, mode, left_out, told):
    wrong = judged(closed(without(whole(tmp_path, mode=mode), left_out))).wrong
    assert [one for one in wrong if one.startswith(f"{NETWORK}: ") and told in one]


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        (is_("inventory", when="after"), "was changed, and the journal does not say what was there afterwards"),
        (is_("verify"), "was changed, and the journal does not say that it was verified"),
        (is_("change"), "ec2 CreateThing: AWS was called, and no change tells of that"),
    ],
    ids=["after", "verify", "changes"],
)
def test_an_event_of_whoever_changed_something_is_missed(tmp_path, left_out, told):
    wrong = judged(closed(without(whole(tmp_path), left_out))).wrong
    assert f"{NETWORK}: {told}" in wrong


def test_the_last_change_alone_is_missed_too(tmp_path):
    wrong = judged(closed(without(whole(tmp_path), is_("change", key="thing.network-2")))).wrong
    assert f"{NETWORK}: ec2 CreateThing: AWS was called, and no change tells of that" in wrong


def test_a_cell_that_did_not_run_is_no_success(tmp_path):
    folder = without(whole(tmp_path), lambda event: False, outcome="incomplete")
    assert (
        f"{NETWORK}: is done, and the journal does not say that each of its cells was run to its end"
        in judged(closed(folder)).wrong
    )


def test_with_which_parameters_it_was_has_to_be_told(tmp_path):
    folder = without(whole(tmp_path), lambda event: False, parameters=None)
    assert f"{NETWORK}: the journal does not say with which parameters" in judged(closed(folder)).wrong


@pytest.mark.parametrize("mode", ["plan", "verify"])
def test_what_was_only_to_look_has_changed_nothing(tmp_path, mode):
    folder = begun(tmp_path, mode=mode)
    written(folder, "call", service="ec2", operation="CreateThing", write=True, error=None)
    for notebook in NOTEBOOKS:
        done(folder, notebook)
    (wrong,) = judged(closed(folder)).wrong
    assert wrong == f"{NETWORK}: ec2 CreateThing: AWS was called, and no change tells of that"


def test_a_mode_that_was_changed_afterwards_does_not_fit_what_was_done(tmp_path):
    folder = without(whole(tmp_path), lambda event: False, mode="plan")
    assert f"{NETWORK}: was changed, and its mode was plan" in judged(closed(folder)).wrong


# What is no gap.


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
    written(folder, "call", **call)
    assert judged(closed(folder)).wrong == []


@pytest.mark.parametrize("state", ["failed", "interrupted"])
def test_who_was_stopped_in_the_middle_could_not_tell_what_came_of_it(tmp_path, state):
    folder = begun(tmp_path)
    written(folder, "call", service="ec2", operation="CreateThing", write=True, error=None)
    for notebook in NOTEBOOKS:
        done(folder, notebook, state, but=f"thing.{notebook[3:]}-1")
    assert judged(closed(folder)).wrong == []


def test_that_nobody_could_look_afterwards_is_told_and_no_gap(tmp_path):
    folder = without(whole(tmp_path), is_("inventory", when="after"))
    written(folder, "unseen", notebooks=[NETWORK], why="no way in")
    assert judged(closed(folder)).wrong == []


def test_an_interrupted_notebook_has_its_page_too(tmp_path):
    """Whoever closes the run makes it."""
    folder = begun(tmp_path)
    (folder / f"{NETWORK}.ipynb").write_text("{}", encoding="utf-8")
    for notebook in NOTEBOOKS:
        RunFolder(tmp_path, RUN, notebook).journal().write("ended", state="interrupted")
    assert judged(closed(folder)).wrong == [f"{NETWORK}.html: is missing: the notebook was run"]


# What is made of the journal.


@pytest.mark.parametrize("name", [
    "report.html", "plan.json", "changes.csv", "checks.csv", "timeline.svg", "parameters.json", "resources-before.csv",
    "resources-before.json", "resources-after.csv", "resources-after.json",
])  # fmt: skip
def test_a_file_that_is_made_at_the_end_is_missed(tmp_path, name):
    folder = whole(tmp_path)
    assert judged(closed(folder, but=name)).wrong == [f"{name}: is missing: the journal has what belongs there"]


def test_the_picture_of_what_was_seen_is_missed(tmp_path):
    folder = whole(tmp_path)
    sight = {"at": "2026-11-24T08:00:00Z", "env": "prod", "account": "123456789012", "region": "us-west-2"}
    written(folder, "topology", seen=sight)
    wrong = judged(closed(folder, but="topology.svg")).wrong
    assert wrong == ["topology.svg: is missing: the journal has what belongs there"]


@pytest.mark.parametrize("stem", [NETWORK, "more"])
def test_a_notebook_needs_its_page(tmp_path, stem):
    folder = whole(tmp_path)
    (folder / f"{stem}.ipynb").write_text("{}", encoding="utf-8")
    (folder / f"{stem}.html").unlink(missing_ok=True)
    (wrong,) = judged(closed(folder)).wrong
    assert wrong.startswith(f"{stem}.html: is missing: ")


# What its own parameters ask for.


def agreed(environment, **rules):
    """A run that was approved by Bob, and run by Ann."""
    folder = begun(environment, approval=SIGNED | {"threshold": 2} | rules)
    path = approved(folder, BOB, "bob")
    for notebook in NOTEBOOKS:
        plan = plan_of(notebook).as_dict()
        says = {"by": "ann", "role": OPERATOR, "change": "CHG1", "run": RUN}
        name = f"{plan_of(notebook).fingerprint}-ann{SUFFIX}"
        write_atomically(folder / "approvals" / name, signer_of([plan], ANN, until=HOURS, **says))
        accepted(folder, notebook, path, operator="ann")
        done(folder, notebook)
    return folder


def test_a_run_that_two_have_agreed_to_is_complete(tmp_path):
    found = judged(closed(agreed(tmp_path)))
    assert found.wrong == []
    assert [note.split(" at ")[0] for note in found.notes].count("run by ann for CHG1") == 2


def test_that_an_approval_was_gone_by_is_missed(tmp_path):
    """Neither the event nor the statement is there: only the parameters still ask for it."""
    folder = without(agreed(tmp_path), lambda event: event["event"] == "approved")
    for path in (folder / "approvals").iterdir():
        path.unlink()
    told = "was changed, and its parameters ask for a signed approval: the journal tells of none"
    assert judged(closed(folder)).wrong == [f"{notebook}: {told}" for notebook in NOTEBOOKS]


def test_an_approval_that_came_after_the_first_change_is_none(tmp_path):
    folder = begun(tmp_path, approval=SIGNED)
    path = approved(folder, BOB, "bob")
    for notebook in NOTEBOOKS:
        done(folder, notebook)
        accepted(folder, notebook, path)
    told = "was changed, and its parameters ask for a signed approval: the journal tells of none"
    assert judged(closed(folder)).wrong == [f"{notebook}: {told}" for notebook in NOTEBOOKS]


def test_what_no_approved_plan_has_is_told(tmp_path):
    folder = begun(tmp_path, approval=SIGNED)
    path = approved(folder, BOB, "bob")
    for notebook in NOTEBOOKS:
        accepted(folder, notebook, path)
        done(folder, notebook)
    written(folder, "change", ok=True, key="thing.more", action="create", fields={})
    written(folder, "verify", stack="network", ok=True, failed=[])
    written(folder, "inventory", when="after", stack="network", resources=[])
    assert judged(closed(folder)).wrong == [f"{NETWORK}: thing.more: was changed, and no approved plan has it"]


def test_the_statement_of_whoever_ran_it_is_missed(tmp_path):
    folder = agreed(tmp_path)
    name = f"approvals/{plan_of(NETWORK).fingerprint}-ann{SUFFIX}"
    (folder / name).unlink()
    assert judged(closed(folder)).wrong == [f"{name}: is missing: the run says it went by it"]


@pytest.mark.parametrize("operator", ["", "bob"])
def test_one_is_not_two(tmp_path, operator):
    folder = without(agreed(tmp_path), lambda event: False, operator=operator)
    told = "approvals/bob.dsse.json: two people were to agree, and whoever ran it is not another signer"
    assert judged(closed(folder)).wrong == [told, told]


def test_the_approval_of_whoever_runs_it_is_none(tmp_path):
    """What an operator signs says that he ran it."""
    folder = begun(tmp_path, approval=SIGNED)
    plans = [plan_of(notebook).as_dict() for notebook in NOTEBOOKS]
    path = folder / "approvals" / "bob.dsse.json"
    write_atomically(path, signer_of(plans, BOB, until=HOURS, by="bob", role=OPERATOR, change="CHG1", run=RUN))
    for notebook in NOTEBOOKS:
        accepted(folder, notebook, path)
        done(folder, notebook)
    told = "approvals/bob.dsse.json: is not the approval that the journal tells of"
    assert judged(closed(folder)).wrong == [told, told]


def test_an_approver_whom_the_parameters_of_the_run_do_not_name_is_found_without_any_key(tmp_path):
    folder = begun(tmp_path, approval=SIGNED)
    path = approved(folder, EVE, "bob")
    for notebook in NOTEBOOKS:
        accepted(folder, notebook, path)
        done(folder, notebook)
    wrong = verify(closed(folder), KEYS, {}).wrong
    assert len(wrong) == 2
    assert all(one.startswith("approvals/bob.dsse.json: signed with the key ") for one in wrong)
    assert all(one.endswith(", by the parameters of the run") for one in wrong)


def test_an_approval_counts_no_longer_than_the_parameters_of_the_run_let_it(tmp_path):
    folder = without(agreed(tmp_path), lambda event: False, parameters={"approval": SIGNED | {"valid_hours": -1}})
    told = "approvals/bob.dsse.json: is not the approval that the journal tells of"
    assert judged(closed(folder)).wrong == [told, told]


@pytest.mark.parametrize(("given", "missed"), [("", True), ("0123456789abcdef", False)])
def test_without_signers_a_fingerprint_was_to_be_given(tmp_path, given, missed):
    folder = without(whole(tmp_path, approval={"required": True}), lambda event: False, approved=given)
    told = "was changed, and its parameters ask for an approval: none was given"
    assert judged(closed(folder)).wrong == [f"{notebook}: {told}" for notebook in NOTEBOOKS if missed]
