"""Signing keys: this machine's key file or a KMS key; and public keys as text."""

from __future__ import annotations

import base64
import hashlib
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
from ...files import may_others_read, write_atomically
from ...paths import for_shell

PRIVATE, PUBLIC = "evidence.pem", "evidence.pub"


def parse_public_key(text: str) -> SSlibKey:
    """Parse a public key in OpenSSH's format (``ssh-ed25519 AAAA…``) or in PEM.

    Raises:
        EvidenceError: It is not a public key, or its type is not supported.
    """
    data = text.strip().encode()
    try:
        return SSlibKey.from_crypto(load_pem_public_key(data) if b"BEGIN" in data else load_ssh_public_key(data))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EvidenceError(
            f"{text.strip()[:40]}… is not a public key: {error}",
            fix="Give a line such as `ssh-ed25519 AAAA…`: `runbook evidence key` shows this machine's.",
        ) from None


def format_public_key(key: Key) -> str:
    """The key as one line, as it is written in the parameters."""
    text: bytes = _crypto(key).public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return text.decode()


def fingerprint(key: Key) -> str:
    """The fingerprint that ``ssh-keygen -l`` shows."""
    digest = hashlib.sha256(base64.b64decode(format_public_key(key).split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def machine_key(root: Path) -> CryptoSigner:
    """The key of this machine, from ``.runbook/keys/``; created when there is none.

    Raises:
        EvidenceError: Other users may read it, or it is not a key.
    """
    folder = root / ".runbook" / "keys"
    path = folder / PRIVATE
    if not path.exists():
        _create_key(folder)
    signer = load_private_key(path)
    public, line = folder / PUBLIC, f"{format_public_key(signer.public_key)}\n"
    if not public.exists() or public.read_text(encoding="utf-8") != line:
        public.write_text(line, encoding="utf-8")
    return signer


def load_private_key(path: Path) -> CryptoSigner:
    """Load a private key (PKCS#8, PEM) that only its owner may read.

    Raises:
        WrongUsage: The file cannot be read.
        EvidenceError: Other users may read it, or its type is not supported.
    """
    try:
        is_open, text = may_others_read(path), path.read_bytes()
    except OSError as error:
        raise WrongUsage(f"{path} cannot be read: {error.strerror}.", fix="Name the file of a private key.") from None
    if is_open:
        what = f"{path}: other users than its owner may read this key."
        raise EvidenceError(what, fix=f"chmod 600 {for_shell(path)}")
    try:
        return CryptoSigner(load_pem_private_key(text, None))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EvidenceError(
            f"{path} is not a supported private key: {error}", fix="Give an ed25519 key (PKCS#8, PEM)."
        ) from None


def _create_key(folder: Path) -> None:
    """Create the key file in one step; when two processes do so at the same time, the first key is kept."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(folder / PRIVATE, CryptoSigner.generate_ed25519().private_bytes, mode=0o600, overwrite=False)


class KmsSigner(Signer):
    """Signs with a key that never leaves AWS KMS.

    securesystemslib has such a signer, but it creates its own boto3 client.  This one uses the
    environment's client, so that account, region and endpoint are those of the environment.
    https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html

    Args:
        kms: The KMS client of ``Aws``.
        key_id: The key's ARN.
    """

    _ALGORITHMS = (
        ("ecdsa-sha2-nistp256", "ECDSA_SHA_256", "sha256"),
        ("ecdsa-sha2-nistp384", "ECDSA_SHA_384", "sha384"),
        ("rsassa-pss-sha256", "RSASSA_PSS_SHA_256", "sha256"),
    )

    def __init__(self, kms: Any, key_id: str) -> None:
        self._kms, self._id = kms, key_id
        response = kms.get_public_key(KeyId=key_id)
        supported = [a for a in self._ALGORITHMS if a[1] in response.get("SigningAlgorithms", ())]
        if not supported:
            raise EvidenceError(
                f"{key_id} signs with none of {', '.join(a[1] for a in self._ALGORITHMS)}.",
                fix="Create a KMS key with the usage SIGN_VERIFY and the spec ECC_NIST_P256.",
            )
        scheme, self._algorithm, self._hash = supported[0]
        self._public = SSlibKey.from_crypto(load_der_public_key(response["PublicKey"]), scheme=scheme)

    @property
    def public_key(self) -> SSlibKey:
        """The public part of the key."""
        return self._public

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: Callable[[str], str] | None = None
    ) -> Signer:
        """Refuse: a signer needs a client of KMS, which no URI holds.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("KmsSigner needs a KMS client and cannot be created from a URI")

    def sign(self, payload: bytes) -> Signature:
        """Let KMS sign the digest of *payload*; the key never leaves it."""
        response = self._kms.sign(
            KeyId=self._id,
            Message=hashlib.new(self._hash, payload).digest(),
            MessageType="DIGEST",
            SigningAlgorithm=self._algorithm,
        )
        return Signature(self._public.keyid, response["Signature"].hex())


def _crypto(key: Key) -> Any:
    """The key as an object of `cryptography`; securesystemslib stores an ed25519 key as raw bytes."""
    public = key.keyval["public"]
    if key.keytype == "ed25519":
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    return load_pem_public_key(public.encode())
