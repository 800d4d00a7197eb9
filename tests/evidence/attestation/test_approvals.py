"""An approval counts when another signer gave it, for the same plan, and when it has not expired."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.engine.plan import digest, make_plan
from runbook_lib.errors import EvidenceError, NotApproved
from runbook_lib.evidence.attestation import dsse, keys
from runbook_lib.evidence.attestation.approvals import (
    PREDICATE_TYPE,
    SignedApprovals,
    format_plan_name,
    plans_of,
    read_statement,
    sign_statement,
)
from runbook_lib.evidence.attestation.dsse import InvalidEnvelope
from runbook_lib.evidence.folder import RunFolder
from tests.support.fake_kinds import stack_of
from tests.support.run_folders import ANN, BOB, EVE, KEYS, RUN, plan_of, planned_run, write_approval

SIGNERS = {"ann": keys.format_public_key(ANN.public_key), "bob": keys.format_public_key(BOB.public_key)}
PLANNED = "20261124T070000Z-plan-ffff"


@pytest.fixture
def planned(tmp_path):
    """The folder of a run in plan mode."""
    return planned_run(tmp_path, PLANNED, mode="plan")


@pytest.fixture
def used():
    return []


@pytest.fixture
def ask(tmp_path, used):
    """Require the approval of a plan, as the run that applies it does."""

    def require(plan=None, *, threshold=1, signer=ANN, later=0.0, change="CHG1", valid_hours=72, signers=SIGNERS):
        SignedApprovals(
            signers, threshold, timedelta(hours=valid_hours), environment=tmp_path, folder=tmp_path / RUN,
            load_signer=lambda: signer, change=change, on_used=lambda event, **data: used.append((event, data)),
            clock=lambda: datetime.now(UTC) + timedelta(hours=later),
        ).require(json.loads(json.dumps((plan or plan_of("01_network")).as_dict())))  # fmt: skip

    return require


def test_a_signed_approval_lets_the_plan_through(planned, ask, used):
    write_approval(planned, BOB, "bob")
    ask()
    ((event, data),) = used
    assert (event, data["by"], data["operator"]) == ("approved", "bob", "")
    assert data["plan"] == f"prod/123456789012/us-west-2/network/{plan_of('01_network').fingerprint}"


def test_the_run_keeps_a_copy_of_the_approval_that_it_used(planned, ask, used, tmp_path):
    """A year later the folder of the apply is enough."""
    path = write_approval(planned, BOB, "bob")
    ask()
    assert (tmp_path / RUN / "approvals" / used[0][1]["kept"]).read_bytes() == path.read_bytes()


def test_one_statement_approves_every_plan_of_the_run(planned, ask):
    write_approval(planned, BOB, "bob")
    ask(plan_of("01_network"))
    ask(plan_of("02_data"))


def test_a_statement_has_signer_times_change_and_plans(planned):
    statement = read_statement(write_approval(planned, BOB, "bob", hours=5).read_bytes(), KEYS)
    assert (statement.by, statement.role, statement.change, statement.run, statement.problem) == (
        "bob",
        "approver",
        "CHG1",
        PLANNED,
        "",
    )
    assert statement.expires - statement.at == timedelta(hours=5)
    assert abs(datetime.now(UTC) - statement.at) < timedelta(minutes=1)
    fingerprints = {plan_of(name).fingerprint for name in ("01_network", "02_data")}
    assert {name.rpartition("/")[2] for name in statement.plans.values()} == fingerprints
    assert all(digest.startswith(name[-16:]) and len(digest) == 64 for digest, name in statement.plans.items())


def assert_refused(ask, *phrases, **settings):
    with pytest.raises(NotApproved) as caught:
        ask(**settings)
    for phrase in phrases:
        assert phrase in caught.value.what
    return caught.value


def test_a_missing_approval(planned, ask):
    error = assert_refused(ask, "prod/123456789012/us-west-2/network/", "no signed approval of this plan counts")
    assert "runbook approve RUN --as NAME" in error.fix


def test_an_approval_of_another_plan(planned, ask):
    write_approval(planned, BOB, "bob", plans=[plan_of("01_network", 7, 8).as_dict()])
    assert_refused(ask, "no signed approval of this plan counts")


def test_the_same_fingerprint_is_not_enough(planned, ask, tmp_path):
    """64 bits can be made to collide by whoever writes both plans: what is signed is the whole digest."""
    plan = plan_of("01_network").as_dict()
    path = write_approval(planned, BOB, "bob", plans=[plan])
    envelope = dsse.verify(path.read_bytes(), KEYS, PREDICATE_TYPE)
    (subject,) = envelope.statement["subject"]
    other = dsse.build_subject(subject["name"], subject["digest"]["sha256"][:16] + "0" * 48)
    path.write_bytes(dsse.sign(dsse.build_statement(PREDICATE_TYPE, [other], envelope.statement["predicate"]), BOB))
    assert_refused(ask, "no signed approval of this plan counts")


def test_an_approval_by_somebody_who_is_not_a_signer(planned, ask):
    write_approval(planned, EVE, "eve")
    assert_refused(ask, "eve: signed with the key", "which is not one of the trusted keys (ann, bob)")


def test_an_approval_in_the_name_of_another(planned, ask):
    write_approval(planned, EVE, "bob")
    assert_refused(ask, "bob: signed with the key")


def test_a_signer_who_signs_as_another(planned, ask):
    write_approval(planned, ANN, "bob")
    assert_refused(ask, "bob: ann signed it in the name of bob")


@pytest.mark.parametrize("what", ["subject", "expires", "by"])
def test_a_forged_approval(planned, ask, what):
    """Bob's envelope with other content: of another plan, for longer, or in another name."""
    path = write_approval(planned, BOB, "bob", plans=[plan_of("02_data").as_dict()] if what == "subject" else None)
    envelope = dsse.verify(path.read_bytes(), KEYS, PREDICATE_TYPE)
    content = json.loads(json.dumps(dict(envelope.statement)))
    if what == "subject":
        other = write_approval(planned, EVE, "eve")
        content["subject"] = dsse.verify(other.read_bytes(), KEYS, PREDICATE_TYPE).statement["subject"]
        other.unlink()
    else:
        content["predicate"] |= {"expires": "2099-01-01T00:00:00+00:00"} if what == "expires" else {"by": "ann"}
    envelope = json.loads(path.read_bytes())
    forged = json.loads(dsse.sign(content, EVE))
    forged["signatures"] = envelope["signatures"]
    path.write_bytes(json.dumps(forged, indent=1, sort_keys=True).encode() + b"\n")
    assert_refused(ask, "the signature is not that of bob: it was forged, or the signed content was changed")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"payload": 5}', b"\xff"])
