"""Statements in signed envelopes: in-toto Statement v1 in DSSE, by the library that TUF and in-toto sign with."""

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
PAYLOAD = "application/vnd.in-toto+json"
SUFFIX = ".dsse.json"

Keys = Mapping[str, Key]
"""Public keys that are believed, by whose they are."""


class InvalidEnvelope(Exception):
    """An envelope that is not to be believed, and why."""


@dataclass(frozen=True)
class VerifiedEnvelope:
    """What an envelope holds.

    Args:
        by: Whose signature it carries; empty when that key is not believed, and nothing is proven.
        why: What is wrong with the signature; empty when nothing is.
        forged: Whether it is wrong whoever is believed: it says to be of a key, and is not.
    """

    statement: Mapping[str, Any]
    by: str
    why: str
    forged: bool = False


def statement(kind: str, subject: list[dict[str, Any]], predicate: Mapping[str, Any]) -> dict[str, Any]:
    """A claim about things that are named by their digests."""
    return {"_type": STATEMENT, "predicateType": kind, "subject": subject, "predicate": dict(predicate)}


def subject(name: str, sha256: str) -> dict[str, Any]:
    """One thing that a statement is about."""
    return {"name": name, "digest": {"sha256": sha256}}


def sign(content: Mapping[str, Any], signer: Signer) -> bytes:
    """The statement in an envelope, signed; as the file that is kept."""
    payload = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    envelope = Envelope(payload, PAYLOAD, {})
    envelope.sign(signer)
    return _written(envelope)


def verify(data: bytes, keys: Keys, kind: str) -> VerifiedEnvelope:
    """Open an envelope and say whose it is.

    It has to be, byte for byte, what :func:`sign` writes: JSON and base64 have many ways to say
    the same, and a file that was changed is a file that was changed.

    Raises:
        Spoilt: There is nothing in it that could be read.
    """
    try:
        envelope = Envelope.from_dict(json.loads(data))
        content = json.loads(envelope.payload)
        written = _written(envelope)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidEnvelope(f"is no signed statement ({type(error).__name__})") from None
    if written != data or len(envelope.signatures) != 1:
        raise InvalidEnvelope("was changed: it is not as it was written")
    if envelope.payload_type != PAYLOAD or not _is_statement(content):
        raise InvalidEnvelope("is no in-toto statement")
    if content.get("predicateType") != kind:
        raise InvalidEnvelope(f"is a statement of another kind: {content.get('predicateType')}")
    by, why = _signer(envelope, keys)
    return VerifiedEnvelope(
        content, by, why, forged=bool(why) and any(key.keyid in envelope.signatures for key in keys.values())
    )


def _signer(envelope: Envelope, keys: Keys) -> tuple[str, str]:
    (keyid,) = envelope.signatures
    for name, key in keys.items():
        if key.keyid == keyid:
            try:
                envelope.verify([key], 1)
            except VerificationError:
                return "", f"the signature is not that of {name}: it was forged, or what it signs was changed"
            return name, ""
    return (
        "",
        f"signed with the key {keyid[:16]}, which is none of the trusted ones ({', '.join(keys) or 'none given'})",
    )


def _is_statement(content: Any) -> bool:
    """Whether it has the shape, so that whoever reads it need not ask again."""
    try:
        names = [(s["name"], s["digest"]["sha256"]) for s in content["subject"]]
        shaped = all(isinstance(text, str) for pair in names for text in pair) and isinstance(
            content["predicate"], dict
        )
        return shaped and content["_type"] == STATEMENT
    except (KeyError, TypeError):
        return False


def _written(envelope: Envelope) -> bytes:
    return json.dumps(envelope.to_dict(), indent=1, sort_keys=True).encode() + b"\n"
