"""The base of all ACM certificates, and a certificate that exists already."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from ..aws.client import Aws
from ..aws.permissions import Permission, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from .base import ExternalResource, Ids, Observed, Resource, kind
from .tagging import Tagging

# Without this, AWS lists RSA keys of 1024 and 2048 bits only.
# https://docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html
_ALL = {"keyTypes": ["RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]}
_FINAL_FAILURES = {"FAILED", "VALIDATION_TIMED_OUT", "REVOKED", "EXPIRED", "INACTIVE"}


@kind
class Certificate(Resource):
    """A certificate; it is ready when it is issued, and its id is its ARN."""

    eventual_errors = frozenset({"RequestInProgressException", "InvalidArnException"})
    if_failed = "Correct the domain or its zone. Delete the failed certificate in the console, then apply again."

    needs: ClassVar[tuple[Permission, ...]] = (
        to_look("acm:ListCertificates"),
        to_look("acm:DescribeCertificate", "acm:ListTagsForCertificate", on="acm:certificate/*"),
        to_destroy("acm:DeleteCertificate", on="acm:certificate/*"),
    )

    @abstractmethod
    def arn(self, snapshot: Snapshot) -> str | None:
        """Its ARN; ``None`` when it does not exist."""

    @abstractmethod
    def state(self, description: ApiObject) -> dict[str, Any]:
        """Its state, from AWS's description."""

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the certificate by the ARN that :meth:`arn` finds; it is ready once it is issued."""
        arn = self.arn(snapshot)
        if not arn:
            return None
        response = snapshot.get("acm", "describe_certificate", missing="ResourceNotFoundException", CertificateArn=arn)
        if response is None:
            return None
        certificate = response["Certificate"]
        status = certificate["Status"]
        return Observed(
            certificate["CertificateArn"],
            self.state(certificate),
            ready=status == "ISSUED",
            status=status.lower().replace("_", " "),
            failed=f"{status} {certificate.get('FailureReason', '')}".strip() if status in _FINAL_FAILURES else "",
            detail={
                "domain": certificate["DomainName"],
                "until": str(certificate.get("NotAfter", "")),
                "validation": validation(certificate),
            },
            tagging=None if self.external else Tagging.of("acm", arn, _read_tags(snapshot, arn)),
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the certificate; ACM refuses while a listener uses it."""
        aws.acm.delete_certificate(CertificateArn=observed.id)


@kind
class GivenCertificate(ExternalResource, Certificate):
    """A certificate that is managed outside of this runbook."""

    known_as: str

    needs = (to_look("acm:DescribeCertificate", on="{self.known_as}"),)

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect nothing but the ARN of the parameters."""
        return {"known_as": self.known_as}

    def arn(self, snapshot: Snapshot) -> str | None:
        """Return the ARN of the parameters."""
        return self.known_as

    def state(self, description: ApiObject) -> dict[str, Any]:
        """Return the ARN that ACM shows."""
        return {"known_as": description["CertificateArn"]}


def validation(certificate: ApiObject) -> dict[str, str]:
    """Name and value of the DNS record that validates the domain; empty until ACM has created it."""
    for option in certificate.get("DomainValidationOptions", []):
        if "ResourceRecord" in option:
            return {"name": option["ResourceRecord"]["Name"], "value": option["ResourceRecord"]["Value"]}
    return {}


def find_arn(snapshot: Snapshot, resource: Resource, domain: str) -> str | None:
    """The ARN of the domain's certificate with the resource's tags; ``None`` when there is none.

    A certificate has no name to describe it by, so a list is the strongest read there is.
    """
    listed = snapshot.all("acm", "list_certificates", "CertificateSummaryList", Includes=_ALL)
    # A summary lacks the domain while ACM creates the certificate, and where it cannot read it: then the tags decide.
    # https://github.com/ansible-collections/amazon.aws/issues/2405
    same = dict.fromkeys(item["CertificateArn"] for item in listed if item.get("DomainName", domain) == domain)
    tagged = [{"CertificateId": arn, **(_read_tags(snapshot, arn) or {})} for arn in same if arn]
    match = snapshot.identify(tagged, "Certificates", resource)
    return match["CertificateId"] if match else None


def _read_tags(snapshot: Snapshot, arn: str) -> ApiObject | None:
    # ACM returns the tags of one certificate per call.
    gone = "ResourceNotFoundException"
    return snapshot.get("acm", "list_tags_for_certificate", missing=gone, CertificateArn=arn)
