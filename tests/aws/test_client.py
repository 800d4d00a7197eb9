"""The AWS client: where calls go, how often they are sent, what is recorded, and which errors are raised."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections import Counter
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from runbook_lib.aws.client import Aws
from runbook_lib.aws.connection import Connection
from runbook_lib.aws.outages import Outage
from runbook_lib.errors import NoAccess, RequestRejected, WrongAccount, WrongEndpoint
from runbook_lib.journal.redaction.redactor import Redactor
from runbook_lib.resources.base import Resource, kind
from tests.test_permissions import PREFIX, SERVICES, raw_operations

ACCOUNT = "123456789012"
CREDENTIALS = "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"


@kind
class Thing(Resource):
    def observe(self, snapshot, ids):
        raise NotImplementedError

    def create(self, aws, ids):
        raise NotImplementedError

    def delete(self, aws, ids, observed):
        raise NotImplementedError


class Fake(http.server.BaseHTTPRequestHandler):
    """Sends the responses of a test, and keeps the requests."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        state = self.server.state
        state.requests.append(SimpleNamespace(headers=dict(self.headers), body=body))
        response = state.responses.pop(0) if len(state.responses) > 1 else state.responses[0]
        if response is None:
            self.close_connection = True
            return
        status, text = response
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        self.do_POST()

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def fake():
    """A server on this machine with the responses that a test sets; ``None`` closes the connection."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    server.state = SimpleNamespace(requests=[], responses=[ok()], url=f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.state
    server.shutdown()
    server.server_close()


def ok():
    return 200, "<DescribeVpcsResponse><requestId>req-1</requestId><vpcSet/></DescribeVpcsResponse>"


def rejection(code, status=400, message="Because."):
    """An error in EC2's format."""
    errors = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
    return status, f"<Response>{errors}<RequestID>req-9</RequestID></Response>"


@pytest.fixture
def recorded():
    return []


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch, tmp_path):
    """Hide the AWS configuration of whoever runs the tests, and the role of the machine."""
    for name in (*CREDENTIALS, "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", raising=False)
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", raising=False)
    monkeypatch.delenv("AWS_WEB_IDENTITY_TOKEN_FILE", raising=False)


