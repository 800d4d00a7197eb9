"""The local certificate authority: it signs the certificates of servers on this machine, and of nothing else."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from embedded_aws.files import write_atomically

HOST, ADDRESS = "localhost", "127.0.0.1"
AUTHORITY_DAYS, SERVER_DAYS = 3650, 397  # a server gets a new certificate at each start
CLOCK_SKEW = timedelta(hours=1)


class CertificateAuthority:
    """A certificate authority in a folder; it is created when the folder has none."""

    def __init__(self, folder: Path) -> None:
        self.certificate_file, key_file = folder / "ca.pem", folder / "ca.key"
        if not (self.certificate_file.exists() and key_file.exists()):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            certificate, key = _create_authority()
            write_atomically(key_file, key)
            write_atomically(self.certificate_file, certificate)
        self._ca = trustme.CA.from_pem(self.certificate_file.read_bytes(), key_file.read_bytes())

    def pem(self) -> str:
        """Return the certificate that clients have to trust."""
        return self.certificate_file.read_text()

    def issue(self, certificate_file: Path, key_file: Path) -> None:
        """Write a certificate for a server on this machine, valid for its name and address, and the key."""
        now = datetime.now(UTC)
        issued = self._ca.issue_cert(
            HOST,
            ADDRESS,
            common_name=HOST,
            not_before=now - CLOCK_SKEW,
            not_after=now + timedelta(days=SERVER_DAYS),
        )
        write_atomically(key_file, issued.private_key_pem.bytes())
        write_atomically(certificate_file, issued.cert_chain_pems[0].bytes())


def system_roots() -> str:
    """Return the system's root certificates; empty where they are not in one file."""
    roots = ssl.get_default_verify_paths().cafile
    return Path(roots).read_text(errors="replace") if roots else ""


def _create_authority() -> tuple[bytes, bytes]:
    """Create a certificate and its key, as PEM.

    trustme would create one that is valid for any name until the year 3000. This one expires, and is constrained to
    this machine: a stolen key cannot be used to impersonate any other host.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "The rehearsal's certificate authority")])
    this_machine = [x509.DNSName(HOST), x509.IPAddress(IPv4Network(f"{ADDRESS}/32"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(this_machine, None), critical=True)
        .add_extension(_signing_only(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), pem


def _signing_only() -> x509.KeyUsage:
    other = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    unused = dict.fromkeys((*other, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(key_cert_sign=True, crl_sign=True, **unused)
