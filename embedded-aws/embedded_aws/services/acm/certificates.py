"""Certificates: issued when their DNS records exist, kept while in use, listed by key type."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from moto.acm.models import AWSCertificateManagerBackend, CertBundle
from moto.core.utils import utcnow

from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.ticker import run_each

DEFAULT_KEY_TYPES = ["RSA_1024", "RSA_2048"]
PENDING = "PENDING_VALIDATION"
FIELDS_OF_ISSUED = ("IssuedAt", "NotBefore", "NotAfter", "Serial")


def tick() -> bool:
    """Issue the pending certificates whose records exist; return whether any was issued."""
    certificates = [certificate for acm in backends.existing("acm") for certificate in acm._certificates.values()]
    return run_each([certificate for certificate in certificates if certificate.status == PENDING], _try_to_issue)


def _try_to_issue(certificate: Any) -> bool:
    certificate.check()
    return bool(certificate.status != PENDING)


@patch(CertBundle, "check")
def check(moto: Method, certificate: Any) -> None:
    """Issue a requested certificate when the CNAME records of all its domains exist, and not before.

    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """
    pending = certificate.status == PENDING
    if pending and not (_has_records(certificate) and _validation_delay_is_over(certificate)):
        return
    moto(certificate)
    if pending and certificate.status == "ISSUED":
        certificate.issued_at = utcnow()


@patch(CertBundle, "describe")
def describe(moto: Method, certificate: Any) -> dict[str, Any]:
    """Remove the dates of a pending certificate, and describe the validation status of each domain.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
    """
    result: dict[str, Any] = moto(certificate)
    detail = result["Certificate"]
    detail["CreatedAt"] = certificate.created_at
    detail["KeyUsages"] = [{"Name": "DIGITAL_SIGNATURE"}, {"Name": "KEY_ENCIPHERMENT"}]
    if issued := vars(certificate).get("issued_at"):
        detail["IssuedAt"] = issued
    if certificate.status == PENDING:
        for field in FIELDS_OF_ISSUED:
            detail.pop(field, None)
        for option in detail.get("DomainValidationOptions", []):
            option["ValidationStatus"] = "SUCCESS" if _record_exists(option["ResourceRecord"]) else PENDING
    return result


def _has_records(certificate: Any) -> bool:
    return all(_record_exists(record) for record in _validation_records(certificate).values())


def _validation_delay_is_over(certificate: Any) -> bool:
    """Return whether the time is over that ACM needs, at the current pace, to find the records."""
    if pacing.ATTRIBUTE not in vars(certificate):
        pacing.start(certificate, PENDING, "certificate_validation")
    return not pacing.transitional_state(certificate)


def _validation_records(certificate: Any) -> dict[str, dict[str, str]]:
    """Return the validation record of each domain."""
    detail = certificate.describe()["Certificate"]
    return {option["DomainName"]: option["ResourceRecord"] for option in detail.get("DomainValidationOptions", [])}


def _record_exists(record: dict[str, str]) -> bool:
    expected = (_normalize(record["Name"]), _normalize(record["Value"]))
    zones = [zone for zone in backends.backend("route53").zones.values() if not zone.private_zone]
    record_sets = [record_set for zone in zones for record_set in zone.rrsets if record_set.type == record["Type"]]
    return expected in [(_normalize(one.name), _normalize(value)) for one in record_sets for value in one.records]


def _normalize(name: str) -> str:
    return name.lower().rstrip(".")


def _in_use_by(certificate: Any) -> list[str]:
    """Return the ARNs of the load balancers with a listener that uses the certificate.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html (InUseBy)
    """
    balancers = backends.backend("elbv2", certificate.arn.split(":")[3]).load_balancers.values()
    return [
        balancer.arn
        for balancer in balancers
        if any(certificate.arn in listener.certificates for listener in balancer.listeners.values())
    ]


def _ignore_assignment(certificate: Any, value: list[str]) -> None:
    """Ignore moto's list of users, which never shrinks."""


CertBundle.in_use_by = property(_in_use_by, _ignore_assignment)


@patch(AWSCertificateManagerBackend, "delete_certificate")
def delete_certificate(moto: Method, acm: Any, arn: str) -> None:
    """Reject the deletion of a certificate in use; forget the idempotency token of a deleted one.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_DeleteCertificate.html
    """
    certificate = acm._certificates.get(arn)
    if certificate and certificate.in_use_by:
        raise ServiceError("ResourceInUseException", f"Certificate {arn} in account {acm.account_id} is in use.")
    moto(acm, arn)
    acm._idempotency_tokens = {token: known for token, known in acm._idempotency_tokens.items() if known["arn"] != arn}


@patch(AWSCertificateManagerBackend, "import_certificate")
def import_certificate(moto: Method, acm: Any, certificate: bytes, private_key: bytes, **params: Any) -> str:
    """ "The private key must match the public key in the certificate".

    https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html
    """
    if not _key_matches(certificate, private_key):
        raise ServiceError("ValidationException", "The private key does not match the public key in the certificate.")
    return str(moto(acm, certificate, private_key, **params))


def _key_matches(certificate: bytes, private_key: bytes) -> bool:
    """Return whether the key belongs to the certificate; True for unreadable input, which moto rejects."""
    try:
        public = load_pem_x509_certificate(certificate).public_key()
        return public == load_pem_private_key(private_key, None).public_key()
    except (ValueError, TypeError):
        return True


@patch(AWSCertificateManagerBackend, "request_certificate")
def request_certificate(moto: Method, acm: Any, domain: str, token: str | None, *rest: Any) -> str:
    """Return the existing certificate for a token that was used within the last hour, whatever the tags.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html (IdempotencyToken)
    """
    known = acm._get_arn_from_idempotency_token(token) if token else None
    if known:
        return str(known)
    certificate = acm._certificates[moto(acm, domain, token, *rest)]
    if certificate.status == PENDING and _has_records(certificate):
        vars(certificate)[pacing.ATTRIBUTE] = None  # an earlier certificate's records exist: no validation delay
    return str(certificate.arn)


@patch(AWSCertificateManagerBackend, "list_certificates")
def list_certificates(moto: Method, acm: Any, statuses: list[str], includes: dict[str, Any] | None) -> Any:
    """List only RSA certificates of up to 2048 bits, unless the request filters by key type.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_Filters.html (keyTypes)
    """
    return moto(acm, statuses, {"keyTypes": DEFAULT_KEY_TYPES, **(includes or {})})
