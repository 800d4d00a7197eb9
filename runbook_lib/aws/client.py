"""The client of AWS: boto3 clients, tags, the check of the account, and a record of each call."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors
from botocore import xform_name
from botocore.config import Config

from ..errors import NoAccess, WrongAccount, WrongEndpoint
from .bucket_owner import name_owner
from .connection import Connection
from .error_translation import (
    CREDENTIAL_ERRORS,
    NO_RESPONSE,
    UnreadableAnswer,
    raise_if_partly_rejected,
    translate_errors,
)
from .outages import Outage, require_readable
from .session import AskCode, MfaDevice, create_session, credential_variables, disabled_region, no_access
from .shared_reads import Reads

OnCall = Callable[..., None]
"""Called with ``"call"`` and the fields of the journal's event for each recorded call."""

SIDE_BY_SIDE = 16
"""How many calls may be on their way at once: well below what AWS allows an account for a moment, which is 100 of EC2
and 40 of Elastic Load Balancing.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html
"""
DRY_RUN = "DryRunOperation"
"""How EC2 says that it would have done what it was asked not to do."""
_READ_PREFIXES = ("describe_", "get_", "list_", "head_", "batch_get_", "simulate_", "filter_", "lookup_", "search_")
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


class Named(Protocol):
    """What this module needs to know of a resource."""

    @property
    def name(self) -> str:
        """The name among resources of its kind, e.g. ``a``."""

    @property
    def key(self) -> str:
        """The kind and the name, e.g. ``nat_gateway.a``."""


class NamedInAws(Named, Protocol):
    """A resource that knows how AWS calls it."""

    def aws_name(self, aws: Aws) -> str:
        """The name in AWS, e.g. ``/prod/web/config``."""


