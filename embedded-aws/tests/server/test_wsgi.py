"""Which requests are accepted, and the errors for what the emulator cannot do."""

import http.client
import time
import uuid

import botocore.exceptions
import pytest

from runbook_lib.errors import WrongUsage


def ask(aws, method="GET", path="/", **headers):
    """Send one request with exactly these headers; return status and body."""
    port = aws.address.port
    call = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    call.putrequest(method, path, skip_host=True)
    for name, value in ({"Host": f"127.0.0.1:{port}"} | {k.replace("_", "-"): v for k, v in headers.items()}).items():
        call.putheader(name, value)
    call.endheaders()
    answer = call.getresponse()
    return answer.status, answer.read().decode()


def test_aws_clients_are_accepted(aws):
    """By both names of this machine."""
    assert ask(aws)[0] == 200
    assert ask(aws, Host=f"localhost:{aws.address.port}")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Host": "example.com"},  # a name that an attacker lets point at 127.0.0.1
        {"Host": "127.0.0.1.example.com:80"},
        {"Sec-Fetch-Site": "cross-site"},  # a picture or a form in a page
    ],
)
def test_web_pages_are_rejected(aws, headers):
    """A page in the operator's browser can neither read nor change the rehearsal."""
    assert ask(aws, "POST", **headers)[0] == 403


@pytest.mark.parametrize(
    "path", ["/moto-api/reset", "/moto-api/data.json", "/_local/reset", "/_local/health", "/_local/save"]
)
def test_control_apis_need_the_token(aws, path):
    """Ours as well as moto's."""
    assert ask(aws, "POST", path)[0] == 403
    assert ask(aws, "POST", path, X_Local_Token="guessed")[0] == 403
    assert ask(aws, "POST", path, X_Local_Token=aws.address.token)[0] == 200


def test_a_token_that_is_not_ascii_is_rejected(aws):
    assert ask(aws, "POST", "/_local/health", X_Local_Token="gue\xdfed")[0] == 403


@pytest.mark.parametrize("length", ["abc", "-5", "\xb2"])
def test_an_invalid_length_is_a_bad_request(aws, length):
    status, body = ask(aws, "POST", Content_Length=length)
    assert (status, "Content-Length" in body) == (400, True)


def test_an_unknown_operation_gets_the_list_of_operations(aws):
    status, body = ask(aws, "POST", "/_local/resett", X_Local_Token=aws.address.token)
    assert (status, "reset" in body, "pace" in body) == (404, True, True)


def test_an_invalid_pace_is_rejected(aws):
    """The previous one stays."""
    for value in ("fast", "-1", "nan", "1000"):
        with pytest.raises(WrongUsage, match="is not a number from 0 to 10"):
            aws.control("pace", value)
    assert aws.control("pace", 0) == {"pace": 0.0}


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("ec2", "describe_vpn_concentrators", {}),  # EC2's protocol
        ("rds", "describe_account_attributes", {}),  # Query
        ("iam", "simulate_custom_policy", {"PolicyInputList": ["{}"], "ActionNames": ["a:b"]}),
        ("cloudtrail", "list_channels", {}),  # JSON
        ("route53", "list_cidr_collections", {}),  # REST-XML
        ("lambda", "list_code_signing_configs", {}),  # REST-JSON
        ("cloudwatch", "describe_anomaly_detectors", {}),  # Smithy RPC
        ("groundstation", "list_satellites", {}),  # a service that moto does not have
    ],
)
def test_an_unsupported_operation_fails_at_once(aws, service, operation, arguments):
    """The AWS error names it, and clients do not retry for seconds."""
    began = time.monotonic()
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        getattr(aws.client(service), operation)(**arguments)
    error = raised.value.response["Error"]
    assert error["Code"] == "NotSupportedLocally"
    assert error["Message"].endswith("is not supported in the local environment")
    assert operation.replace("_", "") in error["Message"].lower()
    assert time.monotonic() - began < 20


def test_every_response_of_ec2_has_a_request_id_of_its_own(aws):
    """By it a call in the evidence is found in CloudTrail."""
    ec2 = aws.client("ec2")
    ids = [ec2.describe_vpcs()["ResponseMetadata"]["RequestId"] for _ in range(2)]
    assert len({uuid.UUID(request_id) for request_id in ids}) == 2