def test_an_invalid_file_is_named_and_does_not_hide_a_valid_approval(planned, ask, content):
    (planned / "approvals").mkdir()
    (planned / "approvals" / "x.dsse.json").write_bytes(content)
    assert_refused(ask, f"{PLANNED}/x.dsse.json is not a signed statement")
    write_approval(planned, BOB, "bob")
    ask()


def test_an_expired_approval(planned, ask):
    write_approval(planned, BOB, "bob", hours=10)
    ask(later=9.9)
    assert_refused(ask, "bob: expired at ", later=10.1)


def test_an_approval_lasts_no_longer_than_the_parameters_allow(planned, ask):
    """Whatever the approver wrote into it, also when the parameters were changed since."""
    write_approval(planned, BOB, "bob", hours=10_000)
    assert_refused(ask, "bob: expired at ", later=73)


def test_an_approval_from_the_future(planned, ask):
    write_approval(planned, BOB, "bob")
    assert_refused(ask, "which is in the future", later=-1)


def test_an_approval_for_another_change_request(planned, ask):
    write_approval(planned, BOB, "bob", change="CHG1")
    assert_refused(ask, "approved for CHG1, and this run is for CHG2", change="CHG2")
    ask(change="")


def test_with_threshold_1_the_operator_may_be_the_approver(planned, ask):
    write_approval(planned, ANN, "ann")
    ask(signer=ANN)


def test_with_threshold_2_the_operator_may_not_be_the_approver(planned, ask, used):
    write_approval(planned, ANN, "ann")
    assert_refused(
        ask, "ann: approved by the operator, and threshold 2 requires another signer", threshold=2, signer=ANN
    )
    write_approval(planned, BOB, "bob")
    ask(threshold=2, signer=ANN)
    assert [(data["by"], data["operator"]) for _, data in used] == [("bob", "ann")]


def test_with_threshold_2_the_operator_must_be_a_signer(planned, ask):
    """Otherwise the approver could also run it, with an unknown key."""
    write_approval(planned, BOB, "bob")
    error = assert_refused(ask, "which is not a key of approval.signers (ann, bob)", threshold=2, signer=EVE)
    assert "runbook evidence key" in error.fix


def test_the_statement_of_the_operator_is_not_an_approval(planned, ask, tmp_path):
    write_approval(planned, BOB, "bob")
    ask(threshold=2, signer=ANN)
    operators = [
        read_statement(path.read_bytes(), KEYS) for path in (tmp_path / RUN / "approvals").glob("*-ann.dsse.json")
    ]
    assert [(statement.by, statement.role, statement.problem) for statement in operators] == [("ann", "operator", "")]
    for path in planned.glob("approvals/*"):
        path.unlink()
    for path in (tmp_path / RUN / "approvals").glob("*-bob.dsse.json"):
        path.unlink()
    assert_refused(ask, "no signed approval", threshold=2, signer=BOB)


