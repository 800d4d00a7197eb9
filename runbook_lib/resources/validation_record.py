"""The DNS record by which ACM validates a domain."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_look
from ..aws.snapshot import ApiObject, Snapshot
from ..errors import RequestRejected
from .base import Ids, Observed, Resource, kind
from .certificate import validation
from .hosted_zone import HostedZone, bare, change, record
from .requested_certificate import RequestedCertificate


@kind
class ValidationRecord(Resource):
    """Validates the domain, now and at each renewal.

    All certificates of an account for one domain share this record, so a destroy keeps it.
    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """

    zone: HostedZone
    certificate: RequestedCertificate

    eventual_errors = frozenset({"NotYet", "PriorRequestNotComplete"})

    needs = (
        to_look("acm:DescribeCertificate", on="acm:certificate/*"),
        to_look("route53:ListResourceRecordSets", on="route53:hostedzone/{self.zone.known_as}"),
        to_apply("route53:ChangeResourceRecordSets", on="route53:hostedzone/{self.zone.known_as}"),
    )

    @property
    def retain(self) -> str:
        """Keep the record always: other certificates of the domain need it, too."""
        return "other certificates for the domain are renewed by it"

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect that the record proves our certificate."""
        return {"proves": super().desired(ids)["certificate"]}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the record that ACM asks for; ``None`` while ACM has not named it, or the zone lacks it."""
        if self.certificate not in ids or self.zone not in ids:
            return None
        wanted = _wanted(snapshot.get("acm", "describe_certificate", CertificateArn=ids[self.certificate]))
        record_set = record(snapshot, ids[self.zone], wanted["name"], "CNAME") if wanted else None
        if record_set is None:
            return None
        value = next((each["Value"] for each in record_set["ResourceRecords"]), "")
        proves = ids[self.certificate] if bare(value) == bare(wanted["value"]) else value
        return Observed(record_set["Name"], {"proves": proves})

    def create(self, aws: Aws, ids: Ids) -> None:
        """Write the record that ACM asks for.

        Raises:
            RequestRejected: ACM has not named it yet; this may be tried again.
        """
        wanted = _wanted(aws.acm.describe_certificate(CertificateArn=ids[self.certificate]))
        if not wanted:
            raise RequestRejected(
                "ACM has not created the validation record yet.",
                fix="Run this again.",
                code="NotYet",
                retryable=True,
            )
        values = [{"Value": wanted["value"]}]
        change(
            aws, ids[self.zone], "UPSERT",
            {"Name": wanted["name"], "Type": "CNAME", "TTL": 300, "ResourceRecords": values},
        )  # fmt: skip

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Write the record again: the same call replaces it."""
        self.create(aws, ids)  # the same call replaces it

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Never called: the record is retained."""


def _wanted(described: ApiObject | None) -> dict[str, str]:
    return validation(described["Certificate"]) if described else {}