@pytest.fixture
def no_wait(monkeypatch):
    """Let botocore retry at once."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)


def client_of(fake, outage):
    return Aws(env="test", region="us-west-2", connection=Connection(fake.url, "K", "S"), outage=outage)


@pytest.fixture
def local(fake, recorded):
    """A client of the fake."""

    def record(event, **fields):
        recorded.append({"event": event, **fields})

    connection = Connection(fake.url, "LOCALKEY", "local-secret")
    return Aws(
        env="test", region="us-west-2", account=ACCOUNT, connection=connection, run="20260102-apply", on_call=record
    )


def real():
    return Aws(env="prod", region="us-west-2", account=ACCOUNT)


def test_what_a_call_for_several_things_did_not_do_is_an_error(fake, local):
    """EC2 answers 200 and lists it."""
    error = "<error><code>InvalidFlowLogId.NotFound</code><message>No such log.</message></error>"
    listed = f"<unsuccessful><item>{error}<resourceId>fl-1</resourceId></item></unsuccessful>"
    fake.responses = [(200, f"<DeleteFlowLogsResponse>{listed}</DeleteFlowLogsResponse>")]
    with pytest.raises(
        RequestRejected, match=r"DeleteFlowLogs was refused for fl-1: InvalidFlowLogId\.NotFound\. No such"
    ) as caught:
        local.ec2.delete_flow_logs(FlowLogIds=["fl-1"])
    assert caught.value.code == "InvalidFlowLogId.NotFound"


def test_no_other_call_of_this_library_lists_what_it_did_not_do():
    """The fields that are looked at are all that AWS has for it in the answers of our writes."""
    partly = re.compile(r"Unsuccessful|Errors|Failed.*|Unprocessed.*|Not.*Deleted")
    names = {name: PREFIX.get(name, name) for name in SERVICES}
    found = set()
    for service, operation in (action.split(":") for action in raw_operations()):
        for name in (name for name, prefix in names.items() if prefix == service):
            model = boto3.client(
                name, region_name="us-west-2", aws_access_key_id="-", aws_secret_access_key="-"
            ).meta.service_model
            output = model.operation_model(operation).output_shape
            found |= {field for field in (output.members if output else ()) if partly.fullmatch(field)}
    assert found == {"Unsuccessful", "Errors", "FailedEntries", "FailedEntryCount"}


def test_a_target_that_eventbridge_did_not_take_is_an_error(fake, local):
    """EventBridge answers 200 and lists it."""
    entry = {"TargetId": "rollback", "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "Try again."}
    fake.responses = [(200, json.dumps({"FailedEntryCount": 1, "FailedEntries": [entry]}))]
    with pytest.raises(
        RequestRejected, match=r"refused for rollback: ConcurrentModificationException\. Try again"
    ) as one:
        local.events.put_targets(
            Rule="r", Targets=[{"Id": "rollback", "Arn": f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:f"}]
        )
    assert one.value.code == "ConcurrentModificationException"


class TestRetries:
    def test_a_read_is_retried(self, fake, local, no_wait):
        """After throttling, a server error and a lost connection."""
        fake.responses = [rejection("RequestLimitExceeded", 503), rejection("InternalError", 500), None, ok()]
        assert local.ec2.describe_vpcs()["Vpcs"] == []
        assert len(fake.requests) == 4

    @pytest.mark.parametrize(
        "response", [rejection("RequestLimitExceeded", 503), rejection("InternalError", 500), None]
    )
    def test_a_write_is_sent_once(self, fake, local, no_wait, response):
        """AWS may have done it, and some creates take no token: the engine observes before it sends one again."""
        fake.responses = [response]
        with pytest.raises(RequestRejected) as caught:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert len(fake.requests) == 1
        assert caught.value.retryable

    def test_the_pages_of_a_list_come_as_one(self, fake, local):
        def page(name, token):
            pair = f"<item><vpcId>{name}</vpcId></item>"
            return 200, f"<R><vpcSet>{pair}</vpcSet>{token}</R>"

        fake.responses = [page("vpc-1", "<nextToken>more</nextToken>"), page("vpc-2", "")]
        assert [vpc["VpcId"] for vpc in local.pages("ec2", "describe_vpcs", "Vpcs")] == ["vpc-1", "vpc-2"]
        assert "NextToken=more" in fake.requests[1].body

    def test_a_rejected_page_raises_the_same_error_as_any_call(self, fake, local):
        fake.responses = [rejection("UnauthorizedOperation", 403)]
        with pytest.raises(RequestRejected, match="UnauthorizedOperation"):
            local.pages("ec2", "describe_vpcs", "Vpcs")


class TestErrors:
    @pytest.mark.parametrize("code", ["ExpiredToken", "RequestExpired", "ExpiredTokenException"])
    def test_expired_credentials(self, fake, local, code):
        fake.responses = [rejection(code, 403)]
        with pytest.raises(NoAccess, match=r"(?s)does not accept these credentials: .*Sign in again"):
            local.ec2.describe_vpcs()

    @pytest.mark.parametrize("code", ["InvalidClientTokenId", "SignatureDoesNotMatch"])
    def test_unknown_credentials(self, fake, local, code):
        fake.responses = [rejection(code, 403)]
        with pytest.raises(NoAccess, match=code):
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")

    def test_auth_failure_of_the_credentials(self, fake, local):
        """EC2's code for credentials that it cannot validate."""
        fake.responses = [rejection("AuthFailure", 401, "AWS was not able to validate the provided access credentials")]
        with pytest.raises(NoAccess, match="AuthFailure"):
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")

    def test_auth_failure_of_anything_else_is_worth_another_try(self, fake, local):
        """EC2 says so of an address that is still mapped, just after its NAT gateway is gone."""
        fake.responses = [rejection("AuthFailure", 400, "You do not have permission to access the specified resource.")]
        with pytest.raises(RequestRejected, match="ReleaseAddress was refused: AuthFailure") as caught:
            local.ec2.release_address(AllocationId="eipalloc-1")
        assert caught.value.retryable

    @pytest.mark.parametrize("code", ["UnauthorizedOperation", "AccessDenied"])
    def test_a_permission_that_is_missing(self, fake, local, code):
        """The error names the call and the page with the permissions; a retry does not help."""
        fake.responses = [rejection(code, 403)]
        with pytest.raises(
            RequestRejected, match=rf"(?s)CreateVpc was refused: {code}.*docs/permissions\.md"
        ) as caught:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert (caught.value.code, caught.value.retryable, caught.value.outcome_known) == (code, False, True)

    @pytest.mark.parametrize("code", ["VpcLimitExceeded", "AddressLimitExceeded", "DBInstanceQuotaExceeded"])
    def test_a_quota_that_is_full(self, fake, local, code):
        fake.responses = [rejection(code)]
        with pytest.raises(RequestRejected, match=r"(?s)Request a higher quota, or delete unused resources") as caught:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert not caught.value.retryable

    @pytest.mark.parametrize(
        ("code", "status"), [("RequestLimitExceeded", 503), ("Throttling", 400), ("TooManyRequestsException", 429)]
    )
    def test_throttling_is_retryable_and_not_a_quota(self, fake, local, code, status):
        fake.responses = [rejection(code, status)]
        with pytest.raises(RequestRejected, match="Wait a minute") as caught:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert caught.value.retryable

    def test_the_outcome_of_a_rejection_is_known_and_of_a_server_error_unknown(self, fake, local):
        """After a 4xx AWS did nothing; after a 5xx it may have done it."""
        for status, known in ((400, True), (500, False), (503, False)):
            fake.responses = [rejection("Whatever", status)]
            with pytest.raises(RequestRejected) as caught:
                local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
            assert caught.value.outcome_known is known

    def test_without_a_response_the_outcome_is_unknown(self, fake, local):
        fake.responses = [None]
        with pytest.raises(RequestRejected, match=r"(?s)no response from AWS.*Check the network") as caught:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert (caught.value.code, caught.value.retryable, caught.value.outcome_known) == ("NoAnswer", True, False)

    @pytest.mark.parametrize("text", ["<CreateVpcResponse><vpc><vpcId>vpc-1", ""])
    def test_an_answer_that_was_cut_off_is_a_lost_one(self, fake, local, text):
        """AWS may have done it."""
        fake.responses = [(200, text)]
        with pytest.raises(RequestRejected, match="no response from AWS that can be read") as caught:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert (caught.value.code, caught.value.retryable, caught.value.outcome_known) == ("NoAnswer", True, False)

    @pytest.mark.parametrize("text", ['{"deploymentId": "d-1', '{"deploymentId": "d-ü"}'[:-3], ""])
    @pytest.mark.parametrize("status", [200, 400])
    def test_an_answer_in_json_that_was_cut_off_is_a_lost_one(self, fake, local, recorded, text, status):
        """botocore takes it for an answer without any field."""
        fake.responses = [(status, text)]
        with pytest.raises(RequestRejected) as caught:
            local.codedeploy.create_deployment(applicationName="web")
        if text or status == 200:
            assert (caught.value.code, caught.value.outcome_known) == ("NoAnswer", False)

    def test_a_read_that_was_cut_off_is_repeated(self, fake):
        """Once AWS has answered at all."""
        paused = []
        local = client_of(fake, Outage(sleep=paused.append, answered=True))
        fake.responses = [(200, ok()[1][:30]), ok()]
        assert local.ec2.describe_vpcs()["Vpcs"] == []
        assert len(paused) == 1

    def test_an_outage_of_two_minutes_is_waited_out(self, fake, no_wait):
        """A longer one is not, and the error says since when nobody has answered."""
        now = [0.0]

        def sleep(seconds):
            now[0] += seconds
            if now[0] > 120 and fake.responses == [None]:
                fake.responses = [ok()]

        local = client_of(fake, Outage(lambda: now[0], sleep))
        assert local.ec2.describe_vpcs()["Vpcs"] == []
        fake.responses = [None]
        assert local.pages("ec2", "describe_vpcs", "Vpcs") == []
        assert 120 < now[0] < 140
        dead = client_of(
            fake, Outage(lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds), answered=True)
        )
        fake.responses = [None]
        with pytest.raises(RequestRejected, match=r"has not answered for 1[89]\d s; its last answer came at 20.* UTC"):
            dead.ec2.describe_vpcs()

    def test_an_endpoint_that_never_answered_is_not_waited_for(self, fake, no_wait):
        fake.responses = [None]
        with pytest.raises(RequestRejected, match="no response from AWS"):
            client_of(fake, Outage(sleep=lambda seconds: pytest.fail("it waits"))).ec2.describe_vpcs()

    def test_a_request_without_a_connection_was_not_carried_out(self, no_wait):
        nowhere = Aws(env="test", region="us-west-2", connection=Connection("http://127.0.0.1:9", "K", "S"))
        with pytest.raises(RequestRejected) as caught:
            nowhere.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert (caught.value.retryable, caught.value.outcome_known) == (True, True)

    def test_an_endpoint_that_cannot_be_reached(self, no_wait):
        nowhere = Aws(env="test", region="us-west-2", connection=Connection("http://127.0.0.1:9", "K", "S"))
        with pytest.raises(RequestRejected, match="no response from AWS") as caught:
            nowhere.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert caught.value.code == "NoAnswer"
        assert isinstance(caught.value.__cause__, EndpointConnectionError)

    def test_the_message_of_aws_is_passed_on(self, fake, local):
        fake.responses = [rejection("InvalidVpcRange", message="The CIDR '1.2.3.4/8' is invalid.")]
        with pytest.raises(RequestRejected, match=r"The CIDR '1\.2\.3\.4/8' is invalid\.") as caught:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert caught.value.message == "The CIDR '1.2.3.4/8' is invalid."


