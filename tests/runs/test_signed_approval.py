"""Where signers are named, an apply that they have not approved is refused before its first call that writes."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

import runbook_lib
from runbook_lib import Runbook
from runbook_lib.errors import Closed, NotApproved
from runbook_lib.evidence.attestation import keys
from runbook_lib.evidence.attestation.approvals import approve, plans_of
from runbook_lib.evidence.attestation.dsse import SUFFIX
from runbook_lib.evidence.verification.verify import verify_run
from runbook_lib.stacks.network import network
from tests.support.run_folders import ANN, BOB, EVE

PARAMS = Path(runbook_lib.__file__).parents[1] / "params"


@pytest.fixture
def root(aws, monkeypatch):
    """A root whose own key is one of three signers', and an empty embedded account behind it."""
    for name in ("params", "artifacts"):
        shutil.rmtree(aws.root / name, ignore_errors=True)
    shutil.rmtree(aws.root / ".runbook" / "keys", ignore_errors=True)
    shutil.copytree(PARAMS, aws.root / "params")
    monkeypatch.setenv("RUNBOOK_ROOT", str(aws.root))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)
    asking(aws.root)
    return aws.root


def asking(root, *, threshold=1, **more):
    path = root / "params" / "local.yaml"
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    people = {"ann": ANN.public_key, "bob": BOB.public_key, "me": keys.machine_key(root).public_key}
    signers = {name: keys.format_public_key(key) for name, key in people.items()}
    raw["approval"] = {"required": True, "threshold": threshold, "signers": signers, **more}
    path.write_text(yaml.safe_dump(raw))


def opened(mode="plan", **more):
    book = Runbook("01_network", env="local", mode=mode, **more)
    return book, network(book.params)


def folder_of(root, book):
    return root / "artifacts" / "local" / book.run


def planned(root, **more):
    """The folder of a run that planned the network."""
    book, net = opened(**more)
    book.plan(net)
    return folder_of(root, book)


def approved(folder, signer, by, *, hours=72, change=""):
    return approve(
        folder, list(plans_of(folder, "apply")), signer, by=by, change=change, valid_for=timedelta(hours=hours)
    )


def writes(root):
    """The calls that wrote something, as the journals of all runs have them."""
    lines = [line for path in root.glob("artifacts/local/*/journal.jsonl") for line in path.read_text().splitlines()]
    calls = [event for line in lines if (event := json.loads(line))["event"] == "call"]
    return [call["operation"] for call in calls if call["write"]]


def judged(root, book):
    """What is wrong with the evidence of a run, once it is closed: with the keys of all, and with the machine's."""
    book.close()
    me = keys.machine_key(root).public_key
    signers = {"ann": ANN.public_key, "bob": BOB.public_key, "me": me}
    verdicts = [verify_run(folder_of(root, book), {"me": me}, known) for known in (signers, {})]
    assert verdicts[0].wrong == verdicts[1].wrong
    return verdicts[0].wrong


def refused(root, *why, **more):
    """An apply is refused, and no call of it has written anything."""
    book, net = opened("apply", **more)
    book.plan(net)
    with pytest.raises(NotApproved) as caught:
        book.apply(net.bucket)
    assert writes(root) == []
    for words in why:
        assert words in caught.value.what


def test_an_approved_plan_is_carried_out_and_the_run_says_by_whom(root):
    """No fingerprint has to be named: the approval says itself which plan it is of."""
    approved(planned(root), BOB, "bob")
    book, net = opened("apply")
    book.plan(net)
    book.apply(net.bucket)
    assert "CreateBucket" in writes(root)
    kept = list(folder_of(root, book).glob(f"approvals/*-bob{SUFFIX}"))
    assert len(kept) == 1


def test_a_run_that_was_cut_short_goes_on_under_the_same_approval(root):
    folder = planned(root)
    approved(folder, BOB, "bob")
    book, net = opened("apply")
    book.plan(net)
    book.apply(net.bucket)
    (plan,) = plans_of(folder, "apply")
    first = json.loads(next(folder.glob("plans/*-apply-*")).read_text())["fingerprint"]
    assert plan["stack"] == "network"
    book, net = opened("apply", approved=first)
    book.plan(net)
    book.apply(net.vpc)
    assert "CreateVpc" in writes(root)
    assert judged(root, book) == []


def test_missing(root):
    planned(root)
    refused(root, "no signed approval of this plan counts")


def test_the_fingerprint_alone_is_not_enough(root):
    folder = planned(root)
    fingerprint = json.loads(next(folder.glob("plans/*-apply-*")).read_text())["fingerprint"]
    refused(root, "no signed approval of this plan counts", approved=fingerprint)