def test_an_invalid_key_of_a_signer_is_refused_at_the_start(ask):
    with pytest.raises(EvidenceError, match="is not a public key"):
        ask(signers={"ann": "ssh-ed25519 AAAA"})


def test_a_statement_without_times_is_invalid(planned):
    plan = next(plans_of(planned, "apply"))
    subjects = [dsse.build_subject("x", "0" * 64)]
    data = dsse.sign(dsse.build_statement(PREDICATE_TYPE, subjects, {"by": "bob", "role": "approver"}), BOB)
    assert plan
    with pytest.raises(InvalidEnvelope, match="does not say who approved"):
        read_statement(data, KEYS)


@pytest.mark.parametrize(("hours", "valid_hours"), [(1, 72), (72, 1)])
def test_an_approval_is_said_to_count_until_the_earlier_of_both_ends(planned, ask, used, hours, valid_hours):
    """Its own, and that of the parameters."""
    write_approval(planned, BOB, "bob", hours=hours)
    ask(valid_hours=valid_hours)
    ((_, data),) = used
    signed, expires = (datetime.fromisoformat(data[name]) for name in ("signed", "expires"))
    assert expires - signed == timedelta(hours=1)
    assert len(data["signed"]) == len(data["expires"]) == len("2026-11-24T08:00:00+00:00")


# One that does not count hides none that does, and the clock decides to the second.


@pytest.fixture
def at(planned, used, tmp_path):
    """Require the approval of a plan at a moment, counted from when Bob signed."""
    signed = read_statement(write_approval(planned, BOB, "bob", hours=10).read_bytes(), KEYS).at

    def require(later, valid_hours=72):
        SignedApprovals(
            SIGNERS, 1, timedelta(hours=valid_hours), tmp_path, tmp_path / RUN, load_signer=lambda: ANN,
            clock=lambda: signed + later, on_used=lambda event, **data: used.append(data),
        ).require(plan_of("01_network").as_dict())  # fmt: skip

    return require


@pytest.mark.parametrize(
    ("later", "valid_hours", "refusal"),
    [
        (-timedelta(minutes=5), 72, ""),
        (-timedelta(minutes=5, seconds=1), 72, "in the future"),
        (timedelta(hours=10, seconds=-1), 72, ""),
        (timedelta(hours=10), 72, "bob: expired at "),
        (timedelta(hours=2, seconds=-1), 2, ""),
        (timedelta(hours=2), 2, "bob: expired at "),
    ],
)
def test_an_approval_counts_to_the_second(at, later, valid_hours, refusal):
    """The clocks of two people may differ by five minutes."""
    if refusal:
        with pytest.raises(NotApproved, match=refusal):
            at(later, valid_hours)
    else:
        at(later, valid_hours)


@pytest.mark.parametrize(("approved", "run"), [("", "CHG2"), ("CHG1", ""), ("", "")])
def test_who_names_no_change_request_limits_none(planned, ask, approved, run):
    write_approval(planned, BOB, "bob", change=approved)
    ask(change=run)


def test_a_run_that_names_no_change_request_is_for_any(planned, tmp_path):
    """Unless a change is given, there is none to compare."""
    write_approval(planned, BOB, "bob", change="CHG1")
    more = {"environment": tmp_path, "folder": tmp_path / RUN, "load_signer": lambda: ANN}
    SignedApprovals(SIGNERS, 1, timedelta(hours=1), **more).require(plan_of("01_network").as_dict())


@pytest.mark.parametrize("hiding", ["another plan", "an operator", "expired", "no statement", "a stranger"])
def test_the_one_that_counts_is_found_behind_any_other(planned, ask, used, tmp_path, hiding):
    """Those of later runs come first."""
    write_approval(planned, BOB, "bob")
    later = planned_run(tmp_path, "20261124T090000Z-plan-ffff", mode="plan")
    if hiding == "another plan":
        write_approval(later, BOB, "bob", plans=[plan_of("02_data").as_dict()])
    elif hiding == "an operator":
        plans = [plan_of("01_network").as_dict()]
        fields = {"by": "bob", "role": "operator", "change": "CHG1", "run": later.name}
        (later / "approvals").mkdir()
        (later / "approvals/bob.dsse.json").write_bytes(sign_statement(plans, BOB, valid_for=timedelta(1), **fields))
    elif hiding == "expired":
        write_approval(later, BOB, "bob", hours=-1)
    elif hiding == "no statement":
        (later / "approvals").mkdir()
        (later / "approvals/bob.dsse.json").write_bytes(b"{}")
    else:
        write_approval(later, EVE, "eve")
    ask()
    assert [data["by"] for _, data in used] == ["bob"]