class TestCredentials:
    def test_no_credentials_at_all(self):
        """Nothing is sent; the error says how to sign in."""
        with pytest.raises(NoAccess, match=r"(?s)Cannot access AWS: .*aws sso login"):
            real().sts.get_caller_identity()

    def test_a_profile_that_does_not_exist(self, monkeypatch):
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        with pytest.raises(NoAccess, match=r"nobody"):
            real()

    def test_credentials_of_another_account_are_rejected(self, fake, local):
        """The error names both accounts."""
        fake.responses = [caller("999999999999")]
        with pytest.raises(WrongAccount, match=rf"999999999999, but test is account {ACCOUNT}"):
            local.require_account(ACCOUNT)

    def test_the_right_account_returns_the_caller(self, fake, local):
        fake.responses = [caller(ACCOUNT)]
        assert local.require_account(ACCOUNT) == f"arn:aws:iam::{ACCOUNT}:user/ann"


def caller(account):
    who = f"<Account>{account}</Account><Arn>arn:aws:iam::{account}:user/ann</Arn><UserId>AIDA</UserId>"
    result = f"<GetCallerIdentityResult>{who}</GetCallerIdentityResult>"
    return 200, f"<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>"


class TestEndpoints:
    @pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2"])
    def test_a_real_environment_goes_to_aws_only(self, fake, monkeypatch, name):
        """An endpoint left over in the shell, e.g. of an emulator, is rejected, and nothing is sent there."""
        monkeypatch.setenv(name, fake.url)
        with pytest.raises(WrongEndpoint, match=rf"(?s)ec2 calls would go to {fake.url}.*Unset AWS_ENDPOINT_URL"):
            real().client("ec2")
        assert fake.requests == []

    def test_an_endpoint_in_a_configuration_file_is_rejected_too(self, fake, tmp_path):
        (tmp_path / "config").write_text(f"[default]\nendpoint_url = {fake.url}\n")
        with pytest.raises(WrongEndpoint, match="ec2 calls would go to"):
            real().client("ec2")

    @pytest.mark.parametrize("host", ["127.0.0.1.amazonaws.com.example.org", "notamazonaws.com"])
    def test_a_host_that_only_resembles_aws_is_rejected(self, monkeypatch, host):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://{host}")
        with pytest.raises(WrongEndpoint, match=host):
            real().client("ec2")

    @pytest.mark.parametrize("service", ["ec2", "s3", "iam", "codedeploy", "resourcegroupstaggingapi", "sts"])
    @pytest.mark.parametrize("region", ["us-west-2", "eu-central-1"])
    def test_the_endpoints_of_aws_are_accepted(self, service, region):
        """No call is made: only the client is created."""
        assert Aws(env="prod", region=region).client(service)

    def test_a_connection_ignores_the_configuration_of_the_operator(self, fake, monkeypatch, tmp_path, recorded):
        """Real credentials are never sent to an emulator, and a broken configuration does not matter to it."""
        (tmp_path / "config").write_text("[default]\nendpoint_url = http://127.0.0.1:9\nregion = eu-west-1\n")
        (tmp_path / "credentials").write_text("[default]\naws_access_key_id = REALKEY\naws_secret_access_key = real\n")
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "REALKEY")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "REALTOKEN")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        aws = Aws(env="test", region="us-west-2", connection=Connection(fake.url, "LOCALKEY", "local-secret"))
        aws.ec2.describe_vpcs()
        (request,) = fake.requests
        assert "Credential=LOCALKEY/" in request.headers["Authorization"]
        assert "/us-west-2/" in request.headers["Authorization"]
        assert "REAL" not in str(request)