def test_foreign(root):
    """Signed well, by somebody who is no signer."""
    approved(planned(root), EVE, "eve")
    refused(root, "eve: signed with the key")


def test_of_another_plan(root):
    """The account or the parameters are others than those that were reviewed."""
    approved(planned(root), BOB, "bob")
    path = root / "params" / "local.yaml"
    path.write_text(path.read_text().replace("flow_log_days: 7", "flow_log_days: 14"))
    refused(root, "no signed approval of this plan counts")


def test_expired(root):
    approved(planned(root), BOB, "bob", hours=-1)
    refused(root, "bob: expired at ")


def test_forged(root):
    """Bob's name and signature on what Bob has not seen."""
    folder = planned(root)
    path = approved(folder, BOB, "bob", change="CHG1")
    other = json.loads(approved(folder, EVE, "bob", change="CHG2").read_bytes())
    envelope = json.loads(approved(folder, BOB, "bob", change="CHG1").read_bytes())
    envelope["payload"] = other["payload"]
    path.write_bytes(json.dumps(envelope, indent=1, sort_keys=True).encode() + b"\n")
    refused(root, "bob: the signature is not that of bob: it was forged")


def test_for_another_change(root):
    approved(planned(root), BOB, "bob", change="CHG1")
    refused(root, "approved for CHG1, and this run is for CHG2", change="CHG2")


@pytest.mark.exhaustive
def test_self_approved_where_two_are_asked(root):
    asking(root, threshold=2)
    folder = planned(root)
    approved(folder, keys.machine_key(root), "me")
    refused(root, "me: approved by the operator, and threshold 2 requires another signer")
    approved(folder, ANN, "ann")
    book, net = opened("apply")
    book.plan(net)
    book.apply(net.bucket)
    assert "CreateBucket" in writes(root)
    assert judged(root, book) == []


def test_run_by_nobody_who_is_known_where_two_are_asked(root):
    """Otherwise whoever approved could run it from under another key."""
    asking(root, threshold=2)
    approved(planned(root), ANN, "ann")
    shutil.rmtree(root / ".runbook" / "keys")
    refused(root, "which is not a key of approval.signers (ann, bob, me)")


@pytest.mark.exhaustive
def test_a_removal_asks_for_its_own(root, aws):
    folder = planned(root)
    approved(folder, BOB, "bob")
    book, net = opened("apply")
    book.plan(net)
    book.apply(net.bucket)
    before = writes(root)
    with pytest.raises(NotApproved, match="no signed approval of this plan counts"):
        opened("destroy", confirm="local")[0].destroy(net)
    assert writes(root) == before
    assert len(aws.client("s3").list_buckets()["Buckets"]) == 1
    book, net = opened()
    book.destroy(net)
    folder = folder_of(root, book)
    approve(folder, list(plans_of(folder, "destroy")), BOB, by="bob", change="", valid_for=timedelta(hours=1))
    book, net = opened("destroy", confirm="local")
    book.plan(net)
    book.destroy(net)
    assert judged(root, book) == []
    assert aws.client("s3").list_buckets()["Buckets"] == []


class TestAnInteractiveRun:
    def test_it_is_closed_by_hand_and_verified(self, root):
        approved(planned(root), BOB, "bob")
        book, net = opened("apply")
        book.plan(net)
        book.apply(net.bucket + net.vpc)
        assert "Signed, and packed for the change ticket: " in str(book.close())
        known = {"me": keys.machine_key(root).public_key}
        found = verify_run(folder_of(root, book), known, {"bob": BOB.public_key})
        assert (found.wrong, found.signed_by) == ([], "me")
        assert any(note.endswith("not done: the notebook stopped before it") for note in found.notes)
        assert any(note.startswith("approved by bob") for note in found.notes)

    def test_nothing_is_done_in_it_any_more(self, root):
        """Neither written down nor, above all, in the account."""
        approved(planned(root), BOB, "bob")
        book, net = opened("apply")
        book.plan(net)
        book.close()
        with pytest.raises(Closed, match="is closed"):
            book.apply(net.bucket)
        with pytest.raises(Closed, match="run the cell that opens the book again"):
            book.plan(net)
        assert writes(root) == []

    def test_in_a_headless_run_the_command_closes_it(self, root, monkeypatch):
        monkeypatch.setenv("RUNBOOK_RUN", "run-1")
        book, _ = opened()
        assert "The command signs the evidence" in str(book.close())
        book.plan(network(book.params))
