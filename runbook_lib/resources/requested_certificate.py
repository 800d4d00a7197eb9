"""A certificate that ACM issues."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, kind
from .certificate import Certificate, find_arn


@kind
class RequestedCertificate(Certificate):
    """Issued when DNS validates the domain, and renewed by ACM while it does."""

    domain: str

    immutable = frozenset({"domain"})
    wait_timeout = 3600
    usual_wait = "1 to 9 min"  # 89-532 s; at once when its record is there already

    needs = (
        *Certificate.needs,
        to_apply("acm:RequestCertificate"),
        to_apply("acm:AddTagsToCertificate", on="acm:certificate/*"),
    )

    def arn(self, snapshot: Snapshot) -> str | None:
        """Find the ARN of the domain's certificate with our tags."""
        return find_arn(snapshot, self, self.domain)

    def state(self, description: ApiObject) -> dict[str, Any]:
        """Return the domain."""
        return {"domain": description["DomainName"]}

    def create(self, aws: Aws, ids: Ids) -> None:
        """Request a certificate that a DNS record validates."""
        aws.acm.request_certificate(
            DomainName=self.domain,
            ValidationMethod="DNS",
            IdempotencyToken=aws.token(self, self.domain),
            Tags=aws.tags(self),
        )
