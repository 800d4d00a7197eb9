"""Refuse what a role does not allow, in the words of each service."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import RLock
from typing import Any

from moto.core.utils import get_service_model

from embedded_aws.authorization.policy import Question
from embedded_aws.authorization.principal import InvalidCredentialsError, is_of_role, principal_of
from embedded_aws.authorization.requested import Call, questions, read_call
from embedded_aws.authorization.trust import reason_not_to_trust
from embedded_aws.error_responses import answer_error, service_of

Environ = dict[str, Any]
Response = tuple[str, list[tuple[str, str]], bytes]
Forward = Callable[[Environ], Response]

log = logging.getLogger(__name__)


class Authorization:
    """WSGI-like middleware before AWS: it lets a call of a role through if the role's policies allow it.

    Calls with other credentials, the operator's, are not evaluated.
    """

    def __init__(self, lock: RLock, following: Callable[[Environ, Forward], Response]) -> None:
        self._lock, self._following = lock, following

    def __call__(self, environ: Environ, forward: Forward) -> Response:
        """Answer a call."""
        refusal = self._refusal(environ) if is_of_role(environ) else None
        return refusal or self._following(environ, forward)

    def _refusal(self, environ: Environ) -> Response | None:
        try:
            with self._lock:
                principal = principal_of(environ)
                if principal is None:
                    return None
                call = read_call(environ)
                reason, question = "", Question("", None)
                for question in questions(call, principal.context):
                    if reason := principal.policies.reason_to_refuse(question):
                        break
                    if reason := reason_not_to_trust(question, principal):
                        break
        except InvalidCredentialsError as error:
            return answer_error(environ, service_of(environ), *_invalid(error, service_of(environ)))
        if not reason:
            return None
        log.info("%s may not %s on %s", principal.arn, question.action, question.resource or "any resource")
        return _without_body(
            environ, answer_error(environ, call.service, *_denied(call, question, principal.arn, reason))
        )


def _denied(call: Call, question: Question, caller: str, reason: str) -> tuple[str, str, int]:
    """Return code, message and status of a refusal.

    The codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (UnauthorizedOperation),
    https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html (AuthorizationError),
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (AccessDenied), and AccessDeniedException, with
    400 from JSON services, in https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html.
    The messages: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html,
    https://github.com/awspring/spring-cloud-aws/issues/861 (SQS writes sqs:createqueue),
    https://github.com/aws-ia/terraform-aws-control_tower_account_factory/issues/151 (SNS writes SNS:Publish)
    """
    action = {"sqs": question.action.lower(), "sns": f"SNS:{question.action.partition(':')[2]}"}.get(
        question.action.partition(":")[0], question.action
    )
    resource = question.resource or "*"
    resource = f'"{resource}"' if call.service == "s3" else resource
    reason = reason.replace(question.action, action)
    message = f"User: {caller} is not authorized to perform: {action} on resource: {resource} {reason}"
    if call.service == "ec2":
        return "UnauthorizedOperation", f"You are not authorized to perform this operation. {message}", 403
    if call.service == "sns":
        return "AuthorizationError", message, 403
    model = get_service_model(call.service)
    if "awsQueryCompatible" in model.metadata or str(model.metadata["protocol"]) not in ("json", "rest-json"):
        return "AccessDenied", message, 403
    return "AccessDeniedException", message, 400 if model.metadata["protocol"] == "json" else 403


def _invalid(error: InvalidCredentialsError, service: str) -> tuple[str, str, int]:
    """Return code, message and status for credentials that are not valid."""
    if service == "s3" and error.code == "InvalidClientTokenId":
        return "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403
    if service == "ec2" and error.code == "InvalidClientTokenId":
        return "AuthFailure", "AWS was not able to validate the provided access credentials", 401
    if str(get_service_model(service).metadata["protocol"]) == "json":
        code = {"InvalidClientTokenId": "UnrecognizedClientException", "ExpiredToken": "ExpiredTokenException"}
        return code[error.code], str(error), 400
    return error.code, str(error), 403


def _without_body(environ: Environ, response: Response) -> Response:
    line, headers, body = response
    return line, headers, b"" if environ["REQUEST_METHOD"] == "HEAD" else body