class Aws:
    """One account and region on behalf of one environment; calls are e.g. ``aws.ec2.create_vpc(...)``.

    botocore retries reads.  Writes are sent once: some create operations take no client token,
    so the engine observes the resource before it sends a create a second time.

    Args:
        env: The environment; it is part of names and tags.
        account: The account's id; it is part of client tokens, and the owner that every bucket has to have.
        connection: The endpoint and its credentials; ``None`` is the real AWS.
        run: The run's id; it is part of client tokens, the user agent and role session names.
        labels: Tags of the parameter file, added to the tags of ownership.
        adopted: What becomes ours although it is not tagged so yet: its id, ARN or name by the resource's key.
        on_call: Called for each write and each failed read.
        add_secrets: Called with each request and response, to find secrets in them.
        ask_code: Asks for the code of an MFA device, if the profile needs one.
        outage: Waits while AWS does not answer.
        reads: What other notebooks of the run have read a moment ago, where the run only reads.
    """

    OWNER, ENV, KEY = "runbook:owner", "runbook:env", "runbook:key"
    OURS = "runbook"
    """The value of the tag ``runbook:owner``."""
    adopted: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        *,
        env: str,
        region: str,
        account: str = "",
        connection: Connection | None = None,
        run: str = "",
        labels: Mapping[str, str] | None = None,
        adopted: Mapping[str, str] | None = None,
        on_call: OnCall = lambda *a, **k: None,
        add_secrets: Callable[[object], None] = lambda data: None,
        ask_code: AskCode = lambda question: None,
        outage: Outage | None = None,
        reads: Reads | None = None,
    ) -> None:
        self.env, self.region, self.account, self.run = env, region, account, run
        self._labels = dict(labels or {})
        if adopted:
            self.adopted = dict(adopted)
        self._connection, self._on_call, self._add_secrets = connection, on_call, add_secrets
        self._outage, self.reads = outage or Outage(), reads or Reads()
        self._mfa = MfaDevice(ask_code)
        self._session = create_session(region, connection, run, self._mfa)
        self._session.events.register("before-parameter-build", self._before_call)
        if account:
            name_owner(self._session.events, account)
        self._session.events.register("before-call", _note_start)
        self._session.events.register("after-call", self._after_call)
        self._session.events.register("after-call-error", self._after_call_error)
        self._service_clients: dict[str, _ServiceClient] = {}
        self._creating = threading.Lock()  # boto3's sessions are for one thread at a time

    def __getattr__(self, service: str) -> Any:
        if service.startswith("_"):
            raise AttributeError(service)
        return self.client(service.removesuffix("_").replace("_", "-"))  # ``lambda_``: Python has a keyword ``lambda``

    def client(self, service: str) -> Any:
        """Return the client of a service, e.g. ``"ec2"``; its operations raise errors of :mod:`runbook_lib.errors`.

        Raises:
            WrongEndpoint: The environment is on the real AWS, and the endpoint is a different one.
            NoAccess: The AWS configuration of this machine cannot be used.
        """
        with self._creating:
            if service not in self._service_clients:
                self._service_clients[service] = _ServiceClient(
                    self._create_client(service, 8), lambda: self._create_client(service, 1), self._outage
                )
            return self._service_clients[service]

    def _create_client(self, service: str, attempts: int) -> Any:
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            user_agent_extra=f"runbook/1 run/{self.run or 'none'}",
            connect_timeout=10,
            max_pool_connections=SIDE_BY_SIDE,
            proxies={} if self._connection else None,
        )
        endpoint = {"endpoint_url": self._connection.endpoint_url} if self._connection else {}
        try:
            client = self._session.client(service, config=config, **endpoint)
        except botocore_errors.BotoCoreError as error:
            raise no_access(error) from error
        host = str(urlsplit(client.meta.endpoint_url).hostname)
        if not self._connection and not host.endswith(_AWS_DOMAINS):
            raise WrongEndpoint(
                f"{self.env} is a real environment, but {service} calls would go to {client.meta.endpoint_url}.",
                fix="Unset AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_*, also endpoint_url in ~/.aws/config.",
            )
        return client

    def caller(self) -> dict[str, str]:
        """Return ``Account``, ``Arn`` and ``UserId`` of the credentials.

        Raises:
            NoAccess: There are none, AWS does not accept them, or their account has not enabled the region.
        """
        try:
            identity = self.reads.read(("sts", "get_caller_identity"), lambda: dict(self.sts.get_caller_identity()))
        except NoAccess as error:
            if self._connection or error.code not in CREDENTIAL_ERRORS:
                raise
            raise disabled_region(self._session, self.region, error) or error from error.__cause__
        return {key: identity[key] for key in ("Account", "Arn", "UserId")}

    def session_variables(self) -> dict[str, str]:
        """Return the variables that hand these credentials to other processes, once an MFA code was asked for.

        Empty otherwise: without a code, each process gets its own credentials, and renews them.
        """
        return credential_variables(self._session) if self._mfa.asked else {}

    def require_account(self, account: str) -> str:
        """Check that the credentials belong to *account*; return the caller's ARN.

        Raises:
            WrongAccount: They belong to another account.
        """
        caller = self.caller()
        if caller["Account"] != account:
            raise WrongAccount(
                f"These credentials are for account {caller['Account']}, but {self.env} is account {account}.",
                fix="Choose the matching AWS_PROFILE (in a notebook: %env AWS_PROFILE=…), then run this again.",
            )
        if not self._connection:  # those of the embedded AWS are not secret
            keys = self._session.get_credentials().get_frozen_credentials()
            self._add_secrets({"secret_access_key": keys.secret_key, "session_token": keys.token})
        return caller["Arn"]

    def pages(self, service: str, operation: str, result: str, **request: Any) -> list[dict[str, Any]]:
        """Return the items of all pages of a list call; *result* is the field of the response that holds them."""
        items: list[dict[str, Any]] = self.client(service).pages(operation, result, request)
        return items

    def read_object(self, bucket: str, key: str) -> tuple[bytes, dict[str, Any]]:
        """Return the content of an object in S3, and the rest of the answer."""

        def read() -> tuple[bytes, dict[str, Any]]:
            answer = self.s3.get_object(Bucket=bucket, Key=key)
            return translate_errors(answer["Body"].read), answer

        return self._outage.wait_out(read)

    def name(self, resource: Named) -> str:
        """Return the name of a resource in AWS, e.g. ``prod-web``."""
        return f"{self.env}-{resource.name}"

    def tag_map(self, resource: Named) -> dict[str, str]:
        """Return the tags that identify a resource."""
        identity = {"Name": self.name(resource), self.OWNER: self.OURS, self.ENV: self.env, self.KEY: resource.key}
        return self._labels | identity

    def tags(self, resource: Named) -> list[dict[str, str]]:
        """Return the tags as most services take them."""
        return [{"Key": key, "Value": value} for key, value in self.tag_map(resource).items()]

    def tag_spec(self, kind: str, resource: Named) -> list[dict[str, Any]]:
        """Return the tags as EC2's create operations take them; *kind* is EC2's name, e.g. ``"natgateway"``."""
        return [{"ResourceType": kind, "Tags": self.tags(resource)}]

    def filters(self) -> list[dict[str, Any]]:
        """Return EC2 filters for all resources of this environment."""
        return [{"Name": f"tag:{self.ENV}", "Values": [self.env]}, {"Name": f"tag:{self.OWNER}", "Values": [self.OURS]}]

    def token(self, resource: Named, *more: str) -> str:
        """Return a client token: a create that is repeated in the same run creates nothing twice.

        AWS remembers a token for a day, and returns the resource created with it even when that
        has been deleted.  So each run has its own tokens: it can create again what somebody
        deleted manually.  *more* distinguishes several creates of one resource in the same run.
        https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
        """
        text = "/".join((self.account, self.region, self.env, resource.key, self.run, *more))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _before_call(self, params: dict[str, Any], **_: Any) -> None:
        """Register secrets of the request with the redactor before the call is sent."""
        self._add_secrets(params)

    def _after_call(
        self, http_response: Any, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any
    ) -> None:
        self._outage.note_answer()
        self._add_secrets(parsed)
        try:
            require_readable(model, http_response)
        except UnreadableAnswer:
            self._after_call_error(context)
            raise
        write = not _is_read(xform_name(model.name))
        code = parsed.get("Error", {}).get("Code")
        if (not write and not code) or code == DRY_RUN:
            return  # successful reads, and what was not to be done, are in CloudTrail
        self._record_call(model, context, parsed.get("ResponseMetadata", {}), code)

    def _after_call_error(self, context: dict[str, Any], **_: Any) -> None:
        """No response: AWS may or may not have done it, so record the request."""
        self._record_call(context["runbook_model"], context, {}, NO_RESPONSE)

    def _record_call(self, model: Any, context: dict[str, Any], meta: dict[str, Any], error: str | None) -> None:
        self._on_call(
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
    """A boto3 client that retries reads, sends writes once, and raises the errors of this library.

    Args:
        create_writer: Creates the client that sends once; most runs never write to most services.
        outage: Repeats reads that nobody answers.
    """

    def __init__(self, reader: Any, create_writer: Callable[[], Any], outage: Outage) -> None:
        self._reader, self._create_writer, self._outage = reader, create_writer, outage

    @cached_property
    def _writer(self) -> Any:
        return self._create_writer()

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        is_read = _is_read(operation)
        call = getattr(self._reader if is_read else self._writer, operation)

        def send(**request: Any) -> Any:
            if is_read:
                return self._outage.wait_out(lambda: translate_errors(lambda: call(**request)))
            response = translate_errors(lambda: call(**request))
            raise_if_partly_rejected(self._writer.meta.method_to_api_mapping[operation], response)
            return response

        return send

    def pages(self, operation: str, result: str, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]]
        if not self._reader.can_paginate(operation):
            items = getattr(self, operation)(**request)[result]
            return items
        paginator = self._reader.get_paginator(operation)

        def read() -> list[dict[str, Any]]:
            return [item for page in paginator.paginate(**request) for item in page.get(result, [])]

        items = self._outage.wait_out(lambda: translate_errors(read))
        return items


def _note_start(model: Any, context: dict[str, Any], params: dict[str, Any], **_: Any) -> None:
    context["runbook_started"], context["runbook_model"] = time.monotonic(), model


def _is_read(operation: str) -> bool:
    return operation.startswith(_READ_PREFIXES)
