"""Evidence that is valid JSON of the wrong shape is reported: no reader stops with a traceback, and none accepts it."""

import base64
import json
from dataclasses import asdict
from datetime import timedelta
from hashlib import sha256

import pytest

from runbook_lib.engine.approval import find_plan
from runbook_lib.evidence.attestation import dsse
from runbook_lib.evidence.attestation.approvals import PREDICATE_TYPE, read_statement, sign_statement
from runbook_lib.evidence.attestation.dsse import InvalidEnvelope
from runbook_lib.evidence.attestation.manifest import PROVENANCE
from runbook_lib.evidence.verification.approvals import check_statement
from runbook_lib.evidence.verification.completeness import read_plan
from runbook_lib.evidence.verification.verify import verify_run
from runbook_lib.files import write_atomically
from runbook_lib.journal.journal import MANIFEST, first_broken_line
from runbook_lib.journal.reader import read_events, run_parameters
from runbook_lib.runs.lock_holder import UNKNOWN_HOLDER, parse_holder
from tests.support.run_folders import ANN, BOB, EVE, KEYS, NOTEBOOKS, RUN, plan_of, signed_run
from tests.support.wrong_shapes import WRONG, variants


def approval(**changed):
    fields = {"by": "bob", "role": "approver", "change": "CHG1", "run": RUN} | changed
    return sign_statement([plan_of(one).as_dict() for one in NOTEBOOKS], BOB, valid_for=timedelta(hours=1), **fields)


def content_of(data):
    return json.loads(base64.b64decode(json.loads(data)["payload"]))