class TestRecordedCalls:
    def test_every_write_with_its_request_id(self, fake, local, recorded):
        fake.responses = [(200, "<CreateVpcResponse><requestId>req-7</requestId><vpc/></CreateVpcResponse>")]
        local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        (call,) = recorded
        assert call.pop("ms") >= 0
        assert call == {
            "event": "call", "service": "ec2", "operation": "CreateVpc", "write": True,
            "status": 200, "request_id": "req-7", "error": None,
        }  # fmt: skip

    def test_a_rejected_write_and_a_rejected_read(self, fake, local, recorded):
        fake.responses = [rejection("AccessDenied", 403)]
        for send in (lambda: local.ec2.create_vpc(CidrBlock="10.0.0.0/16"), local.ec2.describe_vpcs):
            with pytest.raises(RequestRejected):
                send()
        assert [(call["operation"], call["write"], call["error"], call["request_id"]) for call in recorded] == [
            ("CreateVpc", True, "AccessDenied", "req-9"),
            ("DescribeVpcs", False, "AccessDenied", "req-9"),
        ]

    def test_a_successful_read_is_not_recorded(self, local, recorded):
        local.ec2.describe_vpcs()
        assert recorded == []

    def test_a_write_without_a_response_is_recorded(self, fake, local, recorded):
        """AWS may or may not have done it: an operator has to look it up."""
        fake.responses = [None]
        with pytest.raises(RequestRejected):
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert [(call["operation"], call["write"], call["error"]) for call in recorded] == [
            ("CreateVpc", True, "NoAnswer")
        ]

    def test_contents_of_requests_and_responses_are_not_recorded(self, fake, local, recorded):
        """Both may hold secrets."""
        fake.responses = [
            (200, json.dumps({"Name": "made-of-glass"})),
            (400, json.dumps({"__type": "InvalidRequestException", "message": "hunter2 is taken"})),
        ]
        local.secretsmanager.create_secret(Name="n", SecretString="hunter2")
        with pytest.raises(RequestRejected):
            local.secretsmanager.create_secret(Name="n", SecretString="hunter2")
        assert [call["operation"] for call in recorded] == ["CreateSecret"] * 2
        assert "hunter2" in fake.requests[0].body
        assert "hunter2" not in str(recorded)
        assert "glass" not in str(recorded)

    def test_the_user_agent_names_the_run(self, fake, local):
        """CloudTrail keeps the user agent, which leads to the evidence of the run."""
        fake.responses = [ok(), rejection("No")]
        local.ec2.describe_vpcs()
        with pytest.raises(RequestRejected):
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert [("run/20260102-apply" in request.headers["User-Agent"]) for request in fake.requests] == [True, True]


