"""Raise the errors of AWS and of botocore as errors of this library, each with what to do next."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError

from ..errors import NoAccess, RequestRejected, RunbookError
from .session import no_access

NO_RESPONSE = "NoAnswer"
"""The error code of a call that AWS did not respond to; it is not one of AWS's codes."""

_THROTTLING_ERRORS = {
    "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException",
    "RequestThrottled", "RequestThrottledException", "BandwidthLimitExceeded", "SlowDown", "PriorRequestNotComplete",
}  # fmt: skip
CREDENTIAL_ERRORS = {
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSignatureException",
}  # fmt: skip
# EC2 says AuthFailure of credentials, and of an address that is still mapped just after its NAT gateway is gone.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (AuthFailure)
# https://github.com/hashicorp/terraform-provider-aws/issues/13763, https://github.com/kubernetes/kops/issues/938
_AMBIGUOUS_ERROR, _CREDENTIALS_MESSAGE = "AuthFailure", "validate the provided access credentials"
# Errors of these calls are about signing in: botocore sends them to get the credentials of a profile.
_SIGN_IN_CALLS = {"AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetRoleCredentials", "CreateToken"}
_FIXES = {
    "DependencyViolation": "Something that this run does not delete uses it, perhaps an orphan: delete that first.",
    "UnauthorizedOperation": "Ask for this permission; see docs/permissions.md.",
    "AccessDenied": "Ask for this permission; see docs/permissions.md. S3 also says so of a bucket in another account.",
    "AccessDeniedException": "Ask for this permission; see docs/permissions.md.",
    "AuthorizationError": "Ask for this permission; see docs/permissions.md.",
}
_NOT_SENT = (
    botocore_errors.EndpointConnectionError,
    botocore_errors.ConnectTimeoutError,
    botocore_errors.ProxyConnectionError,
)
"""There was no connection, so AWS has not got the request."""
_NO_ANSWER = (
    botocore_errors.HTTPClientError,
    botocore_errors.ConnectionError,
    botocore_errors.IncompleteReadError,  # of an object
)
_QUOTA_ERROR = re.compile(r"LimitExceeded|QuotaExceeded|QuotaExceededFault|TooMany")


class UnreadableAnswer(Exception):
    """An answer was cut off."""


def translate_errors(call: Callable[[], Any]) -> Any:
    """Return the result of a call; raise botocore's errors as errors of this library."""
    try:
        return call()
    except botocore_errors.ClientError as error:
        raise _client_error(error) from error
    except (botocore_errors.NoCredentialsError, botocore_errors.CredentialRetrievalError) as error:
        raise no_access(error) from error
    except _NO_ANSWER as error:
        raise RequestRejected(
            f"no response from AWS: {error}",
            fix="Check the network, then run this again; completed changes are kept.",
            code=NO_RESPONSE, retryable=True, outcome_known=isinstance(error, _NOT_SENT),
        ) from error  # fmt: skip
    except (ResponseParserError, UnicodeDecodeError, UnreadableAnswer) as error:
        raise RequestRejected(
            f"no response from AWS that can be read: {error}.",
            fix="Check the network and its proxies, then run this again; completed changes are kept.",
            code=NO_RESPONSE, retryable=True, outcome_known=False,
        ) from error  # fmt: skip
    except botocore_errors.BotoCoreError as error:
        raise no_access(error) from error


_PARTLY_REJECTED = ("Unsuccessful", "Errors", "FailedEntries")


def raise_if_partly_rejected(operation: str, response: Mapping[str, Any]) -> None:
    """Raise when AWS answers 200, and lists what it did not do.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnsuccessfulItem.html (DeleteFlowLogs and others)
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Error.html (DeleteObjects)
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargetsResultEntry.html (and RemoveTargets)
    """
    for item in (entry for name in _PARTLY_REJECTED for entry in response.get(name, ())):
        error = item.get("Error", item)
        what = next((item[name] for name in ("ResourceId", "Key", "TargetId") if item.get(name)), "")
        code = error.get("Code") or error.get("ErrorCode") or ""
        message = error.get("Message") or error.get("ErrorMessage") or ""
        raise RequestRejected(
            f"{operation} was refused{f' for {what}' if what else ''}: {code}. {message}",
            fix=_FIXES.get(code, "Correct the cause, then run this again; completed changes are kept."),
            code=code, message=message,
        )  # fmt: skip


def _client_error(error: Any) -> RunbookError:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if error.operation_name in _SIGN_IN_CALLS:
        return NoAccess(
            f"Cannot sign in: {error.operation_name} was refused: {code}. {message}",
            fix="Check AWS_PROFILE and its role_arn. The code of an MFA device works once: wait for the next one.",
            code=code,
        )
    if code in CREDENTIAL_ERRORS or (code == _AMBIGUOUS_ERROR and _CREDENTIALS_MESSAGE in message):
        return NoAccess(
            f"AWS does not accept these credentials: {code}. {message}", fix="Sign in again (aws sso login).", code=code
        )
    throttled = code in _THROTTLING_ERRORS or status == 429
    fix = _FIXES.get(code, "")
    if throttled:  # before quotas: RequestLimitExceeded matches both
        fix = "Wait a minute, then run this again; completed changes are kept."
    elif _QUOTA_ERROR.search(code):
        fix = "Request a higher quota, or delete unused resources."
    return RequestRejected(
        f"{error.operation_name} was refused: {code}. {message}",
        fix=fix or "Correct the cause, then run this again; completed changes are kept.",
        code=code, message=message, outcome_known=status < 500,
        retryable=throttled or status >= 500 or code == _AMBIGUOUS_ERROR,
    )  # fmt: skip