READERS = {
    "any": lambda data: dsse.verify(data, KEYS, PREDICATE_TYPE),
    "approval": lambda data: read_statement(data, KEYS),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_an_envelope_of_the_wrong_shape_is_refused(read):
    """Whatever is wrong: the payload, its type, the signatures, or all of it."""
    accepted = []
    for name, wrong in variants(json.loads(approval())):
        try:
            data = json.dumps(wrong, indent=1, sort_keys=True).encode() + b"\n"
            result = read(data)
            if not result.problem:
                accepted.append(name)
        except InvalidEnvelope:
            continue
    assert accepted == []


@pytest.mark.parametrize("data", [b"", b"\xff", b"{", b"[" * 100_000, b"null", b"NaN", b'"\\ud800"'])
def test_what_is_no_json_is_refused(data):
    for read in READERS.values():
        with pytest.raises(InvalidEnvelope, match="is not a signed statement"):
            read(data)


def test_an_envelope_must_be_byte_for_byte_as_it_was_written():
    data = approval()
    document = json.loads(data)
    others = [
        json.dumps(document, sort_keys=True).encode() + b"\n", data.rstrip(b"\n"), data + b"\n", b" " + data,
        json.dumps({**document, "more": 1}, indent=1, sort_keys=True).encode() + b"\n",
        json.dumps(dict(reversed(document.items())), indent=1).encode() + b"\n",
    ]  # fmt: skip
    for other in others:
        with pytest.raises(InvalidEnvelope, match="was changed after it was written"):
            dsse.verify(other, KEYS, PREDICATE_TYPE)


@pytest.mark.parametrize("signers", [(), (ANN, BOB)], ids=["none", "two"])
def test_an_envelope_has_one_signature(signers):
    envelope = dsse.Envelope.from_dict(json.loads(approval()))
    envelope.signatures.clear()
    for signer in signers:
        envelope.sign(signer)
    with pytest.raises(InvalidEnvelope, match="was changed after it was written"):
        dsse.verify(dsse._serialize(envelope), KEYS, PREDICATE_TYPE)


def test_a_signed_statement_of_the_wrong_shape_is_refused():
    """By whoever signed it: readers rely on its subjects, digests and predicate."""
    statement = content_of(approval())
    refused = {}
    for name, wrong in variants(statement):
        data = dsse.sign(wrong, BOB) if not _has_surrogate(wrong) else None
        if data is None:
            continue
        try:
            envelope = dsse.verify(data, KEYS, PREDICATE_TYPE)
        except InvalidEnvelope as error:
            refused[name] = str(error)
            continue
        assert isinstance(envelope.statement["predicate"], dict)
        for subject in envelope.statement["subject"]:
            assert isinstance(subject["name"], str)
            assert isinstance(subject["digest"]["sha256"], str)
    for part in ("_type", "subject", "predicate", "subject/0/name", "subject/1/digest", "subject/1/digest/sha256"):
        assert refused[f"{part} is missing"] == "is not an in-toto statement"
        assert refused[f"{part}='None'"] == "is not an in-toto statement"
    assert refused["predicateType is missing"] == "is a statement of another type: None"


def _has_surrogate(value):
    return "\\ud800" in json.dumps(value)


@pytest.mark.parametrize(
    ("statement", "payload_type", "message"),
    [
        ({}, "application/json", "is not an in-toto statement"),
        ({"_type": "https://in-toto.io/Statement/v0.1"}, dsse.PAYLOAD_TYPE, "is not an in-toto statement"),
        ({"predicateType": PROVENANCE}, dsse.PAYLOAD_TYPE, f"is a statement of another type: {PROVENANCE}"),
    ],
)
def test_another_kind_of_statement_is_refused_even_if_it_is_signed(statement, payload_type, message):
    payload = json.dumps(content_of(approval()) | statement).encode()
    envelope = dsse.Envelope(payload, payload_type, {})
    envelope.sign(BOB)
    with pytest.raises(InvalidEnvelope) as refused:
        read_statement(dsse._serialize(envelope), KEYS)
    assert str(refused.value) == message


PREDICATE = ("by", "role", "change", "run", "at", "expires")


@pytest.mark.parametrize("name", PREDICATE)
def test_an_approval_says_who_when_and_for_what(name):
    statement = content_of(approval())
    without = statement | {"predicate": {key: value for key, value in statement["predicate"].items() if key != name}}
    with pytest.raises(InvalidEnvelope, match="does not say who approved, when and until when"):
        read_statement(dsse.sign(without, BOB), KEYS)


@pytest.mark.parametrize("name", ["at", "expires"])
@pytest.mark.parametrize("wrong", [None, 5, "soon", "", [], "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
def test_a_time_that_is_none_is_refused(name, wrong):
    """Also one beyond the calendar."""
    statement = content_of(approval())
    changed = statement | {"predicate": statement["predicate"] | {name: wrong}}
    with pytest.raises(InvalidEnvelope, match="does not say who approved, when and until when"):
        read_statement(dsse.sign(changed, BOB), KEYS)


def test_who_signed_is_told_apart():
    """The owner, another one in his name, somebody without a trusted key, and a forged signature."""

    def read(data, keys=KEYS):
        statement = read_statement(data, keys)
        return statement.problem, statement.forged

    assert read(approval()) == ("", False)
    assert read(approval(by="ann")) == ("bob signed it in the name of ann", False)
    unknown = read(approval(), {"ann": ANN.public_key})
    assert unknown[0].endswith("which is not one of the trusted keys (ann)")
    assert not unknown[1]
    assert read(approval(), {})[0].endswith("which is not one of the trusted keys (none given)")
    envelope = json.loads(approval())
    envelope["signatures"][0]["sig"] = json.loads(approval(run="another"))["signatures"][0]["sig"]
    for keys in (KEYS, {"eve": EVE.public_key, **KEYS}):
        problem, forged = read(json.dumps(envelope, indent=1, sort_keys=True).encode() + b"\n", keys)
        assert problem == "the signature is not that of bob: it was forged, or the signed content was changed"
        assert forged


def test_a_plan_file_of_the_wrong_shape_is_no_plan(tmp_path):
    plan = plan_of("01_network")
    path = tmp_path / RUN / "plans" / f"01_network-apply-{plan.fingerprint}.json"
    path.parent.mkdir(parents=True)
    document = {"plan": json.loads(json.dumps(plan.as_dict())), "run": RUN}
    path.write_text(json.dumps(document))
    assert find_plan(tmp_path, plan.fingerprint) == document["plan"]
    assert read_plan(path) == document["plan"]
    for name, wrong in variants(document):
        path.write_text(json.dumps(wrong))
        found = find_plan(tmp_path, plan.fingerprint)
        assert found is None or found == document["plan"], name
        assert read_plan(path) is None or isinstance(read_plan(path), dict)
    for raw in (b"", b"\xff", b"{", b"[]", b"{}", b"null", b'{"plan": [1]}'):
        path.write_bytes(raw)
        assert find_plan(tmp_path, plan.fingerprint) is None
        assert read_plan(path) is None
    path.unlink()
    path.mkdir()
    assert find_plan(tmp_path, plan.fingerprint) is None
    assert read_plan(path) is None


def test_of_several_plan_files_the_one_with_the_content_counts(tmp_path):
    """A file's name proves nothing; a damaged one hides none beside it."""
    plan = plan_of("01_network")
    for run, content in (("3", {"plan": {"a": 1}}), ("2", []), ("1", {"plan": plan.as_dict()})):
        path = tmp_path / run / "plans" / f"x-apply-{plan.fingerprint}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content))
    assert find_plan(tmp_path, plan.fingerprint) == json.loads(json.dumps(plan.as_dict()))
    for other in (
        "",
        "*",
        plan.fingerprint[:15],
        f"{plan.fingerprint}0",
        plan.fingerprint.upper() + "g",
        "../" + "0" * 13,
    ):
        assert find_plan(tmp_path, other) is None


@pytest.mark.parametrize("wrong", [json.dumps(one).encode() for one in WRONG] + [b"", b"\xff", b"{", b"[" * 100_000])
def test_a_lock_of_the_wrong_shape_has_an_unknown_holder(wrong):
    """It is never taken for one's own, nor for that of a process that has ended."""
    assert parse_holder(wrong) is UNKNOWN_HOLDER


def test_a_lock_with_a_field_of_the_wrong_shape_has_an_unknown_holder():
    """Its process would be looked up with whatever stands there."""
    holder = {"run": "r", "caller": "c", "host": "h", "pid": 1, "started": 1.5, "since": "s", "space": "b"}
    assert asdict(parse_holder(json.dumps(holder).encode())) == holder
    for name, wrong in variants(holder):
        parsed = parse_holder(json.dumps(wrong).encode())
        right = isinstance(wrong, dict) and set(wrong) | {"space"} == set(holder)  # earlier versions wrote no space
        for field, value in wrong.items() if right else ():
            right &= type(value) in ((int, float) if field == "started" else (type(holder[field]),))
        assert (parsed is not UNKNOWN_HOLDER) is right, name
        if right:
            assert asdict(parsed) == {"space": ""} | wrong


@pytest.mark.parametrize(
    "line", [json.dumps(one) for one in WRONG if one != "\ud800"] + ["", "{", '{"event": 1}', '"event"', "[" * 100_000]
)
def test_a_line_of_a_journal_that_is_no_event_is_skipped_and_breaks_the_chain(tmp_path, line):
    folder = signed_run(tmp_path)
    whole, parameters = read_events(folder), run_parameters(folder)
    path = folder / "journal.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([line, *lines]) + "\n")
    assert [event for event in read_events(folder) if event["event"] != 1] == whole
    assert run_parameters(folder) == parameters
    assert first_broken_line(path) == 1
    assert [one for one in verify_run(folder, KEYS, KEYS).wrong if "does not follow from the one before it" in one]


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    return signed_run(tmp_path_factory.mktemp("signed"))


def test_an_approval_file_of_the_wrong_shape_is_reported(tmp_path):
    path = tmp_path / RUN / "approvals" / "bob.dsse.json"
    path.parent.mkdir(parents=True)
    for name, wrong in variants(content_of(approval())):
        if _has_surrogate(wrong):
            continue
        path.write_bytes(dsse.sign(wrong, BOB))
        problem, note = check_statement(path, KEYS, more_approvers=False, added_later=True)
        assert bool(problem) is not bool(note), name
        assert problem or "subject" in name or "change" in name or "role" in name, name
    for target in (tmp_path / "elsewhere", path.parent):
        path.unlink()
        path.symlink_to(target)
        assert check_statement(path, KEYS, more_approvers=False, added_later=True) == ("is not an approval", "")


def test_a_manifest_of_the_wrong_shape_is_reported(signed):
    """Signed by a trusted key, and still not that of the run."""
    path = signed / MANIFEST
    data = path.read_bytes()
    statement = content_of(data)
    assert verify_run(signed, KEYS, KEYS).ok
    small = statement | {"subject": statement["subject"][:1], "predicate": statement["predicate"] | {
        "buildDefinition": {"externalParameters": {"env": "prod"}}, "runDetails": {"metadata": {"invocationId": RUN}},
    }}  # fmt: skip
    try:
        for name, wrong in variants(small):
            if not _has_surrogate(wrong):
                write_atomically(path, dsse.sign(wrong, ANN))
                assert verify_run(signed, KEYS, KEYS).wrong, name
    finally:
        write_atomically(path, data)


def test_a_journal_of_the_wrong_shape_is_verified_to_the_end(tmp_path):
    """With a valid chain: a field of each event that is not what it should be."""
    folder = signed_run(tmp_path)
    path = folder / "journal.jsonl"
    events = read_events(folder)
    fields = {(event["event"], name) for event in events for name in event} - {
        (event["event"], name) for event in events for name in ("at", "event", "prev", "notebook")
    }  # fmt: skip
    for kind, name in sorted(fields):
        for wrong in (None, 0, "x", ["x"], {"x": None}):
            path.write_bytes(_chain(event | {name: wrong} if event["event"] == kind else event for event in events))
            assert first_broken_line(path) == 0
            wrongs = verify_run(folder, KEYS, KEYS).wrong
            same = all(json.dumps(event[name]) == json.dumps(wrong) for event in events if event["event"] == kind)
            assert bool(wrongs) is not same, (kind, name, wrong)


def _chain(events):
    lines = b""
    last = b""
    for event in events:
        last = json.dumps(event | {"prev": sha256(last).hexdigest() if last else ""}).encode()
        lines += last + b"\n"
    return lines


@pytest.mark.parametrize("error", [LookupError, KeyError, TypeError, AttributeError, ValueError, ArithmeticError])
def test_whatever_a_journal_makes_of_the_checks_is_reported(signed, monkeypatch, error):
    def fail(*args):
        raise error("it broke")
        yield

    for name in ("find_gaps", "find_unapproved_changes"):
        with monkeypatch.context() as patched:
            patched.setattr(f"runbook_lib.evidence.verification.verify.{name}", fail)
            assert verify_run(signed, KEYS, KEYS).wrong == ["journal.jsonl: is not the journal of a run"]
