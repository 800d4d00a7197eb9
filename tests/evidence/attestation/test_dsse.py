"""A signed statement is read back as it was signed; what only looks like one is refused."""

import json

import pytest
from securesystemslib.dsse import Envelope

from runbook_lib.evidence.attestation import dsse
from runbook_lib.evidence.attestation.dsse import InvalidEnvelope, VerifiedEnvelope
from tests.support.run_folders import ANN, BOB, EVE, KEYS

TYPE = "urn:test:v1"
SUBJECTS = [dsse.build_subject("a", "0" * 64), dsse.build_subject("b", "1" * 64)]
STATEMENT = dsse.build_statement(TYPE, SUBJECTS, {"by": "ann", "why": "because of ü"})
FORGED = "the signature is not that of ann: it was forged, or the signed content was changed"


def test_a_statement_names_its_subjects_by_their_digests():
    subjects = [dsse.build_subject(name, digit * 64) for name, digit in (("a", "0"), ("b", "1"))]
    assert dsse.build_statement(TYPE, subjects, {"by": "ann", "why": "because of ü"}) == {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": TYPE,
        "subject": [{"name": "a", "digest": {"sha256": "0" * 64}}, {"name": "b", "digest": {"sha256": "1" * 64}}],
        "predicate": {"by": "ann", "why": "because of ü"},
    }


def test_the_payload_is_short_json_in_one_order():
    """The same statement gives the same bytes to sign; a reader of the file sees one field on each line."""
    data = dsse.sign(STATEMENT, ANN)
    envelope = Envelope.from_dict(json.loads(data))
    assert envelope.payload_type == "application/vnd.in-toto+json"
    assert envelope.payload == json.dumps(STATEMENT, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    fields = [line.split(":")[0] for line in data.decode().splitlines() if line.startswith(' "')]
    assert fields == [' "payload"', ' "payloadType"', ' "signatures"']
    assert data.endswith(b"}\n")


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_who_signed_is_found_among_the_trusted_keys(name):
    data = dsse.sign(STATEMENT, {"ann": ANN, "bob": BOB}[name])
    assert dsse.verify(data, KEYS, TYPE) == VerifiedEnvelope(STATEMENT, by=name, problem="", forged=False)


@pytest.mark.parametrize(("keys", "trusted"), [(KEYS, "ann, bob"), ({}, "none given")])
def test_a_key_that_is_not_trusted_is_named(keys, trusted):
    told = f"signed with the key {EVE.public_key.keyid[:16]}, which is not one of the trusted keys ({trusted})"
    found = dsse.verify(dsse.sign(STATEMENT, EVE), keys, TYPE)
    assert found == VerifiedEnvelope(STATEMENT, by="", problem=told, forged=False)


@pytest.mark.parametrize("keys", [KEYS, {"bob": BOB.public_key, "ann": ANN.public_key}])
def test_the_signature_of_another_content_is_forged(keys):
    envelope = json.loads(dsse.sign(STATEMENT, ANN))
    other = json.loads(dsse.sign(STATEMENT | {"predicate": {}}, ANN))
    envelope["signatures"] = other["signatures"]
    data = json.dumps(envelope, indent=1, sort_keys=True).encode() + b"\n"
    assert dsse.verify(data, keys, TYPE) == VerifiedEnvelope(STATEMENT, by="", problem=FORGED, forged=True)


def refused(data, predicate_type=TYPE):
    with pytest.raises(InvalidEnvelope) as error:
        dsse.verify(data, KEYS, predicate_type)
    return str(error.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"_type": None},
        {"subject": None},
        {"subject": ["a"]},
        {"subject": [*SUBJECTS, {"name": "c"}]},
        {"subject": [*SUBJECTS, {"name": "c", "digest": {}}]},
        {"subject": [*SUBJECTS, {"name": 3, "digest": {"sha256": "2"}}]},
        {"subject": [{"name": "c", "digest": {"sha256": 3}}, *SUBJECTS]},
        {"predicate": []},
        {"predicate": None},
    ],
)
def test_what_has_not_the_shape_of_a_statement_is_refused(changed):
    """Readers rely on a name and a digest of each subject, and on the fields of the predicate."""
    assert refused(dsse.sign(STATEMENT | changed, ANN)) == "is not an in-toto statement"


@pytest.mark.parametrize("missing", ["_type", "subject", "predicate"])
def test_a_statement_without_a_part_is_refused(missing):
    without = {name: part for name, part in STATEMENT.items() if name != missing}
    assert refused(dsse.sign(without, ANN)) == "is not an in-toto statement"


def test_a_statement_of_another_type_is_refused():
    assert refused(dsse.sign(STATEMENT, ANN), "urn:other") == f"is a statement of another type: {TYPE}"
    without = {name: part for name, part in STATEMENT.items() if name != "predicateType"}
    assert refused(dsse.sign(without, ANN)) == "is a statement of another type: None"


def test_another_payload_is_refused():
    envelope = Envelope(json.dumps(STATEMENT).encode(), "application/json", {})
    envelope.sign(ANN)
    data = json.dumps(envelope.to_dict(), indent=1, sort_keys=True).encode() + b"\n"
    assert refused(data) == "is not an in-toto statement"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "JSONDecodeError"), (b"\xff", "UnicodeDecodeError"), (b"{}", "KeyError"), (b"[]", "TypeError"),
        (b'{"payload": 5, "payloadType": "", "signatures": []}', "AttributeError"),
        (b'{"payload": "", "payloadType": "", "signatures": []}', "JSONDecodeError"),
        (b'{"payload": "e30=", "payloadType": "", "signatures": ["x"]}', "TypeError"),
        (b"[" * 100_000, "RecursionError"),
    ],
)  # fmt: skip
def test_what_is_no_envelope_is_refused(data, error):
    assert refused(data) == f"is not a signed statement ({error})"


def test_an_envelope_that_was_written_anew_is_refused():
    """JSON can say the same in several ways; also with two signatures, and with none."""
    data = dsse.sign(STATEMENT, ANN)
    envelope = Envelope.from_dict(json.loads(data))
    envelope.sign(BOB)
    two = json.dumps(envelope.to_dict(), indent=1, sort_keys=True).encode() + b"\n"
    none = json.dumps(json.loads(data) | {"signatures": []}, indent=1, sort_keys=True).encode() + b"\n"
    for other in (two, none, data + b"\n", data[:-1], json.dumps(json.loads(data)).encode()):
        assert refused(other) == "was changed after it was written"


def test_the_fields_of_an_envelope_stand_in_one_order():
    """Also one of a later version of the format."""
    envelope = json.loads(dsse.sign(STATEMENT, ANN))
    envelope["signatures"][0]["cert"] = "x"
    in_order, as_given = (json.dumps(envelope, indent=1, sort_keys=order).encode() + b"\n" for order in (True, False))
    assert dsse.verify(in_order, KEYS, TYPE).by == "ann"
    assert refused(as_given) == "was changed after it was written"


def test_a_key_id_is_a_text():
    envelope = json.loads(dsse.sign(STATEMENT, ANN))
    envelope["signatures"][0]["keyid"] = 5
    data = json.dumps(envelope, indent=1, sort_keys=True).encode() + b"\n"
    assert refused(data) == "is not a signed statement (a key id is not a text)"
