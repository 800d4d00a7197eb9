"""Error responses in the format of the AWS protocol of a call, also for operations that the emulator does not have."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from moto.backend_index import backend_url_patterns
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.request import Request, determine_request_protocol
from moto.core.responses import boto3_service_name
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

from embedded_aws.settings import REGION

# 400, because clients would retry a 5xx for seconds, in vain.
STATUS = "400 Bad Request"
NOT_SUPPORTED = "NotSupportedLocally"
FAILED = "FailedLocally"

SERVICE_OF_SIGNING_NAME = {
    "monitoring": "cloudwatch",
    "elasticloadbalancing": "elbv2",
    "tagging": "resourcegroupstaggingapi",
    "email": "ses",
    "states": "stepfunctions",
    **boto3_service_name,
}

log = logging.getLogger(__name__)


class LocalFailure(ServiceException):  # type: ignore[misc]
    """An error of the emulator; our own class, because moto takes the module of its errors for a service."""


def is_no_such_operation(method: str, status: str, headers: list[tuple[str, str]]) -> bool:
    """Whether a response is the web framework's own 404 or 405, which no AWS service returns.

    HEAD is S3's: 404 without a body says that there is no such bucket or key.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    if method == "HEAD":
        return False
    html = any(name.lower() == "content-type" and value.startswith("text/html") for name, value in headers)
    return status[:3] in ("404", "405") and html


def answer_failure(
    environ: dict[str, Any], body: bytes, failure: Exception
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return an error for a call that moto does not support, or in which it failed.

    The codes `NotSupportedLocally` and `FailedLocally` do not exist in AWS, so that nobody mistakes a limit of the
    emulator for an answer of AWS.
    """
    service = service_of(environ)
    operation = operation_of(environ, service, body)
    if isinstance(failure, NotImplementedError) or not _is_known(environ):
        error = LocalFailure(NOT_SUPPORTED, f"{service}:{operation} is not supported in the local environment")
    else:
        log.error("%s:%s failed", service, operation, exc_info=failure)
        reason = f"{type(failure).__name__}: {failure}"
        error = LocalFailure(FAILED, f"{service}:{operation} failed in the local environment ({reason})")
    return _serialize(environ, service, error, STATUS)


def answer_error(
    environ: dict[str, Any], service: str, code: str, message: str, status: int
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return an error in the format of the protocol of a call."""
    line = f"{status} {HTTPStatus(status).phrase}" if status in HTTPStatus._value2member_map_ else f"{status} Error"
    return _serialize(environ, service, LocalFailure(code, message), line)


def service_of(environ: dict[str, Any]) -> str:
    """Return the service's boto3 name, from the scope of the signature; unsigned calls are S3's."""
    name = _signing_name(environ)
    return str(SERVICE_OF_SIGNING_NAME.get(name, name))


def _signing_name(environ: dict[str, Any]) -> str:
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    return str(scope[3]) if len(scope) == 5 else "s3"


def _is_known(environ: dict[str, Any]) -> bool:
    """Whether moto has the service."""
    url = f"http://{_signing_name(environ)}.{REGION}.amazonaws.com"
    return any(pattern.match(url) for _, pattern in backend_url_patterns)


def operation_of(environ: dict[str, Any], service: str, body: bytes) -> str:
    """Return the operation of a call; the method and path where no operation of the service matches."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return str(parse_qs(body.decode(errors="replace")).get("Action", ["?"])[0])
    path = environ.get("PATH_INFO", "/")
    if "/operation/" in path:  # Smithy's RPC protocol
        return str(path).rpartition("/")[2]
    try:
        return str(get_service_router(service).match(Request(environ))[0].name)
    except Exception:  # noqa: BLE001 - a name in a message must not cause a second failure
        return f"{environ.get('REQUEST_METHOD')} {path}"


def _serialize(
    environ: dict[str, Any], service: str, error: LocalFailure, status: str
) -> tuple[str, list[tuple[str, str]], bytes]:
    try:
        model = get_service_model(service)
        protocol = determine_request_protocol(model, environ.get("CONTENT_TYPE"))
        if environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
            protocol = "smithy-rpc-v2-cbor"
        serializer = get_serializer_class(service, protocol)(operation_model=OperationModel({}, model))
        response = serializer.serialize(error)
        body = response["body"]
        headers = [(str(name), str(value)) for name, value in response["headers"].items()]
        return status, headers, body.encode() if isinstance(body, str) else body
    except Exception:  # moto has no model of the service: most services use JSON
        log.exception("no error shape for %s", service)
        return (
            status,
            [("Content-Type", "application/json")],
            json.dumps({"__type": error.code, "message": error.message}).encode(),
        )
