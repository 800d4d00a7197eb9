"""A self-signed certificate, for environments whose parameters ask for one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from ..aws.client import Aws
from ..aws.permissions import to_apply
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, kind
from .certificate import Certificate, find_arn

# The maximum that browsers accept: https://support.apple.com/en-us/102028
_VALID = timedelta(days=397)


@kind
class ImportedCertificate(Certificate):
    """Created and signed here.  Its private key goes from memory to ACM, which never returns it.

    An expired certificate is replaced under the same ARN, so listeners need no change.
    """

    domain: str

    immutable = frozenset({"domain"})
    wait_timeout = 300

    repeatable_create = False

    needs = (
        *Certificate.needs,
        to_apply("acm:AddTagsToCertificate", "acm:ImportCertificate", on="acm:certificate/*"),
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect the domain, and that the certificate has not expired."""
        return {"domain": self.domain, "expired": False}

    def arn(self, snapshot: Snapshot) -> str | None:
        """Find the ARN of the domain's certificate with our tags."""
        return find_arn(snapshot, self, self.domain)

    def state(self, description: ApiObject) -> dict[str, Any]:
        """Return the domain, and whether the certificate has expired."""
        return {"domain": description["DomainName"], "expired": description["Status"] == "EXPIRED"}

    def create(self, aws: Aws, ids: Ids) -> None:
        """Sign a certificate and import it with its key."""
        aws.acm.import_certificate(**_create_certificate(self.domain), Tags=aws.tags(self))

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Import a new certificate under the same ARN."""
        aws.acm.import_certificate(**_create_certificate(self.domain), CertificateArn=observed.id)


def _create_certificate(domain: str) -> dict[str, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    names = [x509.DNSName(domain), x509.DNSName("localhost")]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks differ
        .not_valid_after(now - timedelta(hours=1) + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"Certificate": certificate.public_bytes(serialization.Encoding.PEM), "PrivateKey": private}