def test_every_reason_is_told_once(planned, ask, tmp_path):
    later = planned_run(tmp_path, "20261124T090000Z-plan-ffff", mode="plan")
    write_approval(planned, BOB, "bob", change="CHG2")
    write_approval(later, ANN, "ann", change="CHG3")
    error = assert_refused(ask)
    name = f"prod/123456789012/us-west-2/network/{plan_of('01_network').fingerprint}"
    assert error.what == (
        f"{name}: no signed approval of this plan counts."
        "\n  ann: approved for CHG3, and this run is for CHG1."
        "\n  bob: approved for CHG2, and this run is for CHG1."
    )


def test_of_several_that_count_the_one_of_the_latest_run_is_used(planned, ask, used, tmp_path):
    write_approval(planned, BOB, "bob")
    write_approval(planned_run(tmp_path, "20261124T090000Z-plan-ffff", mode="plan"), ANN, "ann")
    write_approval(planned_run(tmp_path, "20261123T090000Z-plan-ffff", mode="plan"), EVE, "eve")
    ask()
    assert [data["by"] for _, data in used] == ["ann"]


def test_the_journal_says_all_about_the_approval_and_once(planned, used, tmp_path):
    """Also when the approval is gone meanwhile: the run has its copy."""
    path = write_approval(planned, BOB, "bob", hours=5)
    statement = read_statement(path.read_bytes(), KEYS)
    signed = SignedApprovals(
        SIGNERS, 2, timedelta(hours=72), tmp_path, tmp_path / RUN, load_signer=lambda: ANN, change="CHG1",
        on_used=lambda event, **data: used.append((event, data)), clock=lambda: statement.at.replace(microsecond=5),
    )  # fmt: skip
    plan = plan_of("01_network").as_dict()
    signed.require(plan)
    for left in tmp_path.glob("*/approvals/*"):
        left.unlink()
    signed.require(plan)
    assert used == [
        (
            "approved",
            {
                "by": "bob", "operator": "ann", "plan": format_plan_name(plan), "sha256": digest(plan),
                "kept": f"{digest(plan)[:16]}-bob.dsse.json", "signed": statement.at.isoformat(),
                "expires": (statement.at + timedelta(hours=5)).isoformat(),
            },
        )
    ]  # fmt: skip
    with pytest.raises(NotApproved):
        signed.require(plan_of("02_data").as_dict())


def test_the_operator_s_statement_is_about_this_run_and_this_plan_only(planned, ask, tmp_path):
    write_approval(planned, BOB, "bob")
    ask(threshold=2, signer=ANN, valid_hours=7)
    plan = plan_of("01_network").as_dict()
    data = (tmp_path / RUN / f"approvals/{digest(plan)[:16]}-ann.dsse.json").read_bytes()
    statement = read_statement(data, KEYS)
    assert (statement.by, statement.role, statement.change, statement.run) == ("ann", "operator", "CHG1", RUN)
    assert statement.plans == {digest(plan): format_plan_name(plan)}
    assert statement.expires - statement.at == timedelta(hours=7)


def test_an_approval_has_the_type_that_is_documented(planned):
    """Approvals outlive the version that wrote them: docs/evidence.md names the type."""
    content = json.loads(base64.b64decode(json.loads(write_approval(planned, BOB, "bob").read_bytes())["payload"]))
    assert content["predicateType"] == "urn:runbook:approval:v1"
    assert set(content["predicate"]) == {"by", "role", "change", "run", "at", "expires"}
    assert content["predicate"]["role"] == "approver"


def test_the_plans_of_a_run_are_those_with_changes_in_the_order_of_their_names(tmp_path):
    """And of the verb that is asked for."""
    names = [f"0{number}_{letter}" for number, letter in enumerate("hgfedcba")]
    folder = planned_run(tmp_path, PLANNED, mode="plan", notebooks=names)
    nothing = make_plan(stack_of(name="none"), {}, scope="prod/123456789012/us-west-2")
    RunFolder(tmp_path, PLANNED, "00_a").write_plan(nothing, verb="apply")
    RunFolder(tmp_path, PLANNED, "01_b").write_plan(plan_of("01_b", 9), verb="destroy")
    assert [plan["stack"] for plan in plans_of(folder, "apply")] == list("hgfedcba")
    assert [plan["stack"] for plan in plans_of(folder, "destroy")] == ["b"]
