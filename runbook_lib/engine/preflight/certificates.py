"""Whether the certificate that a plan uses is issued, and the hosted zone is public, ours, and that of the domain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...resources.base import Observed, ObservedState
from ...resources.certificate import GivenCertificate
from ...resources.hosted_zone import HostedZone, bare
from ...resources.listener import Listener
from ...resources.requested_certificate import RequestedCertificate
from ...stacks.stack import in_order
from ..plan import Change
from .row import FAILED, PASSED, Prerequisite

_CERTIFICATE_FIX = "Have it issued or renewed by its owner, or write another one in compute.certificate.arn in params/."
_ZONE_FIX = "Write the id of the domain's public zone in this account in compute.certificate.hosted_zone in params/."


def check_certificates(observed_state: ObservedState, changes: Iterable[Change]) -> Iterator[Prerequisite]:
    """Check what the changes use, as the plan has observed it.

    Args:
        observed_state: Of the stacks of the changes, with what they depend on.
    """
    changes = tuple(changes)
    used = in_order(change.resource for change in changes)
    refused = {change.resource.certificate: change for change in changes if isinstance(change.resource, Listener)}
    domains = [resource.domain for resource in used if isinstance(resource, RequestedCertificate)]
    for resource in used:
        if isinstance(resource, GivenCertificate) and resource in refused:
            yield _check_certificate(resource, observed_state.get(resource), refused[resource])
        elif isinstance(resource, HostedZone):
            yield _check_zone(resource, observed_state.get(resource), domains)


def _check_certificate(resource: GivenCertificate, observed: Observed | None, change: Change) -> Prerequisite:
    name, arn = f"certificate: {resource.key}", resource.known_as
    if observed is None:
        return Prerequisite(name, FAILED, f"{arn} does not exist", _CERTIFICATE_FIX)
    if change.refusal:
        return Prerequisite(name, FAILED, change.refusal.reason, change.refusal.fix)
    if not observed.ready:
        return Prerequisite(name, FAILED, f"{arn} is {observed.failed or observed.status}", _CERTIFICATE_FIX)
    return Prerequisite(name, PASSED, f"{arn} is issued, for {observed.detail['domain']}")


def _check_zone(resource: HostedZone, observed: Observed | None, domains: list[str]) -> Prerequisite:
    """GetHostedZone knows the zones of this account only, and a private one stops the survey."""
    name, zone = f"hosted zone: {resource.key}", resource.known_as
    if observed is None:
        return Prerequisite(name, FAILED, f"{zone} does not exist in this account", _ZONE_FIX)
    apex = bare(str(observed.detail["domain"]))
    outside = [domain for domain in domains if bare(domain) != apex and not bare(domain).endswith(f".{apex}")]
    if outside:
        return Prerequisite(name, FAILED, f"{zone} is the zone of {apex}, which {outside[0]} is not in", _ZONE_FIX)
    return Prerequisite(name, PASSED, f"{zone} is the public zone of {apex} in this account")