class TestIdentity:
    def aws(self, **more):
        connection = Connection("http://127.0.0.1:9", "K", "S")
        return Aws(**{"env": "test", "region": "us-west-2", "account": ACCOUNT, "connection": connection} | more)

    def test_labels_cannot_override_the_tags_of_ownership(self):
        aws = self.aws(labels={"team": "blue", "runbook:env": "prod", "Name": "other"})
        assert aws.tag_map(Thing(name="a")) == {
            "team": "blue", "Name": "test-a", "runbook:owner": "runbook", "runbook:env": "test",
            "runbook:key": "thing.a",
        }  # fmt: skip

    def test_a_client_token_is_unique_to_a_create_of_a_run(self):
        thing, aws = Thing(name="a"), self.aws(run="one")
        others = [
            self.aws(run="two").token(thing),
            self.aws(run="one", env="prod").token(thing),
            self.aws(run="one", region="eu-west-1").token(thing),
            self.aws(run="one", account="999999999999").token(thing),
            aws.token(Thing(name="b")),
            aws.token(thing, "vpc-1"),
            aws.token(thing, "vpc-2"),
        ]
        assert aws.token(thing) == self.aws(run="one").token(thing)
        assert Counter([aws.token(thing), *others]).most_common(1)[0][1] == 1
        assert len(aws.token(thing)) <= 64


