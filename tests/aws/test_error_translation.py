"""Each error of AWS and of botocore becomes one of ours: what happened, whether it was done, and what to do next."""

import pytest
from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError

from runbook_lib.aws.error_translation import UnreadableAnswer, raise_if_partly_rejected, translate_errors
from runbook_lib.errors import NoAccess, RequestRejected

NETWORK = "Check the network, then run this again; completed changes are kept."
PROXY = "Check the network and its proxies, then run this again; completed changes are kept."
URL = {"endpoint_url": "https://ec2"}


def told(error):
    """The error that a call ends with."""

    def call():
        raise error

    with pytest.raises((NoAccess, RequestRejected)) as caught:
        translate_errors(call)
    assert caught.value.__cause__ is error
    return caught.value


def test_what_a_call_returns_is_returned():
    assert translate_errors(lambda: "answer") == "answer"


@pytest.mark.parametrize(
    ("error", "known"),
    [
        (botocore_errors.EndpointConnectionError(**URL), True),
        (botocore_errors.ConnectTimeoutError(**URL), True),
        (botocore_errors.ProxyConnectionError(proxy_url="http://p"), True),
        (botocore_errors.ReadTimeoutError(**URL), False),
        (botocore_errors.ConnectionClosedError(**URL), False),
        (botocore_errors.SSLError(**URL, error="x"), False),
        (botocore_errors.HTTPClientError(error="x"), False),
        (botocore_errors.ConnectionError(error="x"), False),
        (botocore_errors.IncompleteReadError(actual_bytes=1, expected_bytes=2), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_answer(error, known):
    """Without a connection AWS has not got the request; otherwise it may have carried it out."""
    found = told(error)
    assert (type(found), found.code, found.retryable, found.outcome_known) == (RequestRejected, "NoAnswer", True, known)
    assert (found.what, found.fix) == (f"no response from AWS: {error}", NETWORK)


@pytest.mark.parametrize(
    "error",
    [ResponseParserError("x"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), UnreadableAnswer("x")],
    ids=lambda value: type(value).__name__,
)
def test_an_answer_that_cannot_be_read(error):
    found = told(error)
    assert (type(found), found.code, found.retryable, found.outcome_known) == (RequestRejected, "NoAnswer", True, False)
    assert (found.what, found.fix) == (f"no response from AWS that can be read: {error}.", PROXY)


@pytest.mark.parametrize(
    "error",
    [
        botocore_errors.NoCredentialsError(),
        botocore_errors.CredentialRetrievalError(provider="p", error_msg="x"),
        botocore_errors.TokenRetrievalError(provider="p", error_msg="x"),
        botocore_errors.NoRegionError(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_credentials(error):
    found = told(error)
    assert (type(found), found.what) == (NoAccess, f"Cannot access AWS: {error}")


def test_any_other_error_stays_what_it_is():
    """A mistake of the library is none of AWS."""
    with pytest.raises(ZeroDivisionError):
        translate_errors(lambda: 1 / 0)


def refused(code="Whatever", message="why", status=400, operation="CreateVpc"):
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return told(botocore_errors.ClientError(answer, operation))


THROTTLED = (
    "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException",
    "RequestThrottled", "RequestThrottledException", "BandwidthLimitExceeded", "SlowDown", "PriorRequestNotComplete",
)  # fmt: skip
"""As in botocore.retries.standard, of the services that this library uses."""
EXPIRED = (
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSignatureException",
)  # fmt: skip
PERMISSION = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AuthorizationError")
QUOTA = ("VpcLimitExceeded", "LimitExceededException", "DBInstanceQuotaExceededFault", "TooManyBuckets")
AGAIN = "Correct the cause, then run this again; completed changes are kept."
MORE = "Request a higher quota, or delete unused resources."


@pytest.mark.parametrize("code", THROTTLED)
def test_throttling_passes(code):
    found = refused(code)
    assert (found.retryable, found.outcome_known, found.code, found.message) == (True, True, code, "why")
    assert found.fix == "Wait a minute, then run this again; completed changes are kept."


@pytest.mark.parametrize("code", EXPIRED)
def test_credentials_that_are_not_accepted(code):
    found = refused(code)
    assert (type(found), found.code) == (NoAccess, code)
    assert found.what == f"AWS does not accept these credentials: {code}. why"
    assert found.fix == "Sign in again (aws sso login)."


@pytest.mark.parametrize(
    "operation", ["AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetRoleCredentials", "CreateToken"]
)
@pytest.mark.parametrize("code", ["AccessDenied", "ExpiredToken", "Throttling"])
def test_a_refusal_while_signing_in(operation, code):
    """Whatever its code: botocore sends these calls to get the credentials of a profile."""
    found = refused(code, operation=operation)
    assert (type(found), found.code) == (NoAccess, code)
    assert found.what == f"Cannot sign in: {operation} was refused: {code}. why"
    assert found.fix.startswith("Check AWS_PROFILE and its role_arn.")


@pytest.mark.parametrize(
    ("code", "status", "retryable", "known", "fix"),
    [
        ("Whatever", 400, False, True, AGAIN),
        ("Whatever", 429, True, True, "Wait a minute, then run this again; completed changes are kept."),
        ("Whatever", 499, False, True, AGAIN),
        ("Whatever", 500, True, False, AGAIN),
        ("Whatever", 503, True, False, AGAIN),
        ("Whatever", 0, False, True, AGAIN),
        ("AuthFailure", 400, True, True, AGAIN),
        ("DependencyViolation", 400, False, True, "Something that this run does not delete uses it"),
        *((code, 403, False, True, "Ask for this permission; see docs/permissions.md.") for code in PERMISSION),
        *((code, 400, False, True, MORE) for code in QUOTA),
    ],
)
def test_a_refusal(code, status, retryable, known, fix):
    found = refused(code, status=status)
    assert (found.retryable, found.outcome_known) == (retryable, known)
    assert (found.what, found.code, found.message) == (f"CreateVpc was refused: {code}. why", code, "why")
    assert found.fix.startswith(fix)


def test_of_credentials_ec2_says_what_it_says_of_an_address():
    assert type(refused("AuthFailure", "unable to validate the provided access credentials")) is NoAccess
    assert type(refused("AuthFailure", "the address is mapped")) is RequestRejected
    assert type(refused("Other", "unable to validate the provided access credentials")) is RequestRejected


def test_an_error_that_says_nothing():
    found = told(botocore_errors.ClientError({"Error": {}}, "CreateVpc"))
    assert (found.what, found.code, found.message) == ("CreateVpc was refused: . ", "", "")
    assert (found.retryable, found.outcome_known) == (False, True)


@pytest.mark.parametrize(
    ("answer", "what", "code"),
    [
        ({"Unsuccessful": [{"ResourceId": "fl-1", "Error": {"Code": "C", "Message": "m"}}]}, " for fl-1: C. m", "C"),
        ({"Errors": [{"Key": "a/b", "Code": "C", "Message": "m"}, {"Key": "c"}]}, " for a/b: C. m", "C"),
        ({"FailedEntries": [{"TargetId": "t", "ErrorCode": "C", "ErrorMessage": "m"}]}, " for t: C. m", "C"),
        ({"FailedEntries": [{}]}, ": . ", ""),
        ({"Errors": [], "FailedEntries": [{"Code": "AccessDenied"}]}, ": AccessDenied. ", "AccessDenied"),
    ],
)
def test_what_was_not_done_of_several_things(answer, what, code):
    with pytest.raises(RequestRejected) as caught:
        raise_if_partly_rejected("Delete", answer)
    found = caught.value
    assert (found.what, found.code) == (f"Delete was refused{what}", code)
    assert found.fix.startswith("Ask for this permission" if code == "AccessDenied" else AGAIN)
    assert found.message == ("m" if "m" in what.split() else "")


@pytest.mark.parametrize("answer", [{}, {"Unsuccessful": []}, {"Errors": [], "Deleted": [{"Key": "a"}]}])
def test_what_was_done_is_no_error(answer):
    raise_if_partly_rejected("Delete", answer)
