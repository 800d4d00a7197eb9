"""Certificates: issued when their DNS record is there, kept while in use, listed as ACM lists them."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from moto.acm.models import AWSCertificateManagerBackend, CertBundle
from moto.core.utils import utcnow

from embedded_aws import pacing
from embedded_aws.account import backends as world
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.ticker import run_each

LISTED = ["RSA_1024", "RSA_2048"]
PENDING = "PENDING_VALIDATION"
NOT_YET = ("IssuedAt", "NotBefore", "NotAfter", "Serial")


def tick() -> bool:
    """Issue what has its records; returns whether anything was."""
    found = [one for acm in world.existing("acm") for one in acm._certificates.values() if one.status == PENDING]
    return run_each(found, _is_issued)


def _is_issued(certificate: Any) -> bool:
    certificate.check()
    return bool(certificate.status != PENDING)


@patch(CertBundle, "check")
def check(moto: Method, certificate: Any) -> None:
    """A requested certificate is issued when the CNAME records of all its domains exist, and not before.

    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """
    pending = certificate.status == PENDING
    if pending and not (_proven(certificate) and _looked_up(certificate)):
        return
    moto(certificate)
    if pending and certificate.status == "ISSUED":
        certificate.issued_at = utcnow()


@patch(CertBundle, "describe")
def describe(moto: Method, certificate: Any) -> dict[str, Any]:
    """What is not issued has no dates, and each domain its own state.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
    """
    answer: dict[str, Any] = moto(certificate)
    detail = answer["Certificate"]
    if issued := vars(certificate).get("issued_at"):
        detail["IssuedAt"] = issued
    if certificate.status == PENDING:
        for field in NOT_YET:
            detail.pop(field, None)
        for option in detail.get("DomainValidationOptions", []):
            option["ValidationStatus"] = "SUCCESS" if _exists(option["ResourceRecord"]) else PENDING
    return answer


def _proven(certificate: Any) -> bool:
    return all(_exists(record) for record in _records(certificate).values())


def _looked_up(certificate: Any) -> bool:
    """Whether ACM, at the present pace, has had the time to find the records."""
    if pacing.ATTRIBUTE not in vars(certificate):
        pacing.start(certificate, PENDING, "certificate_validation")
    return not pacing.transitional_state(certificate)


def _records(certificate: Any) -> dict[str, dict[str, str]]:
    """The record that each domain is validated by."""
    detail = certificate.describe()["Certificate"]
    return {option["DomainName"]: option["ResourceRecord"] for option in detail.get("DomainValidationOptions", [])}


def _exists(record: dict[str, str]) -> bool:
    wanted = (_bare(record["Name"]), _bare(record["Value"]))
    zones = [zone for zone in world.backend("route53").zones.values() if not zone.private_zone]
    aliases = [found for zone in zones for found in zone.rrsets if found.type == record["Type"]]
    return wanted in [(_bare(found.name), _bare(value)) for found in aliases for value in found.records]


def _bare(name: str) -> str:
    return name.lower().rstrip(".")


def _in_use_by(certificate: Any) -> list[str]:
    """The load balancers with a listener that presents it.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html (InUseBy)
    """
    balancers = world.backend("elbv2", certificate.arn.split(":")[3]).load_balancers.values()
    return [
        balancer.arn
        for balancer in balancers
        if any(certificate.arn in listener.certificates for listener in balancer.listeners.values())
    ]


def _ignore(certificate: Any, value: list[str]) -> None:
    """moto writes down users, and never that one has gone."""


CertBundle.in_use_by = property(_in_use_by, _ignore)


@patch(AWSCertificateManagerBackend, "delete_certificate")
def delete_certificate(moto: Method, acm: Any, arn: str) -> None:
    """Not while a load balancer presents it; the token that it was requested with may be used again.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_DeleteCertificate.html
    """
    certificate = acm._certificates.get(arn)
    if certificate and certificate.in_use_by:
        raise ServiceError("ResourceInUseException", f"Certificate {arn} in account {acm.account_id} is in use.")
    moto(acm, arn)
    acm._idempotency_tokens = {token: known for token, known in acm._idempotency_tokens.items() if known["arn"] != arn}


@patch(AWSCertificateManagerBackend, "import_certificate")
def import_certificate(moto: Method, acm: Any, certificate: bytes, private_key: bytes, **sent: Any) -> str:
    """ "The private key must match the public key in the certificate."

    https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html
    """
    if not _belong(certificate, private_key):
        raise ServiceError("ValidationException", "The private key does not match the public key in the certificate.")
    return str(moto(acm, certificate, private_key, **sent))


def _belong(certificate: bytes, private_key: bytes) -> bool:
    """What is not a certificate, or not a key, is for moto to refuse."""
    try:
        public = load_pem_x509_certificate(certificate).public_key()
        return public == load_pem_private_key(private_key, None).public_key()
    except (ValueError, TypeError):
        return True


@patch(AWSCertificateManagerBackend, "request_certificate")
def request_certificate(moto: Method, acm: Any, domain: str, token: str | None, *rest: Any) -> str:
    """The same token within an hour is the same request, whatever the tags.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html (IdempotencyToken)
    """
    known = acm._get_arn_from_idempotency_token(token) if token else None
    if known:
        return str(known)
    certificate = acm._certificates[moto(acm, domain, token, *rest)]
    if certificate.status == PENDING and _proven(certificate):
        vars(certificate)[pacing.ATTRIBUTE] = None  # an earlier request has created the records: no wait
    return str(certificate.arn)


@patch(AWSCertificateManagerBackend, "list_certificates")
def list_certificates(moto: Method, acm: Any, statuses: list[str], includes: dict[str, Any] | None) -> Any:
    """Without a filter by key types only RSA certificates of up to 2048 bits are listed.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_Filters.html (keyTypes)
    """
    return moto(acm, statuses, {"keyTypes": LISTED, **(includes or {})})
