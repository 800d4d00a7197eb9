"""Who may come in, and what a caller is told of what the emulator cannot do."""

import http.client
import time

import botocore.exceptions
import pytest

from runbook_lib.errors import WrongUsage


def ask(aws, method="GET", path="/", **headers):
    """One request with exactly these headers; its status and body."""
    port = aws.address.port
    call = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    call.putrequest(method, path, skip_host=True)
    for name, value in ({"Host": f"127.0.0.1:{port}"} | {k.replace("_", "-"): v for k, v in headers.items()}).items():
        call.putheader(name, value)
    call.endheaders()
    answer = call.getresponse()
    return answer.status, answer.read().decode()


def test_stock_clients_may_come_in(aws):
    """Both names of this machine are served."""
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
def test_web_pages_are_turned_away(aws, headers):
    """A page open in the operator's browser can neither read nor change the rehearsal."""
    assert ask(aws, "POST", **headers)[0] == 403


@pytest.mark.parametrize(
    "path", ["/moto-api/reset", "/moto-api/data.json", "/_local/reset", "/_local/health", "/_local/save"]
)
def test_the_control_doors_need_the_token(aws, path):
    """Nobody empties the account without having read the owner's file."""
    assert ask(aws, "POST", path)[0] == 403
    assert ask(aws, "POST", path, X_Local_Token="guessed")[0] == 403
    assert ask(aws, "POST", path, X_Local_Token=aws.address.token)[0] == 200


def test_a_token_that_is_no_ascii_is_a_wrong_one(aws):
    """And an answer, not a failure of ours."""
    assert ask(aws, "POST", "/_local/health", X_Local_Token="gue\xdfed")[0] == 403


@pytest.mark.parametrize("length", ["abc", "-5", "\xb2"])
def test_a_length_that_is_no_number_is_the_callers_mistake(aws, length):
    """Nobody waits for a body of which the end is not known."""
    status, body = ask(aws, "POST", Content_Length=length)
    assert (status, "Content-Length" in body) == (400, True)


def test_the_control_door_names_what_it_can_do(aws):
    """A slip in a deed's name is answered with the names there are."""
    status, body = ask(aws, "POST", "/_local/resett", X_Local_Token=aws.address.token)
    assert (status, "reset" in body, "pace" in body) == (404, True, True)


def test_a_pace_that_is_none_is_refused_at_the_control_door(aws):
    """And the one before it holds."""
    for value in ("fast", "-1", "nan", "1000"):
        with pytest.raises(WrongUsage, match="is not a number from 0 to 10"):
            aws.control("pace", value)
    assert aws.control("pace", 0) == {"pace": 0.0}


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("ec2", "describe_vpn_concentrators", {}),  # EC2's protocol
        ("rds", "describe_account_attributes", {}),  # Query
        (
            "iam",
            "simulate_principal_policy",
            {"PolicySourceArn": "arn:aws:iam::123456789012:role/r", "ActionNames": ["a:b"]},
        ),
        ("cloudtrail", "lookup_events", {}),  # JSON
        ("route53", "list_cidr_collections", {}),  # REST-XML
        ("lambda", "list_code_signing_configs", {}),  # REST-JSON
        ("cloudwatch", "describe_anomaly_detectors", {}),  # Smithy RPC
        ("groundstation", "list_satellites", {}),  # a service that moto does not have
    ],
)
def test_what_is_missing_says_so_at_once(aws, service, operation, arguments):
    """An operation that the emulator lacks is named in an AWS error, without seconds of retries."""
    began = time.monotonic()
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        getattr(aws.client(service), operation)(**arguments)
    error = raised.value.response["Error"]
    assert error["Code"] == "NotSupportedLocally"
    assert error["Message"].endswith("is not supported in the local environment")
    assert operation.replace("_", "") in error["Message"].lower()
    assert time.monotonic() - began < 5
