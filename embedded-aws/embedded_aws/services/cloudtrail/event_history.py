"""The event history: calls that wrote something, by the names of what they name.

AWS shows an event up to 15 minutes after its call, here it is there at once.  Which resources an event has differs by
service and is not documented; here it has those that a request names by an id, a name or an ARN, and new ids of its
answer.  Values of requests are not kept: they may be secret.
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import uuid4

from moto.cloudtrail.responses import CloudTrailResponse

from embedded_aws.account import backends
from embedded_aws.authorization.principal import InvalidCredentialsError, access_key_of, is_of_role, principal_of
from embedded_aws.authorization.requested import PREFIXES
from embedded_aws.error_responses import operation_of, service_of
from embedded_aws.patching import add_method, attach_dict
from embedded_aws.settings import REGION

KEPT = 2000
"""How many events are kept: the newest."""
READS = ("Describe", "Get", "List", "BatchGet", "Filter", "Head", "Lookup", "Search", "Simulate")
# The data plane is in no event history: objects, log lines, measurements, messages.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
DATA = re.compile(
    r".*Objects?|.*LogEvents|PutMetricData|Invoke|Publish|SendMessage.*|UpdateInstanceInformation|.*Upload"
)
NAMED = re.compile(r".*(Name|Id|Ids|Arn|ARN|Arns|Identifier|Resources?)(\.member)?(\.\d+)?", re.IGNORECASE)
NEW_ID = re.compile(r"\b[a-z]+-[0-9a-f]{17}\b|arn:aws:[\w:/.-]+")


def record(environ: dict[str, Any], answer: bytes) -> None:
    """Add a call that has succeeded; the lock of the account is held."""
    body = environ["wsgi.input"].getvalue()
    service = service_of(environ)
    operation = operation_of(environ, service, body)
    if operation.startswith(READS) or DATA.fullmatch(operation) or " " in operation:
        return
    names = {*_named(environ, body), *NEW_ID.findall(answer[:20_000].decode(errors="replace"))}
    events = _events()
    events.append(_event(environ, service, operation, sorted(names)))
    del events[:-KEPT]


def _events() -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = attach_dict(backends.backend("cloudtrail"), "events").setdefault(
        backends.current_account(), []
    )
    return kept


def _event(environ: dict[str, Any], service: str, operation: str, names: list[str]) -> dict[str, Any]:
    caller, now, source = _caller(environ), time.time(), f"{PREFIXES.get(service, service)}.amazonaws.com"
    details = {
        "eventVersion": "1.11",
        "userIdentity": {"arn": caller, "accountId": backends.current_account()},
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "eventSource": source,
        "eventName": operation,
        "awsRegion": REGION,
        "sourceIPAddress": environ.get("REMOTE_ADDR", ""),
        "userAgent": environ.get("HTTP_USER_AGENT", ""),
        "readOnly": False,
    }
    return {
        "EventId": str(uuid4()),
        "EventName": operation,
        "ReadOnly": "false",
        "AccessKeyId": access_key_of(environ),
        "EventTime": now,
        "EventSource": source,
        "Username": caller.rpartition("/")[2],
        "Resources": [{"ResourceName": name} for name in names],
        "CloudTrailEvent": json.dumps(details),
    }


def _caller(environ: dict[str, Any]) -> str:
    """The ARN of a role's session; of anybody else what sts:GetCallerIdentity says."""
    with suppress(InvalidCredentialsError):
        if is_of_role(environ) and (principal := principal_of(environ)):
            return principal.arn
    return str(backends.backend("sts").get_caller_identity(access_key_of(environ), REGION)[1])


def _named(environ: dict[str, Any], body: bytes) -> Iterator[str]:
    """What a request names: the values of its fields that are called so, and the parts of its path."""
    yield from (unquote(part) for part in environ.get("PATH_INFO", "").split("/") if part)
    text = body.decode(errors="replace")
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        yield from (value for name, value in parse_qsl(text) if NAMED.fullmatch(name))
        return
    with suppress(ValueError):
        yield from _in_json(json.loads(text or "{}"), "")


def _in_json(value: Any, field: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _in_json(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _in_json(inner, field)
    elif isinstance(value, str) and NAMED.fullmatch(field):
        yield value


@add_method(CloudTrailResponse)
def lookup_events(response: Any) -> str:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html."""
    request = json.loads(response.body)
    found = [event for event in reversed(_events()) if _fits(event, request)]
    start, most = int(request.get("NextToken") or 0), int(request.get("MaxResults") or 50)
    more = {"NextToken": str(start + most)} if start + most < len(found) else {}
    return json.dumps({"Events": found[start : start + most], **more})


def _fits(event: dict[str, Any], request: dict[str, Any]) -> bool:
    if not request.get("StartTime", 0) <= event["EventTime"] <= request.get("EndTime", float("inf")):
        return False
    for wanted in request.get("LookupAttributes", []):
        key, value = wanted["AttributeKey"], wanted["AttributeValue"]
        if key == "ResourceName":
            fits = any(value == each["ResourceName"] for each in event["Resources"])
        else:
            fits = event.get(key) == value
        if not fits:
            return False
    return True