def test_no_operation_that_counts_as_a_read_changes_anything():
    """Reads are recognised by their names, and only reads are retried by botocore."""
    from runbook_lib.aws.client import _is_read

    writes = {"create", "delete", "put", "modify", "update", "attach", "associate", "run", "terminate", "release"}
    session = boto3.session.Session()
    for service in ("ec2", "s3", "rds", "iam", "elbv2", "autoscaling", "codedeploy", "acm", "ssm", "secretsmanager"):
        client = session.client(service, region_name="us-west-2", aws_access_key_id="-", aws_secret_access_key="-")
        reads = {operation.partition("_")[0] for operation in client.meta.method_to_api_mapping if _is_read(operation)}
        assert not reads & writes
        assert reads


def test_secrets_of_a_request_are_registered_before_it_is_sent(monkeypatch):
    """Also when no response comes."""
    registered = []
    aws = Aws(
        env="test", region="us-west-2", add_secrets=registered.append,
        connection=Connection("http://127.0.0.1:9", "key", "key"),
    )  # fmt: skip
    with pytest.raises(RequestRejected):
        aws.secretsmanager.create_secret(Name="local/web", SecretString="rd-4711-xyz")
    assert [data["SecretString"] for data in registered if "SecretString" in data] == ["rd-4711-xyz"]


@pytest.mark.parametrize("token", ["the-session-token", None])
def test_the_operator_s_own_keys_are_registered_with_the_first_answer(monkeypatch, token):
    """A cell that prints its environment must not print them; those of a rehearsal are no secret."""
    registered = []
    aws = Aws(
        env="test",
        region="us-west-2",
        add_secrets=registered.append,
        connection=Connection("http://127.0.0.1:9", "k", "s"),
    )
    keys = SimpleNamespace(access_key="AKIA", secret_key="the-secret-key", token=token)
    credentials = SimpleNamespace(get_frozen_credentials=lambda: keys)
    monkeypatch.setattr(aws, "caller", lambda: {"Account": "1", "Arn": "arn:me"})
    monkeypatch.setattr(aws, "_session", SimpleNamespace(get_credentials=lambda: credentials))
    assert aws.require_account("1") == "arn:me"
    assert registered == []
    aws._connection = None
    with pytest.raises(WrongAccount):
        aws.require_account("2")
    assert aws.require_account("1") == "arn:me"
    redactor = Redactor()
    for data in registered:
        redactor.add_secrets_of(data)
    assert redactor.secrets == ("the-secret-key", *filter(None, [token]))
