"""A zone of Route 53's that somebody else keeps."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.snapshot import ApiObject, Snapshot
from .base import ExternalResource, Ids, Observed, kind


@kind
class HostedZone(ExternalResource):
    """Where a domain's records live; its id is Route 53's."""

    known_as: str

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        found = snapshot.get("route53", "get_hosted_zone", missing="NoSuchHostedZone", Id=self.known_as)
        if found is None:
            return None
        zone = found["HostedZone"]
        return Observed(self.known_as, {}, status="given", detail={"domain": zone["Name"].rstrip(".")})


def record(snapshot: Snapshot, zone: str, name: str, type_: str) -> ApiObject | None:
    """One record of a zone; names compare without their last dot and their case."""
    for found in snapshot.all("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone):
        if found["Type"] == type_ and bare(found["Name"]) == bare(name):
            return found
    return None


def bare(name: str) -> str:
    """A domain name as it compares."""
    return name.rstrip(".").lower()


def change(aws: Aws, zone: str, action: str, record_set: ApiObject) -> None:
    """Change one record; Route 53 takes all of a change or none of it."""
    changes = {"Comment": f"runbook {aws.env}", "Changes": [{"Action": action, "ResourceRecordSet": record_set}]}
    aws.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)
