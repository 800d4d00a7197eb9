"""Whose hand signs: a key of this machine, or one that stays in AWS KMS; and the public keys that are believed."""

from __future__ import annotations

import base64
import hashlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_public_key,
)
from securesystemslib.signer import CryptoSigner, Key, Signature, Signer, SSlibKey

from ...errors import EvidenceError, WrongUsage
from ...files import write_atomically

PRIVATE, PUBLIC = "evidence.pem", "evidence.pub"


def public_key(text: str) -> SSlibKey:
    """A public key from its line as OpenSSH writes it (``ssh-ed25519 AAAA…``), or from PEM.

    Raises:
        EvidenceError: It is no public key, or one of a kind that nothing here signs with.
    """
    data = text.strip().encode()
    try:
        return SSlibKey.from_crypto(load_pem_public_key(data) if b"BEGIN" in data else load_ssh_public_key(data))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EvidenceError(
            f"{text.strip()[:40]}… is no public key: {error}",
            fix="Give a line such as `ssh-ed25519 AAAA…`: `runbook evidence key` shows this machine's.",
        ) from None


def format_public_key(key: Key) -> str:
    """The key as one line, as it stands in the parameters."""
    text: bytes = _crypto(key).public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return text.decode()


def fingerprint(key: Key) -> str:
    """What a person compares: the fingerprint that ``ssh-keygen -l`` shows."""
    digest = hashlib.sha256(base64.b64decode(format_public_key(key).split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def machine_key(root: Path) -> CryptoSigner:
    """The key of this machine, in ``.runbook/keys/``; made when there is none.

    Raises:
        EvidenceError: Others may read it, or it is no key.
    """
    folder = root / ".runbook" / "keys"
    path = folder / PRIVATE
    if not path.exists():
        _make(folder)
    signer = from_file(path)
    public, told = folder / PUBLIC, f"{format_public_key(signer.public_key)}\n"
    if not public.exists() or public.read_text(encoding="utf-8") != told:
        public.write_text(told, encoding="utf-8")
    return signer


def from_file(path: Path) -> CryptoSigner:
    """A private key (PKCS#8, PEM) that only its owner may read."""
    try:
        mode, text = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise WrongUsage(f"{path} cannot be read: {error.strerror}.", fix="Name the file of a private key.") from None
    if stat.S_IMODE(mode) & 0o077:
        raise EvidenceError(f"{path}: others than its owner may read this key.", fix=f"chmod 600 {path}")
    try:
        return CryptoSigner(load_pem_private_key(text, None))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EvidenceError(
            f"{path} is no private key that signs here: {error}", fix="Give an ed25519 key (PKCS#8, PEM)."
        ) from None


def _make(folder: Path) -> None:
    """Generate a key; when two processes do so at once, both use the first one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(folder / PRIVATE, CryptoSigner.generate_ed25519().private_bytes, mode=0o600, overwrite=False)


class KmsSigner(Signer):
    """Signs with a key that never leaves AWS KMS.

    securesystemslib has such a signer, but it makes a client of its own: this one goes through our
    door, so that account, region and endpoint are those of the environment.
    https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html

    Args:
        kms: The service as the door offers it: ``get_public_key`` and ``sign``.
        key_id: The key's ARN.
    """

    _ALGORITHMS = (
        ("ecdsa-sha2-nistp256", "ECDSA_SHA_256", "sha256"),
        ("ecdsa-sha2-nistp384", "ECDSA_SHA_384", "sha384"),
        ("rsassa-pss-sha256", "RSASSA_PSS_SHA_256", "sha256"),
    )

    def __init__(self, kms: Any, key_id: str) -> None:
        self._kms, self._id = kms, key_id
        found = kms.get_public_key(KeyId=key_id)
        fit = [a for a in self._ALGORITHMS if a[1] in found.get("SigningAlgorithms", ())]
        if not fit:
            raise EvidenceError(
                f"{key_id} signs with none of {', '.join(a[1] for a in self._ALGORITHMS)}.",
                fix="Make a KMS key for SIGN_VERIFY, of the spec ECC_NIST_P256.",
            )
        scheme, self._algorithm, self._hash = fit[0]
        self._public = SSlibKey.from_crypto(load_der_public_key(found["PublicKey"]), scheme=scheme)

    @property
    def public_key(self) -> SSlibKey:
        return self._public

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: Callable[[str], str] | None = None
    ) -> Signer:
        raise NotImplementedError("made with a door to KMS, never from an address")

    def sign(self, payload: bytes) -> Signature:
        answer = self._kms.sign(
            KeyId=self._id,
            Message=hashlib.new(self._hash, payload).digest(),
            MessageType="DIGEST",
            SigningAlgorithm=self._algorithm,
        )
        return Signature(self._public.keyid, answer["Signature"].hex())


def _crypto(key: Key) -> Any:
    """The key as `cryptography` has it; securesystemslib keeps an ed25519 one as its bare bytes."""
    public = key.keyval["public"]
    if key.keytype == "ed25519":
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    return load_pem_public_key(public.encode())
