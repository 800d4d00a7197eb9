"""An approval counts when a signer gave it, for this very plan, recently, and, where two are asked, as another."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.errors import EvidenceError, NotApproved
from runbook_lib.evidence.attestation import dsse as signing
from runbook_lib.evidence.attestation import keys
from runbook_lib.evidence.attestation.approvals import KIND, SignedApprovals, plans_of, read
from runbook_lib.evidence.attestation.dsse import InvalidEnvelope
from tests.support.run_folders import ANN, BOB, EVE, KEYS, RUN, approved, begun, plan_of

SIGNERS = {"ann": keys.format_public_key(ANN.public_key), "bob": keys.format_public_key(BOB.public_key)}
PLANNED = "20261124T070000Z-plan-ffff"


@pytest.fixture
def planned(tmp_path):
    """The folder of a run in plan mode."""
    return begun(tmp_path, PLANNED, mode="plan")


@pytest.fixture
def told():
    return []


@pytest.fixture
def ask(tmp_path, told):
    """Ask for the approval of a plan, as the run that applies it does."""

    def require(plan=None, *, threshold=1, own=ANN, later=0.0, change="CHG1", valid=72, signers=SIGNERS):
        SignedApprovals(
            signers, threshold, timedelta(hours=valid), evidence=tmp_path, folder=tmp_path / RUN, own=lambda: own,
            change=change, record=lambda event, **data: told.append((event, data)),
            clock=lambda: datetime.now(UTC) + timedelta(hours=later),
        ).require(json.loads(json.dumps((plan or plan_of("01_network")).as_dict())))  # fmt: skip

    return require


def test_a_signed_approval_lets_the_plan_through(planned, ask, told):
    approved(planned, BOB, "bob")
    ask()
    ((event, data),) = told
    assert (event, data["by"], data["operator"]) == ("approved", "bob", "")
    assert data["plan"] == f"prod/123456789012/us-west-2/network/{plan_of('01_network').fingerprint}"


def test_the_run_keeps_what_it_went_by(planned, ask, told, tmp_path):
    """A year later the folder of the apply is enough."""
    path = approved(planned, BOB, "bob")
    ask()
    assert (tmp_path / RUN / "approvals" / told[0][1]["kept"]).read_bytes() == path.read_bytes()


def test_one_statement_approves_every_plan_of_the_run(planned, ask):
    approved(planned, BOB, "bob")
    ask(plan_of("01_network"))
    ask(plan_of("02_data"))


def test_it_says_who_when_until_when_for_what_and_of_which_plans(planned):
    said = read(approved(planned, BOB, "bob", hours=5).read_bytes(), KEYS)
    assert (said.by, said.role, said.change, said.run, said.why) == ("bob", "approver", "CHG1", PLANNED, "")
    assert said.expires - said.at == timedelta(hours=5)
    assert abs(datetime.now(UTC) - said.at) < timedelta(minutes=1)
    fingerprints = {plan_of(name).fingerprint for name in ("01_network", "02_data")}
    assert {name.rpartition("/")[2] for name in said.plans.values()} == fingerprints
    assert all(digest.startswith(name[-16:]) and len(digest) == 64 for digest, name in said.plans.items())


def refused(ask, *why, **asked):
    with pytest.raises(NotApproved) as caught:
        ask(**asked)
    for words in why:
        assert words in caught.value.what
    return caught.value


def test_a_missing_approval(planned, ask):
    error = refused(ask, "prod/123456789012/us-west-2/network/", "no signed approval of this plan counts")
    assert "runbook approve RUN --as NAME" in error.fix


def test_an_approval_of_another_plan(planned, ask):
    approved(planned, BOB, "bob", plans=[plan_of("01_network", 7, 8).as_dict()])
    refused(ask, "no signed approval of this plan counts")


def test_the_same_fingerprint_is_not_enough(planned, ask, tmp_path):
    """64 bits can be made to collide by whoever writes both plans: what is signed is the whole digest."""
    plan = plan_of("01_network").as_dict()
    path = approved(planned, BOB, "bob", plans=[plan])
    opened = signing.verify(path.read_bytes(), KEYS, KIND)
    (about,) = opened.statement["subject"]
    other = signing.subject(about["name"], about["digest"]["sha256"][:16] + "0" * 48)
    path.write_bytes(signing.sign(signing.statement(KIND, [other], opened.statement["predicate"]), BOB))
    refused(ask, "no signed approval of this plan counts")


def test_an_approval_of_somebody_who_may_not(planned, ask):
    approved(planned, EVE, "eve")
    refused(ask, "eve: signed with the key", "which is none of the trusted ones (ann, bob)")


def test_an_approval_in_the_name_of_another(planned, ask):
    approved(planned, EVE, "bob")
    refused(ask, "bob: signed with the key")


def test_a_signer_who_signs_as_another(planned, ask):
    approved(planned, ANN, "bob")
    refused(ask, "bob: ann signed it in the name of bob")


@pytest.mark.parametrize("what", ["subject", "expires", "by"])
def test_a_forged_approval(planned, ask, what):
    """Bob's envelope with other content: of another plan, for longer, or in another name."""
    path = approved(planned, BOB, "bob", plans=[plan_of("02_data").as_dict()] if what == "subject" else None)
    opened = signing.verify(path.read_bytes(), KEYS, KIND)
    content = json.loads(json.dumps(dict(opened.statement)))
    if what == "subject":
        mine = approved(planned, EVE, "eve")
        content["subject"] = signing.verify(mine.read_bytes(), KEYS, KIND).statement["subject"]
        mine.unlink()
    else:
        content["predicate"] |= {"expires": "2099-01-01T00:00:00+00:00"} if what == "expires" else {"by": "ann"}
    envelope = json.loads(path.read_bytes())
    forged = json.loads(signing.sign(content, EVE))
    forged["signatures"] = envelope["signatures"]
    path.write_bytes(json.dumps(forged, indent=1, sort_keys=True).encode() + b"\n")
    refused(ask, "the signature is not that of bob: it was forged, or what it signs was changed")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"payload": 5}', b"\xff"])
