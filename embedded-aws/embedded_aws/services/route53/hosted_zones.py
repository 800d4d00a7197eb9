"""Hosted zones: created once per caller reference, and changed in batches that apply fully or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from moto.route53.models import HostedZoneIdentifier, Route53Backend
from moto.route53.responses import Route53

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError


@patch(HostedZoneIdentifier, "generate")
def generate(moto: Method, identifier: Any, *args: Any, **params: Any) -> str:
    """Return an id that begins with Z.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZone.html (the example)
    """
    return f"Z{moto(identifier, *args, **params)[1:]}"


@patch(Route53Backend, "create_hosted_zone")
def create_hosted_zone(moto: Method, route53: Any, name: str, *args: Any, **params: Any) -> Any:
    """Require a valid name, and a caller reference that no existing zone has.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html (HostedZoneAlreadyExists)
    """
    reference = params.get("caller_reference")
    if reference and any(zone.caller_reference == reference for zone in route53.zones.values()):
        reason = "A hosted zone has already been created with the specified caller reference."
        raise ServiceError("HostedZoneAlreadyExists", reason)
    labels = name.rstrip(".").split(".")
    if any(not label or len(label) > 63 or " " in label for label in labels) or len(name) > 255:
        raise ServiceError("InvalidDomainName", f"{name} is not a valid domain name")
    return moto(route53, name, *args, **params)


@patch(Route53, "create_hosted_zone")
def create_zone_of_vpc(moto: Method, request: Any) -> Any:
    """Make a zone private when it is created for a VPC, whether or not the request says so.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html (VPC)
    """
    result = moto(request)
    zone, vpc = result.result["HostedZone"], request._get_param("VPC.VPCId")
    if vpc and not zone.private_zone:
        zone.private_zone = True
        zone.add_vpc(vpc, request._get_param("VPC.VPCRegion"))
    return result


@patch(Route53Backend, "change_resource_record_sets")
def change_resource_record_sets(moto: Method, route53: Any, zone_id: str, changes: list[dict[str, Any]]) -> None:
    """Validate all changes of a batch before the first one is made.

    "either all or none of the changes in a batch are made":
    https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html (InvalidChangeBatch)
    """
    zone = route53.get_hosted_zone(zone_id)
    if problems := [
        reason for change in changes for reason in _problems(zone, change["Action"], change["ResourceRecordSet"])
    ]:
        raise ServiceError("InvalidChangeBatch", f"[{', '.join(problems)}]")
    moto(route53, zone_id, changes)


def _problems(zone: Any, action: str, record: dict[str, Any]) -> Iterator[str]:
    name, kind = f"{record['Name'].rstrip('.').lower()}.", record["Type"]
    description = f"resource record set [name='{name}', type='{kind}']"
    identity = record.get("SetIdentifier")
    same = [
        rrset
        for rrset in zone.rrsets
        if (f"{rrset.name.rstrip('.').lower()}.", rrset.type, rrset.set_identifier) == (name, kind, identity)
    ]
    if not f".{name}".endswith(f".{zone.name.lower().rstrip('.')}."):
        yield f"RRSet with DNS name {name} is not permitted in zone {zone.name}"
    elif action == "CREATE" and same:
        yield f"Tried to create {description} but it already exists"
    elif action == "DELETE" and not same:
        yield f"Tried to delete {description} but it was not found"
    elif action == "DELETE" and not _matches(same[0], record):
        yield f"Tried to delete {description} but the values provided do not match the current values"
    if action != "DELETE" and kind == "A":
        for value in [one["Value"] for one in record.get("ResourceRecords") or [] if _is_invalid_address(one["Value"])]:
            problem = "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
            yield f"Invalid Resource Record: 'FATAL problem: {problem} encountered with '{value}''"


def _matches(rrset: Any, record: dict[str, Any]) -> bool:
    values = {value["Value"] for value in record.get("ResourceRecords") or []}
    alias = (record.get("AliasTarget") or {}).get("DNSName", "")
    present = (rrset.alias_target or {}).get("DNSName", "")
    same = (set(rrset.records or []), present.rstrip(".").lower()) == (values, alias.rstrip(".").lower())
    return same and str(rrset.ttl or "") == str(record.get("TTL") or "")


def _is_invalid_address(value: str) -> bool:
    try:
        return not IPv4Address(value)
    except AddressValueError:
        return True
