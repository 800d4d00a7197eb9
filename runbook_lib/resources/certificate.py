"""What all certificates in ACM have in common, and one that is there already."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import ApiObject, Snapshot, at_most_one, tags_of
from .base import ExternalResource, Ids, Observed, Resource, kind

# Without this, AWS lists RSA keys of 1024 and 2048 bits only.
# https://docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html
_ALL = {"keyTypes": ["RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]}
_NEVER = {"FAILED", "VALIDATION_TIMED_OUT", "REVOKED", "EXPIRED", "INACTIVE"}


@kind
class Certificate(Resource):
    """A certificate that a listener can present once it is issued; its id is its ARN."""

    eventual_errors = frozenset({"RequestInProgressException", "InvalidArnException"})

    @abstractmethod
    def arn(self, snapshot: Snapshot) -> str | None:
        """Its ARN, when it exists."""

    @abstractmethod
    def state(self, found: ApiObject) -> dict[str, Any]:
        """Its comparable fields, from what AWS describes."""

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        arn = self.arn(snapshot)
        found = arn and snapshot.get(
            "acm", "describe_certificate", missing="ResourceNotFoundException", CertificateArn=arn
        )
        if not found:
            return None
        certificate = found["Certificate"]
        status = certificate["Status"]
        return Observed(
            certificate["CertificateArn"],
            self.state(certificate),
            ready=status == "ISSUED",
            status=status.lower().replace("_", " "),
            failed=f"{status} {certificate.get('FailureReason', '')}".strip() if status in _NEVER else "",
            detail={
                "domain": certificate["DomainName"],
                "until": str(certificate.get("NotAfter", "")),
                "validation": validation(certificate),
            },
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        aws.acm.delete_certificate(CertificateArn=observed.id)


@kind
class GivenCertificate(ExternalResource, Certificate):
    """One that somebody else keeps."""

    known_as: str

    def desired(self, ids: Ids) -> dict[str, Any]:
        return {"known_as": self.known_as}

    def arn(self, snapshot: Snapshot) -> str | None:
        return self.known_as

    def state(self, found: ApiObject) -> dict[str, Any]:
        return {"known_as": found["CertificateArn"]}


def validation(certificate: ApiObject) -> dict[str, str]:
    """The DNS record that proves the domain is ours; empty until ACM has made it up."""
    for option in certificate.get("DomainValidationOptions", []):
        if "ResourceRecord" in option:
            return {"name": option["ResourceRecord"]["Name"], "value": option["ResourceRecord"]["Value"]}
    return {}


def ours(snapshot: Snapshot, resource: Resource, domain: str) -> str | None:
    """The ARN of the certificate of that domain that carries the resource's tags."""
    listed = snapshot.all("acm", "list_certificates", "CertificateSummaryList", Includes=_ALL)
    same = [found["CertificateArn"] for found in listed if found["DomainName"] == domain]
    owned = [{"arn": arn} for arn in same if _tags(snapshot, arn).get(snapshot.aws.KEY) == resource.key]
    found = at_most_one(owned, resource)
    return found["arn"] if found else None


def _tags(snapshot: Snapshot, arn: str) -> dict[str, str]:
    # ACM tells the tags of one certificate at a time.
    gone = "ResourceNotFoundException"
    tags = tags_of(snapshot.get("acm", "list_tags_for_certificate", missing=gone, CertificateArn=arn) or {})
    return tags if tags.get(snapshot.aws.ENV) == snapshot.aws.env else {}
