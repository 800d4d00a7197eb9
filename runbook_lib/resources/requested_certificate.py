"""A certificate that ACM issues for a domain of ours."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, kind
from .certificate import Certificate, ours


@kind
class RequestedCertificate(Certificate):
    """Issued once DNS proves that the domain is ours; renewed by ACM for as long as it does."""

    domain: str

    immutable = frozenset({"domain"})
    wait_timeout = 3600

    def arn(self, snapshot: Snapshot) -> str | None:
        return ours(snapshot, self, self.domain)

    def state(self, found: ApiObject) -> dict[str, Any]:
        return {"domain": found["DomainName"]}

    def create(self, aws: Aws, ids: Ids) -> None:
        aws.acm.request_certificate(
            DomainName=self.domain,
            ValidationMethod="DNS",
            IdempotencyToken=aws.token(self, self.domain),
            Tags=aws.tags(self),
        )
