"""What a server's tools accept from the database."""

import ssl
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from runbook_lib.params.regions import ROOTS
from runbook_lib.stacks.application.server import tools
from tests.support.handshakes import ADDRESS, handshake, issue_lax
from tests.support.servers import Authority


def test_the_databases_certificate_is_verified_strictly(tmp_path):
    """On each Python: from 3.13 on it is the default."""
    proper = Authority(tmp_path)
    handshake(tools._trust(str(proper.ca)), proper.certificate, proper.key)
    ca, certificate, key = issue_lax(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="Missing Authority Key Identifier"):
        handshake(tools._trust(str(ca)), certificate, key)
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        handshake(tools._trust(str(proper.ca)), proper.certificate, proper.key, "127.0.0.2")


def test_each_of_amazons_roots_passes_strict_verification(tmp_path):
    """A root that lacked an extension would end every connection. Only Amazon has their keys: these are look-alikes."""
    ca, certificate, key = tmp_path / "ca.pem", tmp_path / "server.pem", tmp_path / "server.key"
    roots = x509.load_pem_x509_certificates(ROOTS.read_bytes())
    assert len(roots) > 80
    signer = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    tools._trust(str(ROOTS))
    for root in roots:
        ca.write_bytes(sign_like(root, signer).public_bytes(Encoding.PEM))
        certificate.write_bytes(issue(root, signer).public_bytes(Encoding.PEM))
        handshake(tools._trust(str(ca)), certificate, key)


def sign_like(root, signer):
    """Return the root with another key."""
    assert root.issuer == root.subject
    builder = x509.CertificateBuilder(
        root.issuer, root.subject, signer.public_key(), root.serial_number,
        root.not_valid_before_utc, root.not_valid_after_utc,
    )  # fmt: skip
    for extension in root.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectKeyIdentifier):
            value = x509.SubjectKeyIdentifier.from_public_key(signer.public_key())
        builder = builder.add_extension(value, extension.critical)
    return builder.sign(signer, SHA256())


def issue(root, signer):
    """Return a server's certificate of this root."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, ADDRESS)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(ADDRESS))])
    return (
        x509.CertificateBuilder(
            root.subject, subject, signer.public_key(), x509.random_serial_number(),
            root.not_valid_before_utc, root.not_valid_after_utc,
        )
        .add_extension(names, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, SHA256())
    )  # fmt: skip
