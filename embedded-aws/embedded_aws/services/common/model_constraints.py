"""Validate requests against the constraints of the service's model: lengths, values, enums and patterns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# The error code of each service; services with a code per field are not listed.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html#API_CreateLogGroup_Errors
# https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html, and so on
CODES = {
    "logs": "InvalidParameterException",
    **dict.fromkeys(("acm", "kms", "secretsmanager", "ssm"), "ValidationException"),
    **dict.fromkeys(("autoscaling", "cloudwatch", "elbv2", "iam"), "ValidationError"),
}
IAM_NAME = r"[\w+=,.@-]+"
TYPES_WITH_LENGTH = ("string", "list", "map", "blob")
NUMBER_TYPES = ("integer", "long", "float", "double")
UNICODE_CLASSES = {"L": ("a", "A-Za-z"), "N": ("0", "0-9"), "Z": (" ", " ")}
"""Unicode's categories in AWS's patterns: a character of ASCII that stands for one of them, and all of ASCII's."""


@patch(BaseResponse, "call_action")
def call_action(moto: Method, response: Any) -> Any:
    """Reject a request that violates constraints; the message lists all violations.

    https://smithy.io/2.0/spec/constraint-traits.html
    """
    service, action = response.boto3_service_name, response._get_action()
    model = get_service_model(service) if service in CODES else None
    if model is None or action not in model.operation_names:
        return moto(response)
    shape = model.operation_model(action).input_shape
    if not response.automated_parameter_parsing:
        response.parse_parameters(response.normalized_request)
    violations = list(_violations(shape, response.params, "")) if shape else []
    if not violations:
        return moto(response)
    if service == "iam" and violations[0].endswith(f"pattern: {IAM_NAME}"):
        field = violations[0].partition(" at '")[2].partition("'")[0]
        rule = "It must contain only alphanumeric characters and/or the following: +=,.@_-"
        message = f"The specified value for {field} is invalid. {rule}"
    else:
        errors = "1 validation error" if len(violations) == 1 else f"{len(violations)} validation errors"
        message = f"{errors} detected: {'; '.join(violations)}"
    return response.serialized(ActionResult(ServiceError(CODES[service], message)))


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Yield a message for each constraint that the value, or a part of it, violates."""
    if value is None:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from _violations(member, value.get(name), f"{path}.{_lower_first(name)}".lstrip("."))
        return
    secret = bool(shape.metadata.get("sensitive")) or shape.type_name not in ("string", *NUMBER_TYPES)
    subject = f"Value at '{path}'" if secret else f"Value '{value}' at '{path}'"
    for requirement in _unmet_requirements(shape, value):
        yield f"{subject} failed to satisfy constraint: Member must {requirement}"
    if shape.type_name == "list":
        for number, item in enumerate(value, 1):
            yield from _violations(shape.member, item, f"{path}.{number}.member")


def _unmet_requirements(shape: Any, value: Any) -> Iterator[str]:
    limits = shape.metadata
    if shape.type_name in (*TYPES_WITH_LENGTH, *NUMBER_TYPES):
        quantity, size = ("value", float(value)) if shape.type_name in NUMBER_TYPES else ("length", len(value))
        if size > limits.get("max", size):
            yield f"have {quantity} less than or equal to {limits['max']}"
        if size < limits.get("min", size):
            yield f"have {quantity} greater than or equal to {limits['min']}"
    if shape.type_name == "string":
        pattern = _compile_pattern(limits.get("pattern"))
        if pattern and not pattern.fullmatch(_to_ascii(value)):
            yield f"satisfy regular expression pattern: {limits['pattern']}"
        if limits.get("enum") and value not in limits["enum"]:
            yield f"satisfy enum value set: [{', '.join(limits['enum'])}]"


@cache
def _compile_pattern(pattern: str | None) -> re.Pattern[str] | None:
    """Compile a pattern of the model; None for a Java pattern that Python does not support.

    Letters, digits and spaces of all scripts, as tags have them, are matched by those of ASCII; see :func:`_to_ascii`.
    """
    for name, (_, characters) in UNICODE_CLASSES.items():
        pattern = pattern.replace(rf"\p{{{name}}}", characters) if pattern else None
    try:
        return re.compile(pattern, re.ASCII) if pattern else None
    except re.error:
        return None


def _to_ascii(value: str) -> str:
    """Replace each letter, digit and space of another script by one of ASCII."""
    if value.isascii():
        return value
    classes = {name: one for name, (one, _) in UNICODE_CLASSES.items()}
    return "".join(c if c.isascii() else classes.get(unicodedata.category(c)[0], c) for c in value)


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
