"""A hosted zone of Route 53, managed outside of this runbook."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_look
from ..aws.snapshot import ApiObject, Snapshot
from ..errors import ParamsError
from .base import ExternalResource, Ids, Observed, kind


@kind
class HostedZone(ExternalResource):
    """The public zone with a domain's records; its id is Route 53's.

    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """

    known_as: str

    needs = (to_look("route53:GetHostedZone", on="route53:hostedzone/{self.known_as}"),)

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the zone up by its id.

        Raises:
            ParamsError: It is a private zone, whose records nobody outside can see.
        """
        response = snapshot.get("route53", "get_hosted_zone", missing="NoSuchHostedZone", Id=self.known_as)
        if response is None:
            return None
        zone = response["HostedZone"]
        if zone.get("Config", {}).get("PrivateZone"):
            raise ParamsError(
                f"{self.key}: {self.known_as} is a private zone of {zone['Name'].rstrip('.')}: neither ACM nor users"
                " can see its records.",
                fix="Write the id of the domain's public zone into compute.certificate.hosted_zone.",
            )
        return Observed(self.known_as, {}, status="given", detail={"domain": zone["Name"].rstrip(".")})


def record(snapshot: Snapshot, zone: str, name: str, type_: str) -> ApiObject | None:
    """One record of a zone; ``None`` when there is none.  Names are compared without case and final dot."""
    for record_set in snapshot.all("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone):
        if record_set["Type"] == type_ and bare(record_set["Name"]) == bare(name):
            return record_set
    return None


def bare(name: str) -> str:
    """A domain name in lower case, without its final dot."""
    return name.rstrip(".").lower()


def change(aws: Aws, zone: str, action: str, record_set: ApiObject) -> None:
    """Change one record atomically."""
    changes = {"Comment": f"runbook {aws.env}", "Changes": [{"Action": action, "ResourceRecordSet": record_set}]}
    aws.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)
