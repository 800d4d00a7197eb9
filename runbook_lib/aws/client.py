"""The one door to AWS: clients, ownership tags, account guard, and the record of every call."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore import exceptions as botocore_errors
from botocore import xform_name
from botocore.config import Config

from ..errors import NoAccess, RequestRejected, RunbookError, WrongAccount, WrongEndpoint
from .connection import Connection
from .role_session import with_session_name

OnCall = Callable[..., None]
NO_RESPONSE = "NoAnswer"
"""Our own code for a call that AWS never answered."""

_READS = ("describe_", "get_", "list_", "head_", "batch_get_", "simulate_", "filter_", "lookup_", "search_")
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_THROTTLED = {
    "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException",
    "RequestThrottled", "RequestThrottledException", "BandwidthLimitExceeded", "SlowDown", "PriorRequestNotComplete",
}  # fmt: skip
_NOBODY = {
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
    "AuthFailure", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSignatureException",
}  # fmt: skip
_HINTS = {
    "DependencyViolation": "Something outside this runbook still uses it; remove that first.",
    "UnauthorizedOperation": "Ask for this permission; see docs/permissions.md.",
    "AccessDenied": "Ask for this permission; see docs/permissions.md.",
    "AccessDeniedException": "Ask for this permission; see docs/permissions.md.",
    "AuthorizationError": "Ask for this permission; see docs/permissions.md.",
}
_QUOTA = re.compile(r"LimitExceeded|QuotaExceeded|QuotaExceededFault|TooMany")


class Named(Protocol):
    """What has an identity in an environment: a resource, seen from below."""

    @property
    def name(self) -> str:
        """Its own name, e.g. ``a``."""

    @property
    def key(self) -> str:
        """Kind and name, e.g. ``nat_gateway.a``."""


class Aws:
    """One account and region, spoken to in one environment's name, e.g. ``aws.ec2.create_vpc(...)``.

    Reads are retried by botocore.  Writes are sent once: some of AWS's creates take no
    client token, so the engine looks again before it sends one a second time.
    """

    OWNER, ENV, KEY = "runbook:owner", "runbook:env", "runbook:key"

    def __init__(
        self,
        *,
        env: str,
        region: str,
        account: str = "",
        connection: Connection | None = None,
        run: str = "",
        labels: Mapping[str, str] | None = None,
        record: OnCall = lambda *a, **k: None,
        learn: Callable[[object], None] = lambda told: None,
    ) -> None:
        self.env, self.region, self.account, self.run = env, region, account, run
        self._labels = dict(labels or {})
        self._connection, self._record, self._learn = connection, record, learn
        self._session = _session(region, connection, run)
        self._session.events.register("before-parameter-build", self._before_call)
        self._session.events.register("before-call", _started)
        self._session.events.register("after-call", self._after_call)
        self._session.events.register("after-call-error", self._after_call_error)
        self._doors: dict[str, _ServiceClient] = {}

    def __getattr__(self, service: str) -> Any:
        if service.startswith("_"):
            raise AttributeError(service)
        return self.client(service.replace("_", "-"))

    def client(self, service: str) -> Any:
        """The service's operations; they raise only what is in :mod:`.errors`.

        Raises:
            WrongEndpoint: Without a connection of its own, anything but AWS itself.
        """
        if service not in self._doors:
            self._doors[service] = _ServiceClient(self._client(service, 8), self._client(service, 1))
        return self._doors[service]

    def _client(self, service: str, attempts: int) -> Any:
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            user_agent_extra=f"runbook/1 run/{self.run or 'none'}",
            connect_timeout=10,
            read_timeout=60,
            proxies={} if self._connection else None,
        )
        there = {"endpoint_url": self._connection.endpoint_url} if self._connection else {}
        try:
            client = self._session.client(service, config=config, **there)
        except botocore_errors.BotoCoreError as error:
            raise _no_access(error) from error
        host = urlsplit(client.meta.endpoint_url).hostname or ""
        if not self._connection and not host.endswith(_AMAZON):
            raise WrongEndpoint(
                f"{self.env} is a real environment, but {service} calls would go to {client.meta.endpoint_url}.",
                fix="Unset AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_*, also endpoint_url in ~/.aws/config.",
            )
        return client

    def caller(self) -> dict[str, str]:
        """Who these credentials are: ``Account``, ``Arn``, ``UserId``."""
        who = self.sts.get_caller_identity()
        return {key: who[key] for key in ("Account", "Arn", "UserId")}

    def require_account(self, account: str) -> str:
        """Stop unless the credentials belong to *account*; return the caller's ARN.

        Raises:
            WrongAccount: Naming both accounts.
        """
        caller = self.caller()
        if caller["Account"] != account:
            raise WrongAccount(
                f"These credentials are for account {caller['Account']}, but {self.env} is account {account}.",
                fix="Choose the matching AWS_PROFILE, then restart the kernel.",
            )
        if not self._connection:  # an embedded AWS's own are no secret
            keys = self._session.get_credentials().get_frozen_credentials()
            self._learn({"secret_access_key": keys.secret_key, "session_token": keys.token})
        return caller["Arn"]

    def pages(self, service: str, operation: str, result: str, **request: Any) -> list[dict[str, Any]]:
        """All items of a list call, page after page."""
        items: list[dict[str, Any]] = self.client(service).pages(operation, result, request)
        return items

    def name(self, resource: Named) -> str:
        """The AWS name of a resource that is found by its name, e.g. ``prod-web``."""
        return f"{self.env}-{resource.name}"

    def tag_map(self, resource: Named) -> dict[str, str]:
        """Tags that mark the resource as ours."""
        own = {"Name": self.name(resource), self.OWNER: "runbook", self.ENV: self.env, self.KEY: resource.key}
        return self._labels | own

    def tags(self, resource: Named) -> list[dict[str, str]]:
        """The tags in the shape that most services take."""
        return [{"Key": key, "Value": value} for key, value in self.tag_map(resource).items()]

    def tag_spec(self, kind: str, resource: Named) -> list[dict[str, Any]]:
        """The tags in the shape of EC2's creates; *kind* is EC2's word, e.g. ``"natgateway"``."""
        return [{"ResourceType": kind, "Tags": self.tags(resource)}]

    def filters(self) -> list[dict[str, Any]]:
        """EC2 filters for everything of this environment that is ours."""
        return [{"Name": f"tag:{self.ENV}", "Values": [self.env]}, {"Name": f"tag:{self.OWNER}", "Values": ["runbook"]}]

    def token(self, resource: Named, *more: str) -> str:
        """A client token, up to 64 characters: within a run, a repeated create is the same create.

        AWS remembers tokens for a day, and answers with what it made then even when that was
        deleted since.  So another run has other tokens, or it could not mend what somebody
        deleted by hand; *more* tells apart what one run may rightly create the resource from.
        https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
        """
        text = "/".join((self.account, self.region, self.env, resource.key, self.run, *more))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _before_call(self, params: dict[str, Any], **_: Any) -> None:
        """A secret on its way to AWS is known before it could be seen anywhere."""
        self._learn(params)

    def _after_call(
        self, http_response: Any, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any
    ) -> None:
        self._learn(parsed)
        write = not _is_read(xform_name(model.name))
        if not write and "Error" not in parsed:
            return  # CloudTrail keeps the reads
        meta = parsed.get("ResponseMetadata", {})
        self._record_call(model, context, meta, parsed.get("Error", {}).get("Code"))

    def _after_call_error(self, context: dict[str, Any], **_: Any) -> None:
        """Whether AWS did it is open: all the more a reason to keep that it was asked."""
        self._record_call(context["runbook_model"], context, {}, NO_RESPONSE)

    def _record_call(self, model: Any, context: dict[str, Any], meta: dict[str, Any], error: str | None) -> None:
        self._record(
            "call",
            service=model.service_model.service_name,
            operation=model.name,
            write=not _is_read(xform_name(model.name)),
            status=meta.get("HTTPStatusCode"),
            request_id=meta.get("RequestId"),
            error=error,
            ms=round(1000 * (time.monotonic() - context["runbook_started"])),
        )


class _ServiceClient:
    """A service whose reads are retried and whose writes are sent once."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self._reader, self._writer = reader, writer

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self._reader if _is_read(operation) else self._writer, operation)

        def ask(**request: Any) -> Any:
            return _answer(lambda: call(**request))

        return ask

    def pages(self, operation: str, result: str, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        if not self._reader.can_paginate(operation):
            return list(getattr(self, operation)(**request)[result])
        pages = self._reader.get_paginator(operation).paginate(**request)
        items: list[dict[str, Any]] = _answer(lambda: [item for page in pages for item in page.get(result, [])])
        return items


def _answer(call: Callable[[], Any]) -> Any:
    """AWS's answer, or its refusal in the operator's terms."""
    try:
        return call()
    except botocore_errors.ClientError as error:
        raise _refused(error) from error
    except (botocore_errors.NoCredentialsError, botocore_errors.CredentialRetrievalError) as error:
        raise _no_access(error) from error
    except (botocore_errors.HTTPClientError, botocore_errors.ConnectionError) as error:
        raise RequestRejected(
            f"no answer from AWS: {error}",
            fix="Check the network, then run this cell again; what is done stays done.",
            code=NO_RESPONSE, retryable=True, outcome_known=False,
        ) from error  # fmt: skip
    except botocore_errors.BotoCoreError as error:
        raise _no_access(error) from error


def _refused(error: Any) -> RunbookError:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _NOBODY:
        return NoAccess(f"AWS does not know these credentials: {code}. {message}", fix="Sign in again (aws sso login).")
    throttled = code in _THROTTLED or status == 429
    hint = _HINTS.get(code, "")
    if throttled:  # before quotas: RequestLimitExceeded reads like one
        hint = "Wait a little, then run this cell again; what is done stays done."
    elif _QUOTA.search(code):
        hint = hint or "Raise the quota, or remove what is unused."
    return RequestRejected(
        f"{error.operation_name} was refused: {code}. {message}",
        fix=hint or "Correct the cause, then run this cell again; what is done stays done.",
        code=code, message=message, retryable=throttled or status >= 500, outcome_known=status < 500,
    )  # fmt: skip


def _no_access(error: Exception) -> NoAccess:
    return NoAccess(
        f"No way into AWS: {error}", fix="Set AWS_PROFILE or sign in (aws sso login), then restart the kernel."
    )


def _session(region: str, connection: Connection | None, run: str) -> Any:
    if connection is None:
        try:
            core = botocore.session.Session()
            with_session_name(core, run)
            return boto3.Session(region_name=region, botocore_session=core)
        except botocore_errors.BotoCoreError as error:
            raise _no_access(error) from error
    # Nothing of the person's own AWS set-up may reach, or break, a session with another endpoint.
    nothing = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    nothing["credentials_file"] = (None, None, os.devnull, None)
    return boto3.Session(
        aws_access_key_id=connection.access_key,
        aws_secret_access_key=connection.secret_key,
        region_name=region,
        botocore_session=botocore.session.Session(session_vars=nothing),
    )


def _started(model: Any, context: dict[str, Any], params: dict[str, Any], **_: Any) -> None:
    context["runbook_started"], context["runbook_model"] = time.monotonic(), model


def _is_read(operation: str) -> bool:
    return operation.startswith(_READS)
