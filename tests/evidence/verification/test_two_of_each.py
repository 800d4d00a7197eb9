"""Evidence with two notebooks, two plans and two approvals of each kind: one that is right hides none that is wrong."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.engine.plan import digest
from runbook_lib.evidence.attestation import dsse
from runbook_lib.evidence.attestation.approvals import PREDICATE_TYPE, format_plan_name
from runbook_lib.evidence.attestation.dsse import SUFFIX, build_statement, build_subject
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.evidence.verification.approvals import check_statement, find_unapproved_changes
from runbook_lib.evidence.verification.completeness import find_gaps, planned_notebooks, read_plan
from runbook_lib.journal.journal import MANIFEST, Journal
from runbook_lib.journal.reader import read_events
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
)

NETWORK, DATA = NOTEBOOKS
PLANS = [plan_of(one).as_dict() for one in NOTEBOOKS]


def gaps(folder):
    return {str(gap): gap.serious for gap in find_gaps(folder, read_events(folder))}


def unapproved(folder):
    return list(find_unapproved_changes(folder, read_events(folder)))


def whole(environment, **more):
    folder = planned_run(environment, **more)
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    return folder


def drop(folder, *keys, event="change"):
    return rewrite_journal(folder, lambda one: one["event"] == event and one.get("key") in keys)


def write(folder, notebook, event, **data):
    RunFolder(folder.parent, folder.name, notebook).journal().write(event, **data)


# Changes and their results.


def test_a_change_without_a_result_is_a_gap_unless_all_was_verified(tmp_path):
    """It was as desired before its turn: the verification says so."""
    folder = drop(whole(tmp_path), "thing.network-1", "thing.data-1")
    planned = "thing.network-1: create was planned; it was as desired before its turn"
    assert gaps(folder) == {
        f"{NETWORK}: {planned}": False,
        f"{DATA}: {planned.replace('network-1', 'data-1')}": False,
    }
    unverified = rewrite_journal(folder, lambda one: one["event"] == "verify" and one["notebook"] == DATA)
    found = gaps(unverified)
    assert found[f"{NETWORK}: {planned}"] is False
    assert found[f"{DATA}: thing.data-1: create was planned, and the journal has no result of it"] is True


def test_one_successful_verification_of_several_is_enough(tmp_path):
    folder = drop(whole(tmp_path), "thing.network-1")
    write(folder, NETWORK, "verify", stack="network", ok=False, failed=["x"])
    assert list(gaps(folder).values()) == [False]
    failed = rewrite_journal(folder, lambda one: False, ok=lambda one: False if one["event"] == "verify" else one["ok"])
    assert f"{NETWORK}: thing.network-1: create was planned, and the journal has no result of it" in gaps(failed)


@pytest.mark.parametrize("state", ["failed", "interrupted"])
def test_a_notebook_that_stopped_has_not_reached_its_last_changes(tmp_path, state):
    folder = planned_run(tmp_path)
    finish_notebook(folder, NETWORK, state, but="thing.network-2")
    finish_notebook(folder, DATA)
    assert gaps(folder) == {
        f"{NETWORK}: thing.network-2: create was planned; not done: the notebook stopped before it": False
    }


def test_a_resource_that_was_gone_needs_no_change(tmp_path):
    folder = drop(whole(tmp_path), "thing.network-1", "thing.network-2")
    write(folder, NETWORK, "gone", key="thing.network-2")
    found = gaps(folder)
    assert not [gap for gap in found if "network-2" in gap]
    assert [gap for gap in found if "network-1" in gap]


def test_each_plan_file_must_be_the_plan_with_that_fingerprint(tmp_path):
    folder = whole(tmp_path)
    network, data = (folder / f"plans/{one}-apply-{plan_of(one).fingerprint}.json" for one in NOTEBOOKS)
    assert gaps(folder) == {}
    network.write_text(json.dumps({"plan": PLANS[1]}))
    assert gaps(folder) == {f"plans/{network.name}: is not the plan with that fingerprint": True}
    for wrong in ("{}", "[]", "", '{"plan": []}'):
        data.write_text(wrong)
        assert gaps(folder)[f"plans/{data.name}: is not a plan"] is True
    data.unlink()
    assert gaps(folder)[f"plans/{data.name}: is missing, and the journal has this plan"] is True


def test_calls_are_closed_by_the_next_change_only(tmp_path):
    folder = whole(tmp_path)
    call = {"service": "ec2", "write": True, "error": None}
    for operation in ("CreateA", "CreateB", "CreateA"):
        write(folder, NETWORK, "call", operation=operation, **call)
    text = f"{NETWORK}: ec2 CreateA, ec2 CreateB: AWS was called, and no change was recorded"
    assert gaps(folder) == {text: True}
    write(folder, DATA, "change", key="x")
    assert text in gaps(folder)
    write(folder, NETWORK, "gone", key="x")
    assert text not in gaps(folder)


@pytest.mark.parametrize(
    ("service", "operation", "is_lock"),
    [
        ("s3", "PutObject", True),
        ("s3", "DeleteObject", True),
        ("s3", "PutObjectTagging", False),
        ("ssm", "PutObject", False),
    ],
)
def test_only_the_lock_s_calls_belong_to_no_change(tmp_path, service, operation, is_lock):
    folder = whole(tmp_path)
    write(folder, NETWORK, "call", service=service, operation=operation, write=True, error=None)
    assert bool(gaps(folder)) is not is_lock


def test_every_notebook_of_a_run_is_looked_at(tmp_path):
    """Those of the command, and others that have run in it; each once."""
    folder = whole(tmp_path)
    write(folder, "03_more", "open", account="1")
    write(folder, NETWORK, "open", account="1", parameters={"env": "prod"})
    assert planned_notebooks(read_events(folder)) == [NETWORK, DATA, "03_more"]
    found = gaps(folder)
    assert found["03_more: the journal does not say how it ended: it was killed, or is still running"] is True
    assert found["03_more: the journal does not have its parameters"] is True
    assert len(found) == 2


@pytest.mark.parametrize("events", [[], [("run", {"notebooks": []})], [("change", {"key": "x"}), ("open", {})]])
def test_a_journal_that_names_no_notebook_is_incomplete_unless_it_is_an_unlock(tmp_path, events):
    """Nothing else of it would be looked at."""
    folder = RunFolder(tmp_path, RUN, "runner").path
    for event, data in events:
        Journal(folder / "journal.jsonl").write(event, **data)
    assert gaps(folder) == {"journal.jsonl: does not name the notebooks of the run": True}
    Journal(folder / "journal.jsonl").write("unlock", reason="it hangs")
    assert gaps(folder) == {}


def test_a_notebook_that_never_ran_needs_no_files(tmp_path):
    folder = planned_run(tmp_path)
    finish_notebook(folder, NETWORK)
    write(folder, DATA, "ended", state="not run", cell=0)
    assert not [gap for gap in gaps(folder) if f"{DATA}." in gap]
    (folder / f"{NETWORK}.ipynb").unlink()
    (folder / f"{NETWORK}.html").unlink()
    missing = {f"{NETWORK}{suffix}: is missing, and the notebook was run": True for suffix in (".ipynb", ".html")}
    assert missing.items() <= gaps(folder).items()


def test_the_state_afterwards_is_missing_of_a_notebook_that_changed_its_own_stack(tmp_path):
    """Also of one that failed; a plan of another stack alone does not ask for it."""
    folder = planned_run(tmp_path)
    finish_notebook(folder, NETWORK, "failed", but="thing.network-2")
    finish_notebook(folder, DATA)
    close_run(folder)
    message = f"{NETWORK}: was changed, and the journal does not have the state afterwards"
    (folder / MANIFEST).unlink()
    folder = rewrite_journal(folder, lambda one: one["event"] == "inventory" and one["when"] == "after")
    close_run(folder)
    assert message in gaps(folder)
    assert f"{DATA}: was changed, and the journal does not have the state afterwards" in gaps(folder)
    (folder / MANIFEST).unlink()
    folder = rewrite_journal(
        folder, lambda one: False, stack=lambda one: "other" if one["event"] == "plan" else one["stack"]
    )
    close_run(folder)
    assert message not in gaps(folder)
    assert f"{DATA}: was changed, and the journal does not have the state afterwards" in gaps(folder)


def test_pages_that_are_missing_are_listed_in_one_order(tmp_path):
    folder = whole(tmp_path)
    names = ["m", "c", "z", "a", "q", "f"]
    for name in names:
        (folder / f"{name}.ipynb").write_text("{}")
    close_run(folder)
    missing = [gap.partition(".")[0] for gap in gaps(folder) if gap.endswith("there is such a notebook")]
    assert missing == sorted(names)


def run_of(environment, *events, mode="apply", requested=True, manifest=False):
    """What is missing of a run of one notebook with these events, without its name."""
    folder = RunFolder(environment, RUN, "runner")
    folder.journal().write("run", run=RUN, notebooks=[NETWORK] if requested else [], env="prod", mode=mode)
    for event, data in events:
        write(folder.path, NETWORK, event, **data)
    if manifest:
        (folder.path / MANIFEST).write_text("{}")
    return {what.removeprefix(f"{NETWORK}: "): serious for what, serious in gaps(folder.path).items()}


def event(kind, **data):
    return kind, data


ENDED = event("ended", state="failed", cell=0)
KILLED = "the journal does not say how it ended: it was killed, or is still running"
NOT_KEPT = {
    f"{NETWORK}.ipynb: is missing, and the notebook was run",
    f"{NETWORK}.html: is missing, and the notebook was run",
}


@pytest.mark.parametrize(
    ("events", "missing"),
    [
        ([], {KILLED}),
        ([ENDED], set()),
        ([event("ended", state="failed")], set()),
        ([event("ended", state="not run", cell=3)], set()),
        ([event("ended", state="failed", cell=1)], NOT_KEPT),
        ([event("cells", cells=[]), ENDED], NOT_KEPT),
        ([event("cells", cells=[])], {KILLED, f"{NETWORK}.ipynb: is missing, and the notebook was run"}),
        ([ENDED, event("ended", state="failed", cell=2)], NOT_KEPT),
        ([event("ended", state="failed", cell=2), ENDED], set()),
        ([event("open", parameters={}), ENDED], {"the journal does not have its parameters"}),
        ([event("open", parameters={"a": 1}), event("open"), ENDED], {"the journal does not have its parameters"}),
        ([event("open", parameters={"a": 1}), ENDED], set()),
    ],
)
def test_a_notebook_leaves_what_its_cells_have_made(tmp_path, events, missing):
    assert run_of(tmp_path, *events) == dict.fromkeys(missing, True)


CHANGE = event("change", key="thing.a", ok=True, action="create", fields={}, waited=0.0, sent=0.1, took=0.2, ready=True)
ADD = [{"key": "thing.a", "action": "create"}, {"key": "thing.b", "action": "create"}]
REMOVE = [{"key": "thing.a", "action": "delete"}]
NO_PLAN = "was changed, and the journal has no plan for it"


def plan_event(present, changes):
    return event("plan", present=present, fingerprint="f" * 16, changes=changes, stack="network", count={})


@pytest.mark.parametrize(
    ("mode", "events", "expected"),
    [
        ("apply", [], {}),
        ("apply", [CHANGE], {NO_PLAN: True}),
        ("apply", [plan_event(False, REMOVE), CHANGE], {NO_PLAN: True}),
        ("destroy", [plan_event(True, ADD), CHANGE], {NO_PLAN: True}),
        ("destroy", [plan_event(False, REMOVE), CHANGE], {}),
        ("apply", [plan_event(True, []), CHANGE], {}),
        ("apply", [plan_event(True, ADD), CHANGE], 
         {"thing.b: create was planned; not done: the notebook stopped before it": False}),
        ("apply", [plan_event(True, ADD), plan_event(False, REMOVE), event("gone", key="thing.b")],
         {"thing.a: create was planned; not done: the notebook stopped before it": False}),
        ("apply", [plan_event(True, ADD[:1]), plan_event(True, ADD[1:])],
         {f"thing.{one}: create was planned; not done: the notebook stopped before it": False for one in "ab"}),
        ("plan", [CHANGE], {"was changed, although its mode was plan": True}),
        ("", [CHANGE], {"was changed, although its mode was none": True}),
        ("verify", [plan_event(True, ADD)], {}),
    ],
)  # fmt: skip
def test_each_change_is_one_of_a_plan_for_what_the_run_does(tmp_path, mode, events, expected):
    """A plan to apply is none to destroy, and a plan of nothing is one."""
    found = run_of(tmp_path, *events, ENDED, mode=mode)
    assert {what: serious for what, serious in found.items() if not what.startswith("plans/")} == expected


def call(**changed):
    return event("call", **{"service": "ec2", "operation": "CreateA", "write": True, "error": None} | changed)


@pytest.mark.parametrize("state", ["done", "failed"])
@pytest.mark.parametrize("mode", ["plan", "apply"])
@pytest.mark.parametrize(
    ("calls", "told"),
    [
        ([call()], "ec2 CreateA"),
        ([call(write=False)], ""),
        ([call(error="Throttling")], ""),
        ([call(), event("gone", key="x")], ""),
        ([call(), event("verify", ok=True)], "ec2 CreateA"),
        ([call(service="s3", operation="PutObject")], ""),
        ([call(service="s3")], "s3 CreateA"),
        ([call(operation="B"), CHANGE, call()], "ec2 CreateA"),
        ([call(operation="B"), call(), call(operation="B")], "ec2 B, ec2 CreateA"),
    ],
)
def test_a_call_that_writes_belongs_to_a_change(tmp_path, mode, state, calls, told):
    """A notebook that stops during a change may not record it; one that changes nothing has none."""
    found = run_of(tmp_path, *calls, event("ended", state=state, cell=0), mode=mode)
    text = f"{told}: AWS was called, and no change was recorded"
    assert [what for what in found if "AWS was called" in what] == [text] * bool(
        told and (mode == "plan" or state == "done")
    )


CELLS = event("cells", outcome="succeeded", cells=[])
DONE = event("ended", state="done", cell=3)
UNVERIFIED = "was changed, and the journal does not say that it was verified"
CELLS_FAILED = "is done, and the journal does not say that all its cells succeeded"
NO_AFTER = "was changed, and the journal does not have the state afterwards"
OK, NOT_OK = (event("verify", ok=ok, stack="network", failed=[]) for ok in (True, False))


def inventory(when):
    return event("inventory", when=when, stack="network", resources=[])


WHOLE = [event("open", mode="apply", parameters={"a": 1}), plan_event(True, ADD[:1]), inventory("before"), CHANGE,
         OK, inventory("after"), CELLS]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "instead", "requested", "expected"),
    [
        (0, [], True, {"is done, and the journal does not say who opened the run, and in which account": True}),
        (1, [], True, {NO_PLAN: True, "is done, and the journal has no plan for it": True}),
        (2, [], True, {"the journal does not have the state before it": True}),
        (2, [inventory("after")], True, {"the journal does not have the state before it": True}),
        (4, [], True, {UNVERIFIED: True}),
        (4, [NOT_OK], True, {UNVERIFIED: True}),
        (4, [NOT_OK, OK], True, {}),
        (4, [OK, NOT_OK], True, {}),
        (5, [], True, {NO_AFTER: True}),
        (5, [inventory("before")], True,
         {NO_AFTER: True}),
        (5, [event("unseen", notebooks=["02_data"])], True,
         {NO_AFTER: True}),
        (5, [event("unseen", notebooks=["02_data"]), event("unseen", notebooks=[NETWORK])], True, {}),
        (6, [], True, {CELLS_FAILED: True}),
        (6, [CELLS, event("cells", outcome="failed", cells=[])], True,
         {CELLS_FAILED: True}),
        (6, [event("cells", outcome="failed", cells=[]), CELLS], True, {}),
        (6, [event("cells", cells=[])], True, {CELLS_FAILED: True}),
        (1, [plan_event(False, [])], True, {NO_PLAN: True, "is done, and the journal has no plan for it": True}),
        (1, [], False, {NO_PLAN: True}),
        (4, [], False, {UNVERIFIED: False}),
        (6, [CELLS], True, {}),
    ],
)  # fmt: skip
def test_a_notebook_that_is_done_has_said_all_of_it(tmp_path, at, instead, requested, expected):
    """One event of a whole run is left out, or others are in its place."""
    events = [*WHOLE[:at], *instead, *WHOLE[at + 1 :], DONE]
    found = run_of(tmp_path, *events, requested=requested, manifest=True)
    files = (".html: is missing", ".csv: is missing", ".svg: is missing", ".json: is missing", ".ipynb: is missing")
    assert {
        what: serious
        for what, serious in found.items()
        if not what.startswith("plans/") and not any(one in what for one in files)
    } == expected


@pytest.mark.parametrize("error", [OSError, ValueError, KeyError, TypeError, RecursionError])
def test_a_plan_that_cannot_be_read_is_none(tmp_path, monkeypatch, error):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"plan": PLANS[0]}))
    assert read_plan(path) == PLANS[0]

    def fail(*args, **more):
        raise error

    monkeypatch.setattr(type(path), "read_text", fail)
    assert read_plan(path) is None


# Approvals.


def approve_all(folder, **more):
    path = write_approval(folder, BOB, "bob", **more)
    for notebook in NOTEBOOKS:
        record_approval(folder, notebook, path)
        finish_notebook(folder, notebook)
    return folder


def test_a_plan_file_with_another_content_vouches_for_nothing(tmp_path):
    """Whatever its name says: its digest is not the approved one."""
    folder = approve_all(planned_run(tmp_path, approval=SIGNED))
    write(folder, NETWORK, "change", ok=True, key="thing.more", action="create", fields={})
    message = f"{NETWORK}: thing.more: was changed, and is in no approved plan"
    assert unapproved(folder) == [message]
    for name in ("aa", "bb", "mm", "xx", "zz"):
        forged = folder / f"plans/{NETWORK}-{name}-{plan_of(NETWORK).fingerprint}.json"
        forged.write_text(json.dumps({"plan": PLANS[0] | {"changes": [{"key": "thing.more"}]}}))
    assert unapproved(folder) == [message]


def test_every_notebook_is_approved_by_itself(tmp_path):
    folder = planned_run(tmp_path, approval=SIGNED)
    path = write_approval(folder, BOB, "bob")
    record_approval(folder, NETWORK, path)
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    assert unapproved(folder) == [f"{DATA}: was changed without a signed approval, which its parameters require"]


@pytest.mark.parametrize("approved", ["", "0123456789abcdef"])
def test_a_required_approval_without_signers_is_a_fingerprint(tmp_path, approved):
    folder = whole(tmp_path, approval={"required": True})
    folder = rewrite_journal(folder, lambda one: False, approved=approved)
    message = "was changed without an approval, which its parameters require"
    assert unapproved(folder) == ([] if approved else [f"{one}: {message}" for one in NOTEBOOKS])
    assert unapproved(rewrite_journal(folder, lambda one: one["event"] == "change")) == []


def used(tmp_path, *, at=timedelta(), expires=timedelta(hours=400), rules=None, signer=BOB, now=None, **fields):
    """What is wrong with an approval that was given at some time before it was used."""
    folder = planned_run(tmp_path, approval={**SIGNED, **(rules or {})})
    when = (now or datetime.now(UTC)) - at
    subjects = [build_subject(format_plan_name(plan), digest(plan)) for plan in PLANS]
    predicate = {
        "by": "bob", "role": "approver", "change": "CHG1", "run": RUN, "at": when.isoformat(),
        "expires": (when + expires).isoformat(),
    } | fields  # fmt: skip
    path = folder / "approvals" / f"bob{SUFFIX}"
    path.parent.mkdir()
    path.write_bytes(dsse.sign(build_statement(PREDICATE_TYPE, subjects, predicate), signer))
    for notebook in NOTEBOOKS:
        record_approval(folder, notebook, path)
    return [one.partition(": ")[2] for one in unapproved(folder)]


WRONG = ["is not the approval that the journal describes"] * 2
MS, MINUTE, HOUR, DAY = timedelta(milliseconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("at", "expires", "rules", "ok"),
    [
        (HOUR, 400 * HOUR, {}, True),
        (71 * HOUR, 400 * HOUR, {}, True),
        (73 * HOUR, 400 * HOUR, {}, False),
        (2 * HOUR, HOUR, {}, False),
        (89 * DAY, 400 * DAY, {"valid_hours": None}, True),
        (90 * DAY - HOUR / 2, 400 * DAY, {"valid_hours": None}, True),
        (90 * DAY + HOUR / 2, 400 * DAY, {"valid_hours": None}, False),
        (-4 * MINUTE, HOUR, {}, True),
        (-6 * MINUTE, HOUR, {}, False),
    ],
)
def test_an_approval_counts_from_when_it_was_signed_until_it_expires(tmp_path, at, expires, rules, ok):
    """The earlier of its own end and of what the parameters allow; clocks may differ by five minutes."""
    assert used(tmp_path, at=at, expires=expires, rules=rules) == ([] if ok else WRONG)


@pytest.mark.parametrize(
    ("fields", "ok"),
    [
        ({}, True),
        ({"change": ""}, True),
        ({"change": "CHG2"}, False),
        ({"role": "operator"}, False),
        ({"by": "ann"}, False),
    ],
)
def test_an_approval_is_the_one_that_the_journal_describes(tmp_path, fields, ok):
    found = used(tmp_path, **fields)
    assert [one for one in found if one == WRONG[0]] == ([] if ok else WRONG)
    assert ok or found


def test_an_approval_is_checked_with_the_signers_in_the_parameters(tmp_path):
    (one, two) = used(tmp_path, signer=EVE)
    assert one == two
    assert "is not one of the trusted keys (ann, bob), according to the run's parameters" in one


@pytest.mark.parametrize("text", ["no key", "ssh-ed25519 AAAA"])
def test_signers_that_are_no_keys_are_reported(tmp_path, text):
    (one, two) = used(tmp_path, rules={"signers": {"bob": text}})
    assert one == two
    assert one.startswith("cannot be checked with the signers in the run's parameters: ")


@pytest.mark.parametrize(
    ("operator", "message"),
    [("", "two signers are required"), ("bob", "two signers are required"), ("ann", "is missing, and the run used it")],
)
def test_two_signers_are_two_people(tmp_path, operator, message):
    folder = planned_run(tmp_path, approval=SIGNED | {"threshold": 2})
    path = write_approval(folder, BOB, "bob")
    for notebook in NOTEBOOKS:
        record_approval(folder, notebook, path, operator=operator)
    assert len([one for one in unapproved(folder) if message in one]) == 2
    assert len(unapproved(folder)) == 2


@pytest.mark.parametrize(
    ("signer", "fields", "ok"),
    [
        (ANN, {}, True), (ANN, {"by": "bob"}, False), (ANN, {"role": "approver"}, False),
        (ANN, {"run": "other"}, False), (ANN, {"plans": PLANS[1:]}, False),
    ],
)  # fmt: skip
def test_the_operator_signs_this_plan_of_this_run(tmp_path, signer, fields, ok):
    folder = planned_run(tmp_path, approval=SIGNED | {"threshold": 2})
    path = write_approval(folder, BOB, "bob")
    now = datetime.now(UTC)
    predicate = {
        "by": "ann", "role": "operator", "change": "CHG1", "run": RUN, "at": now.isoformat(),
        "expires": (now + HOUR).isoformat(),
    }  # fmt: skip
    subjects = [build_subject(format_plan_name(plan), digest(plan)) for plan in fields.pop("plans", PLANS[:1])]
    name = f"{plan_of(NETWORK).fingerprint}-ann{SUFFIX}"
    (folder / "approvals" / name).write_bytes(
        dsse.sign(build_statement(PREDICATE_TYPE, subjects, predicate | fields), signer)
    )
    record_approval(folder, NETWORK, path, operator="ann")
    assert [one for one in unapproved(folder) if "is not the signature of the operator" in one] == (
        [] if ok else [f"approvals/{name}: is not the signature of the operator"]
    )


@pytest.mark.parametrize(
    ("name", "by", "signer", "more", "later", "expected"),
    [
        ("bob", "bob", BOB, False, True, ("", "approved by bob for CHG1")),
        ("bob", "bob", BOB, False, False, ("", "approved by bob for CHG1")),
        ("abc-bob", "bob", BOB, False, False, ("", "approved by bob for CHG1")),
        ("abc-bob", "bob", BOB, False, True, ("was added, and its name is not bob.dsse.json", "")),
        ("eve", "eve", EVE, True, False, ("", "approvals/eve.dsse.json: whether eve signed it cannot be checked")),
        ("eve", "eve", EVE, False, False, ("signed with the key", "")),
        ("eve", "eve", EVE, True, True, ("signed with the key", "")),
        ("bob", "bob", EVE, True, False, ("signed with the key", "")),
        ("ann", "ann", BOB, True, False, ("bob signed it in the name of ann", "")),
    ],
)
def test_who_approved_is_said_or_what_is_wrong(tmp_path, name, by, signer, more, later, expected):
    folder = planned_run(tmp_path)
    written = write_approval(folder, signer, by)
    path = written.rename(written.with_name(f"{name}{SUFFIX}"))
    wrong, note = check_statement(path, KEYS, more_approvers=more, added_later=later)
    assert (wrong[: len(expected[0])], note[: len(expected[1])]) == expected
    assert bool(wrong) is bool(expected[0])


def test_an_approval_that_was_added_must_be_for_this_run(tmp_path):
    path = write_approval(planned_run(tmp_path), BOB, "bob")
    target = tmp_path / "other" / "approvals"
    target.mkdir(parents=True)
    moved = path.rename(target / path.name)
    assert check_statement(moved, KEYS, more_approvers=False, added_later=True) == (
        f"is an approval of another run, {RUN}",
        "",
    )
    assert check_statement(moved, KEYS, more_approvers=False, added_later=False)[0] == ""
    renamed = moved.rename(target / "bob.json")
    assert check_statement(renamed, KEYS, more_approvers=False, added_later=False) == ("is not an approval", "")


@pytest.mark.parametrize("change", ["CHG1", "", None])
def test_a_run_that_names_no_change_request_may_use_any_approval(tmp_path, change):
    """Whether its journal says so with an empty text or with none."""
    folder = planned_run(tmp_path, approval=SIGNED, change=change)
    path = write_approval(folder, BOB, "bob", change="CHG1")
    record_approval(folder, NETWORK, path)
    assert unapproved(folder) == []


def test_an_approval_file_that_cannot_be_read_is_reported(tmp_path, monkeypatch):
    path = write_approval(planned_run(tmp_path), BOB, "bob")

    def fail(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "read_bytes", fail)
    wrong, note = check_statement(path, KEYS, more_approvers=False, added_later=False)
    assert "Permission denied" in wrong
    assert note == ""


@pytest.mark.parametrize(
    ("signed", "expires", "rules", "ok"),
    [
        (5 * MINUTE, DAY, {}, True),
        (5 * MINUTE + MS, DAY, {}, False),
        (-HOUR, HOUR + MS, {}, True),
        (-HOUR, HOUR, {}, False),
        (MS - 72 * HOUR, 99 * DAY, {}, True),
        (-72 * HOUR, 99 * DAY, {}, False),
        (MS - HOUR, 99 * DAY, {"valid_hours": 1}, True),
        (-HOUR, 99 * DAY, {"valid_hours": 1}, False),
    ],
)
def test_a_used_approval_counts_to_the_millisecond(tmp_path, signed, expires, rules, ok):
    """*signed* is counted from when the run used it, *expires* from when it was signed."""
    folder = planned_run(tmp_path, approval=SIGNED | rules)
    path = folder / "approvals" / f"bob{SUFFIX}"
    record_approval(folder, NETWORK, path)
    when = datetime.fromisoformat(read_events(folder)[-1]["at"]) + signed
    predicate = {"by": "bob", "role": "approver", "change": "CHG1", "run": RUN}
    times = {"at": when.isoformat(), "expires": (when + expires).isoformat()}
    path.parent.mkdir()
    subjects = [build_subject(format_plan_name(PLANS[0]), digest(PLANS[0]))]
    path.write_bytes(dsse.sign(build_statement(PREDICATE_TYPE, subjects, predicate | times), BOB))
    assert unapproved(folder) == ([] if ok else [f"approvals/bob{SUFFIX}: {WRONG[0]}"])


@pytest.mark.parametrize("number", [0, 1])
def test_an_approval_is_of_the_plan_that_the_journal_names(tmp_path, number):
    folder = planned_run(tmp_path, approval=SIGNED)
    path = write_approval(folder, BOB, "bob", plans=[PLANS[number]])
    record_approval(folder, NETWORK, path)
    assert unapproved(folder) == ([] if number == 0 else [f"approvals/bob{SUFFIX}: {WRONG[0]}"])


def test_a_plan_of_another_run_may_hold_the_change(tmp_path):
    """Then the approval names it, and its file is with that run."""
    folder = approve_all(planned_run(tmp_path, approval=SIGNED))
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    (folder / f"plans/{NETWORK}-apply-{plan_of(NETWORK).fingerprint}.json").unlink()
    assert unapproved(folder) == []


def test_what_cannot_be_read_as_an_approval_is_reported_once(tmp_path, monkeypatch):
    """By the check of the file."""
    folder = planned_run(tmp_path, approval=SIGNED)
    path = write_approval(folder, BOB, "bob")
    record_approval(folder, NETWORK, path)
    good = path.read_bytes()
    path.write_bytes(b"{}")
    assert unapproved(folder) == []
    path.write_bytes(good)

    events = read_events(folder)

    def fail(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "read_bytes", fail)
    assert list(find_unapproved_changes(folder, events)) == []