def test_what_is_no_statement_is_named_and_hides_no_good_one(planned, ask, content):
    (planned / "approvals").mkdir()
    (planned / "approvals" / "x.dsse.json").write_bytes(content)
    refused(ask, f"{PLANNED}/x.dsse.json is no signed statement")
    approved(planned, BOB, "bob")
    ask()


def test_an_expired_approval(planned, ask):
    approved(planned, BOB, "bob", hours=10)
    ask(later=9.9)
    refused(ask, "bob: expired at ", later=10.1)


def test_an_approval_lasts_no_longer_than_the_parameters_allow(planned, ask):
    """Whatever the approver wrote into it, or when the parameters were tightened since."""
    approved(planned, BOB, "bob", hours=10_000)
    refused(ask, "bob: expired at ", later=73)


def test_an_approval_from_the_future(planned, ask):
    approved(planned, BOB, "bob")
    refused(ask, "which is yet to come", later=-1)


def test_an_approval_for_another_change_request(planned, ask):
    approved(planned, BOB, "bob", change="CHG1")
    refused(ask, "approved for CHG1, and this run is for CHG2", change="CHG2")
    ask(change="")


def test_with_a_threshold_of_one_whoever_runs_it_may_have_approved_it(planned, ask):
    approved(planned, ANN, "ann")
    ask(own=ANN)


def test_where_two_are_asked_nobody_approves_for_himself(planned, ask, told):
    approved(planned, ANN, "ann")
    refused(ask, "ann: approved by whoever runs it, and two people are asked for", threshold=2, own=ANN)
    approved(planned, BOB, "bob")
    ask(threshold=2, own=ANN)
    assert [(data["by"], data["operator"]) for _, data in told] == [("bob", "ann")]


def test_where_two_are_asked_whoever_runs_it_is_one_of_them(planned, ask):
    """Otherwise the approver could run it, too, under a key that nobody knows."""
    approved(planned, BOB, "bob")
    error = refused(ask, "a key of none of approval.signers (ann, bob)", threshold=2, own=EVE)
    assert "runbook evidence key" in error.fix


def test_the_operator_signs_for_the_plan_too_and_that_is_no_approval(planned, ask, tmp_path):
    approved(planned, BOB, "bob")
    ask(threshold=2, own=ANN)
    mine = [read(path.read_bytes(), KEYS) for path in (tmp_path / RUN / "approvals").glob("*-ann.dsse.json")]
    assert [(said.by, said.role, said.why) for said in mine] == [("ann", "operator", "")]
    for path in planned.glob("approvals/*"):
        path.unlink()
    for path in (tmp_path / RUN / "approvals").glob("*-bob.dsse.json"):
        path.unlink()
    refused(ask, "no signed approval", threshold=2, own=BOB)


def test_a_signer_s_key_that_is_none_is_told_before_anything_begins(ask):
    with pytest.raises(EvidenceError, match="is no public key"):
        ask(signers={"ann": "ssh-ed25519 AAAA"})


def test_a_statement_without_times_is_none(planned):
    plan = next(plans_of(planned, "apply"))
    about = [signing.subject("x", "0" * 64)]
    data = signing.sign(signing.statement(KIND, about, {"by": "bob", "role": "approver"}), BOB)
    assert plan
    with pytest.raises(InvalidEnvelope, match="does not say who approved"):
        read(data, KEYS)
