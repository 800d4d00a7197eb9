"""The rehearsal's certificate authority: it vouches for servers on this machine, and for nothing else."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

HOST, ADDRESS = "localhost", "127.0.0.1"
AUTHORITY_DAYS, SERVER_DAYS = 3650, 397  # a server gets a new one at each start

Key = ec.EllipticCurvePrivateKey


class Authority:
    """A key that never leaves its folder, made when there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate_file, self._key_file = folder / "ca.pem", folder / "ca.key"
        if not (self.certificate_file.exists() and self._key_file.exists()):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._make()
        self._certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        key = load_pem_private_key(self._key_file.read_bytes(), None)
        assert isinstance(key, Key)
        self._key = key

    def pem(self) -> str:
        """What a client has to trust."""
        return self.certificate_file.read_text()

    def issue(self, certificate_file: Path, key_file: Path) -> None:
        """A server's certificate, by name and by address, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(HOST), x509.IPAddress(IPv4Address(ADDRESS))])
        builder = (
            _builder(HOST, key, self._certificate.subject, SERVER_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        write_private(key_file, _pem(key))
        write_private(certificate_file, builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        # Whoever got hold of the key could vouch for this machine only.
        here = [x509.DNSName(HOST), x509.IPAddress(IPv4Network(f"{ADDRESS}/32"))]
        subject = _name("The rehearsal's certificate authority")
        builder = (
            _builder(None, key, subject, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.NameConstraints(here, None), critical=True)
            .add_extension(_may_sign(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        write_private(self._key_file, _pem(key))
        write_private(self.certificate_file, builder.sign(key, SHA256()).public_bytes(Encoding.PEM))


def system_roots() -> str:
    """What this machine trusts anyway; empty where its roots are not one file."""
    roots = ssl.get_default_verify_paths().cafile
    return Path(roots).read_text(errors="replace") if roots else ""


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step by one that its owner alone may read."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    draft.replace(path)


def _builder(subject: str | None, key: Key, issuer: x509.Name, days: int) -> x509.CertificateBuilder:
    now, number = datetime.now(UTC), x509.random_serial_number()
    builder = x509.CertificateBuilder(issuer, _name(subject) if subject else issuer, key.public_key(), number)
    return builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=days))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _may_sign() -> x509.KeyUsage:
    other = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    never = dict.fromkeys((*other, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(key_cert_sign=True, crl_sign=True, **never)


def _pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
