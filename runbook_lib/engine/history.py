"""Who wrote to a thing last, and when: the event history of CloudTrail.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC
from itertools import takewhile
from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import ApiObject
from ..errors import NoAccess, RequestRejected
from ..resources.base import Resource

GLOBAL_REGION = "us-east-1"
"""Where CloudTrail records the events of services that are in no region.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
"""
NOTHING = "CloudTrail has nothing about it: older than 90 days, or within the last 15 minutes"
"""https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html."""
MOST = 3
"""How many writes are told of a thing."""
_GLOBAL = ("iam", "route53")
_SOURCES = {"cloudwatch": "monitoring"}
_DENIED = re.compile(r"AccessDenied|Unauthorized")


@dataclass(frozen=True)
class Write:
    """A call that wrote to a thing, by CloudTrail.

    Args:
        event: The operation, e.g. ``CreateRoute``.
        on: The name under which CloudTrail has it.
        by: The caller's ARN.
        at: When, e.g. ``2026-11-29 06:36:51 UTC``.
        run: The run of this runbook that made it; empty when it was something else.
    """

    event: str
    on: str
    by: str
    at: str
    run: str = ""

    def __str__(self) -> str:
        return f"{self.event} by {self.by}{f' (run {self.run})' if self.run else ''} at {self.at}"


@dataclass(frozen=True)
class Answer:
    """The last writes to a thing, the newest first; or why they are not known."""

    writes: tuple[Write, ...] = ()
    unknown: str = ""


class History:
    """Asks CloudTrail for the last writes; once it has refused, it is not asked again.

    Args:
        connect: Returns the client of a region.
    """

    def __init__(self, connect: Callable[[str], Aws], region: str) -> None:
        self._connect, self._region = connect, region
        self._clients: dict[str, Aws] = {}
        self._refused = ""

    def last_writes(self, names: Iterable[str], resource: Resource | None = None) -> Answer:
        """The last writes of others to a thing, since the last one of ours; ours, when nobody else wrote since.

        Args:
            names: What CloudTrail may call it; the first one that others wrote to counts.
            resource: Says which service has its events, and in which region.
        """
        service = _service_of(resource)
        region = GLOBAL_REGION if service in _GLOBAL else self._region
        ours: tuple[Write, ...] = ()
        for name in dict.fromkeys(filter(None, names)):
            if self._refused:
                break
            events = [event for event in self._look_up(region, name) if _is_of(event, service)]
            writes = [write for event in events if (write := _read_event(event, name))]
            if others := tuple(takewhile(lambda write: not write.run, writes)):
                return Answer(others[:MOST])
            ours = ours or tuple(writes[:1])
        return Answer(ours) if ours else Answer(unknown=self._refused or NOTHING)

    def _look_up(self, region: str, name: str) -> list[ApiObject]:
        """The events that name it, the newest first; two such calls a second are allowed, and botocore waits."""
        if region not in self._clients:
            self._clients[region] = self._connect(region)
        wanted = [{"AttributeKey": "ResourceName", "AttributeValue": name}]
        try:
            return list(self._clients[region].cloudtrail.lookup_events(LookupAttributes=wanted)["Events"])
        except (NoAccess, RequestRejected) as error:
            denied = _DENIED.search(error.code)
            self._refused = "no permission for cloudtrail:LookupEvents" if denied else error.what.partition("\n")[0]
            return []


def _service_of(resource: Resource | None) -> str:
    """The service that has its events, by IAM's name; empty when it is not known."""
    return next((need.actions[0].partition(":")[0] for need in resource.needs[:1]), "") if resource else ""


def _is_of(event: ApiObject, service: str) -> bool:
    """Whether an event is of the service: names are unique only within one."""
    return not service or event.get("EventSource") == f"{_SOURCES.get(service, service)}.amazonaws.com"


def _read_event(event: ApiObject, on: str) -> Write | None:
    """One event; ``None`` when it wrote nothing."""
    details: dict[str, Any] = json.loads(event.get("CloudTrailEvent") or "{}")
    if event.get("ReadOnly") == "true" or details.get("errorCode"):
        return None
    caller = details.get("userIdentity", {})
    by = caller.get("arn") or caller.get("invokedBy") or event.get("Username") or "an AWS service"
    ours = re.search(r"\brunbook/1 run/(\S+)", details.get("userAgent", ""))
    at = f"{event['EventTime'].astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return Write(event["EventName"], on, str(by), at, ours[1] if ours else "")
