"""Lengths, values and patterns that a service's own model demands of what it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# The code that a service refuses with; those that have a code for each field are not among them.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html#API_CreateLogGroup_Errors
# https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html, and so on
CODES = {
    "logs": "InvalidParameterException",
    **dict.fromkeys(("acm", "kms", "secretsmanager", "ssm"), "ValidationException"),
    **dict.fromkeys(("autoscaling", "cloudwatch", "elbv2", "iam"), "ValidationError"),
}
IAM_NAME = r"[\w+=,.@-]+"
LENGTH = ("string", "list", "map", "blob")
NUMBER = ("integer", "long", "float", "double")


@patch(BaseResponse, "call_action")
def call_action(moto: Method, response: Any) -> Any:
    """All that is wrong is told at once, as by every service that is built from a model.

    https://smithy.io/2.0/spec/constraint-traits.html
    """
    service, action = response.boto3_service_name, response._get_action()
    model = get_service_model(service) if service in CODES else None
    if model is None or action not in model.operation_names:
        return moto(response)
    shape = model.operation_model(action).input_shape
    if not response.automated_parameter_parsing:
        response.parse_parameters(response.normalized_request)
    broken = list(_broken(shape, response.params, "")) if shape else []
    if not broken:
        return moto(response)
    if service == "iam" and broken[0].endswith(f"pattern: {IAM_NAME}"):
        what = broken[0].partition(" at '")[2].partition("'")[0]
        allowed = "It must contain only alphanumeric characters and/or the following: +=,.@_-"
        why = f"The specified value for {what} is invalid. {allowed}"
    else:
        errors = "1 validation error" if len(broken) == 1 else f"{len(broken)} validation errors"
        why = f"{errors} detected: {'; '.join(broken)}"
    return response.serialized(ActionResult(ServiceError(CODES[service], why)))


def _broken(shape: Any, value: Any, path: str) -> Iterator[str]:
    """What each part of a value fails to satisfy."""
    if value is None:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from _broken(member, value.get(name), f"{path}.{_lower(name)}".lstrip("."))
        return
    secret = bool(shape.metadata.get("sensitive")) or shape.type_name not in ("string", *NUMBER)
    told = f"Value at '{path}'" if secret else f"Value '{value}' at '{path}'"
    yield from (f"{told} failed to satisfy constraint: Member must {must}" for must in _unmet(shape, value))
    if shape.type_name == "list":
        for number, item in enumerate(value, 1):
            yield from _broken(shape.member, item, f"{path}.{number}.member")


def _unmet(shape: Any, value: Any) -> Iterator[str]:
    limits = shape.metadata
    if shape.type_name in (*LENGTH, *NUMBER):
        what, size = ("value", float(value)) if shape.type_name in NUMBER else ("length", len(value))
        if size > limits.get("max", size):
            yield f"have {what} less than or equal to {limits['max']}"
        if size < limits.get("min", size):
            yield f"have {what} greater than or equal to {limits['min']}"
    if shape.type_name == "string":
        pattern = _pattern(limits.get("pattern"))
        if pattern and not pattern.fullmatch(value):
            yield f"satisfy regular expression pattern: {limits['pattern']}"
        if limits.get("enum") and value not in limits["enum"]:
            yield f"satisfy enum value set: [{', '.join(limits['enum'])}]"


@cache
def _pattern(pattern: str | None) -> re.Pattern[str] | None:
    """Java's patterns; of those that Python does not know nothing is demanded."""
    try:
        return re.compile(pattern, re.ASCII) if pattern else None
    except re.error:
        return None


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
