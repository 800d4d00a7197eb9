"""Sign and verify in-toto statements (v1) in DSSE envelopes, with the library of TUF and in-toto."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import Key, Signer

STATEMENT = "https://in-toto.io/Statement/v1"
"""https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md"""
PAYLOAD_TYPE = "application/vnd.in-toto+json"
SUFFIX = ".dsse.json"

Keys = Mapping[str, Key]
"""Trusted public keys, by the name of their owner."""


class InvalidEnvelope(Exception):
    """An envelope that cannot be read; the message says why."""


@dataclass(frozen=True)
class VerifiedEnvelope:
    """The statement of an envelope, and whether its signature is valid.

    Args:
        by: The owner of the trusted key that signed it; empty when the signature is not valid.
        problem: What is wrong with the signature; empty when it is valid.
        forged: Whether it names a trusted key that did not sign it.
    """

    statement: Mapping[str, Any]
    by: str
    problem: str
    forged: bool


def build_statement(
    predicate_type: str, subjects: list[dict[str, Any]], predicate: Mapping[str, Any]
) -> dict[str, Any]:
    """Build an in-toto statement about subjects that are identified by their digests."""
    return {"_type": STATEMENT, "predicateType": predicate_type, "subject": subjects, "predicate": dict(predicate)}


def build_subject(name: str, sha256: str) -> dict[str, Any]:
    """Build one subject of a statement."""
    return {"name": name, "digest": {"sha256": sha256}}


def sign(content: Mapping[str, Any], signer: Signer) -> bytes:
    """Put a statement into an envelope and sign it; returns the content of the envelope's file."""
    payload = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return _serialize(envelope)


def verify(data: bytes, keys: Keys, predicate_type: str) -> VerifiedEnvelope:
    """Read an envelope and check its signature.

    The data must be, byte for byte, what :func:`sign` writes: JSON and base64 can encode the same
    content in several ways, and an envelope that was encoded anew counts as changed.

    Raises:
        InvalidEnvelope: It holds no statement of that type.
    """
    try:
        envelope = Envelope.from_dict(json.loads(data))
        content = json.loads(envelope.payload)
        written = _serialize(envelope)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidEnvelope(f"is not a signed statement ({type(error).__name__})") from None
    if written != data or len(envelope.signatures) != 1:
        raise InvalidEnvelope("was changed after it was written")
    (keyid,) = envelope.signatures
    if not isinstance(keyid, str):
        raise InvalidEnvelope("is not a signed statement (a key id is not a text)")
    if envelope.payload_type != PAYLOAD_TYPE or not _is_statement(content):
        raise InvalidEnvelope("is not an in-toto statement")
    if content.get("predicateType") != predicate_type:
        raise InvalidEnvelope(f"is a statement of another type: {content.get('predicateType')}")
    by, problem = _signer(envelope, keys)
    return VerifiedEnvelope(
        content, by, problem, forged=bool(problem) and any(key.keyid in envelope.signatures for key in keys.values())
    )


def _signer(envelope: Envelope, keys: Keys) -> tuple[str, str]:
    (keyid,) = envelope.signatures
    for name, key in keys.items():
        if key.keyid == keyid:
            try:
                envelope.verify([key], 1)
            except VerificationError:
                return "", f"the signature is not that of {name}: it was forged, or the signed content was changed"
            return name, ""
    return (
        "",
        f"signed with the key {keyid[:16]}, which is not one of the trusted keys ({', '.join(keys) or 'none given'})",
    )


def _is_statement(content: Any) -> bool:
    """Whether it has the structure of a statement, so that readers can rely on its fields."""
    try:
        names = [(s["name"], s["digest"]["sha256"]) for s in content["subject"]]
        shaped = all(isinstance(text, str) for pair in names for text in pair) and isinstance(
            content["predicate"], dict
        )
        return shaped and content["_type"] == STATEMENT
    except (KeyError, TypeError):
        return False


def _serialize(envelope: Envelope) -> bytes:
    return json.dumps(envelope.to_dict(), indent=1, sort_keys=True).encode() + b"\n"
