"""Lambda functions: their role, their states, and their permissions."""

from __future__ import annotations

import json
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends
from moto.awslambda_simple import models as simple

from embedded_aws import pacing
from embedded_aws.patching import Method, patch
from embedded_aws.services.awslambda.invocations import enqueue
from embedded_aws.services.common.service_roles import can_assume

PENDING, UPDATING = "Pending", "InProgress"
KIND = "lambda_function"
NOT_ASSUMED = "The role defined for the function cannot be assumed by Lambda."


# Without containers moto answers from backends of another class under the same name, and only one of both is saved.
simple.lambda_simple_backends = lambda_backends


@patch(LambdaBackend, "invoke")
def invoke(_: Method, backend: Any, name: str, qualifier: Any, body: Any, headers: Any, answer: Any) -> bytes:
    """Queue an asynchronous call; a synchronous one is answered with what was sent.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (InvocationType)
    """
    function = backend.get_function(name)
    if headers.get("X-Amz-Invocation-Type") == "Event":
        enqueue(backend, function.function_name, json.loads(body or "{}"))
        return b""
    return str(body or "").encode()


@patch(LambdaBackend, "create_function")
def create_function(moto: Method, backend: Any, spec: Any) -> Any:
    """Start as `Pending`; require a role that Lambda can assume.

    https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html (the message)
    """
    arn = f"arn:aws:lambda:{backend.region_name}:{backend.account_id}:function:{spec.get('FunctionName')}"
    _require_role(spec["Role"], arn)
    function = moto(backend, spec)
    pacing.start(function, PENDING, KIND)
    return function


@patch(LambdaBackend, "update_function_code")
def update_function_code(moto: Method, backend: Any, function_name: str, qualifier: Any, body: Any) -> Any:
    """One update at a time; https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html."""
    return _update(backend, function_name, lambda: moto(backend, function_name, qualifier, body))


@patch(LambdaBackend, "update_function_configuration")
def update_function_configuration(moto: Method, backend: Any, function_name: str, qualifier: Any, body: Any) -> Any:
    """One update at a time, and a role that Lambda can assume."""
    if role := body.get("Role"):
        _require_role(role, backend.get_function(function_name).function_arn)
    return _update(backend, function_name, lambda: moto(backend, function_name, qualifier, body))


def _update(backend: Any, name: str, update: Any) -> Any:
    function = backend.get_function(name)
    if pacing.transitional_state(function):
        reason = f"The operation cannot be performed at this time. An update is in progress for resource: {name}"
        raise LambdaClientError("ResourceConflictException", reason)
    answer = update()
    pacing.start(function, UPDATING, KIND)
    return answer


@patch(LambdaFunction, "get_configuration")
def get_configuration(moto: Method, function: Any, on_create: bool = False) -> Any:
    """Show the state of a creation or an update that takes its time."""
    answer, state = moto(function, on_create), pacing.transitional_state(function)
    if state == PENDING:
        answer["State"] = PENDING
    elif state == UPDATING:
        answer["LastUpdateStatus"] = UPDATING
    return answer


@patch(LambdaBackend, "add_permission")
def add_permission(moto: Method, backend: Any, function_name: str, qualifier: str, raw: str) -> Any:
    """The id of a statement is unique; https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html."""
    name = json.loads(raw).get("StatementId")
    if any(one.get("Sid") == name for one in backend.get_function(function_name).policy.statements):
        reason = f"The statement id ({name}) provided already exists. Please provide a new statement id, or remove it."
        raise LambdaClientError("ResourceConflictException", reason)
    return moto(backend, function_name, qualifier, raw)


def _require_role(role: str, function: str) -> None:
    if not can_assume(role, "lambda.amazonaws.com", function):
        raise LambdaClientError("InvalidParameterValueException", NOT_ASSUMED)


def may_call(function: Any, service: str, source: str) -> bool:
    """Return whether the function's policy lets a service call it on behalf of one resource.

    https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
    """
    return any(_allows(statement, service, source) for statement in function.policy.statements)


def _allows(statement: Any, service: str, source: str) -> bool:
    like = {key.lower(): arn for key, arn in statement.get("Condition", {}).get("ArnLike", {}).items()}
    called = statement["Principal"] == {"Service": service} and statement["Action"] == "lambda:InvokeFunction"
    return bool(called and like.get("aws:sourcearn", source) == source)
