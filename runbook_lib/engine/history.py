"""Who wrote to a thing last, and when: the event history of CloudTrail.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
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
_DENIED = re.compile(r"AccessDenied|Unauthorized")


@dataclass(frozen=True)
class LastWrite:
    """The last call that wrote to a thing, by CloudTrail.

    Args:
        event: The operation, e.g. ``CreateRoute``; empty when it is not known.
        on: The name under which CloudTrail has it.
        by: The caller's ARN.
        at: When, as ISO 8601 in UTC.
        run: The run of this runbook that made it; empty when it was something else.
        unknown: Why it is not known; empty when it is.
    """

    event: str = ""
    on: str = ""
    by: str = ""
    at: str = ""
    run: str = ""
    unknown: str = ""

    def __str__(self) -> str:
        if self.unknown:
            return f"not known: {self.unknown}"
        run = f" (run {self.run})" if self.run else ""
        return f"{self.event} on {self.on} by {self.by}{run} at {self.at}"

    def as_dict(self) -> dict[str, str]:
        """The fields, for the journal."""
        return asdict(self)


class History:
    """Asks CloudTrail for the last writes; once it has refused, it is not asked again.

    Args:
        connect: Returns the client of a region.
    """

    def __init__(self, connect: Callable[[str], Aws], region: str) -> None:
        self._connect, self._region = connect, region
        self._clients: dict[str, Aws] = {}
        self._refused = ""

    def last_write(self, names: Iterable[str], resource: Resource | None = None) -> LastWrite:
        """The last write to the first of the *names* that CloudTrail knows; somebody else's rather than our own.

        Args:
            resource: Says which region has its events.
        """
        region = GLOBAL_REGION if resource and _is_global(resource) else self._region
        for name in dict.fromkeys(filter(None, names)):
            if self._refused:
                break
            writes = [*map(_read_event, self._look_up(region, name))]
            if found := [write for write in writes if write and not write.run] or [*filter(None, writes)]:
                newest = found[0]
                return LastWrite(newest.event, name, newest.by, newest.at, newest.run)
        return LastWrite(unknown=self._refused or NOTHING)

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


def _is_global(resource: Resource) -> bool:
    """Whether its service is in no region."""
    return any(need.actions[0].startswith(("iam:", "route53:")) for need in resource.needs[:1])


def _read_event(event: ApiObject) -> LastWrite | None:
    """One event; ``None`` when it wrote nothing."""
    details: dict[str, Any] = json.loads(event.get("CloudTrailEvent") or "{}")
    if event.get("ReadOnly") == "true" or details.get("errorCode"):
        return None
    caller = details.get("userIdentity", {})
    by = caller.get("arn") or caller.get("invokedBy") or event.get("Username") or "an AWS service"
    ours = re.search(r"\brunbook/1 run/(\S+)", details.get("userAgent", ""))
    at = event["EventTime"].isoformat(timespec="seconds")
    return LastWrite(event["EventName"], "", str(by), at, ours[1] if ours else "")
