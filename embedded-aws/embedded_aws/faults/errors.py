"""Throttling and server errors in the words of each service."""

from __future__ import annotations

from typing import NamedTuple

from moto.core.utils import get_service_model

from embedded_aws.faults.rules import CallRule


class Error(NamedTuple):
    """An error of a service, and its HTTP status."""

    code: str
    message: str
    status: int


# https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
THROTTLED = {
    "ec2": Error("RequestLimitExceeded", "Request limit exceeded.", 503),
    "s3": Error("SlowDown", "Please reduce your request rate.", 503),
}
# Codes and statuses that botocore treats as throttling: its data/_retry.json and retries/standard.py.
THROTTLED_BY_PROTOCOL = {
    "json": Error("ThrottlingException", "Rate exceeded", 400),
    "rest-json": Error("ThrottlingException", "Rate exceeded", 429),
}
THROTTLED_DEFAULT = Error("Throttling", "Rate exceeded", 400)
TOO_MANY = Error("TooManyRequestsException", "Rate Exceeded.", 429)  # Lambda, API Gateway

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html#api-error-codes-table-server
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/CommonErrors.html, and the same page of other services
BROKEN = {
    ("ec2", 500): Error("InternalError", "An internal error has occurred", 500),
    ("ec2", 503): Error("Unavailable", "The server is overloaded and can't handle the request.", 503),
    ("s3", 500): Error("InternalError", "We encountered an internal error. Please try again.", 500),
    ("s3", 503): Error("ServiceUnavailable", "Service is unable to handle request.", 503),
}
BROKEN_DEFAULT = {
    500: Error(
        "InternalFailure",
        "The request processing has failed because of an unknown error, exception or failure.",
        500,
    ),
    503: Error("ServiceUnavailable", "The request has failed due to a temporary failure of the server.", 503),
}

FORBIDDEN = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AuthorizationError")


def error_of(rule: CallRule, service: str) -> Error:
    """Return the error of a service for a call that this rule hits."""
    if rule.kind == "throttle":
        return throttled(service)
    if rule.kind == "error":
        status = rule.status or 500
        return BROKEN.get((service, status), BROKEN_DEFAULT[status])
    code = str(rule.code)
    forbidden = code in FORBIDDEN
    message = rule.message or ("You are not authorized to perform this operation." if forbidden else f"{code}.")
    return Error(code, message, rule.status or (403 if forbidden else 400))


def throttled(service: str) -> Error:
    """Return a service's throttling error."""
    if service in THROTTLED:
        return THROTTLED[service]
    model = get_service_model(service)
    if TOO_MANY.code in model.shape_names:
        return TOO_MANY
    return THROTTLED_BY_PROTOCOL.get(str(model.metadata.get("protocol")), THROTTLED_DEFAULT)
