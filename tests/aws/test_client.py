"""The door to AWS: where calls go, how often they are sent, and what an operator hears when AWS says no."""

from __future__ import annotations

import http.server
import json
import threading
from collections import Counter
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from runbook_lib.aws.client import Aws
from runbook_lib.aws.connection import Connection
from runbook_lib.errors import NoAccess, RequestRejected, WrongAccount, WrongEndpoint
from runbook_lib.resources.base import Resource, kind

ACCOUNT = "123456789012"
PEOPLE = "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"


@kind
class Thing(Resource):
    def observe(self, look, ids):
        raise NotImplementedError

    def create(self, aws, ids):
        raise NotImplementedError

    def delete(self, aws, ids, seen):
        raise NotImplementedError


class Fake(http.server.BaseHTTPRequestHandler):
    """Answers as it is told, and remembers what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        said = self.server.said
        said.asked.append(SimpleNamespace(headers=dict(self.headers), body=body))
        answer = said.answers.pop(0) if len(said.answers) > 1 else said.answers[0]
        if answer is None:
            self.close_connection = True
            return
        status, text = answer
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
    """A server on this machine that says what a test wants AWS to say; ``None`` is no answer."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    server.said = SimpleNamespace(asked=[], answers=[ok()], url=f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.said
    server.shutdown()
    server.server_close()


def ok():
    return 200, "<DescribeVpcsResponse><requestId>req-1</requestId><vpcSet/></DescribeVpcsResponse>"


def refusal(code, status=400, message="So it is."):
    """As EC2 words it."""
    errors = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
    return status, f"<Response>{errors}<RequestID>req-9</RequestID></Response>"


@pytest.fixture
def recorded():
    return []


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """Whoever runs the tests: nothing of their own set-up counts, and nothing asks for a machine's role."""
    for name in (*PEOPLE, "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", raising=False)
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", raising=False)
    monkeypatch.delenv("AWS_WEB_IDENTITY_TOKEN_FILE", raising=False)


@pytest.fixture
def no_wait(monkeypatch):
    """botocore rests between its tries; not here."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)


@pytest.fixture
def local(fake, recorded):
    """A door to the fake."""

    def record(event, **told):
        recorded.append({"event": event, **told})

    connection = Connection(fake.url, "LOCALKEY", "local-secret")
    return Aws(
        env="test", region="us-west-2", account=ACCOUNT, connection=connection, run="20260102-apply", record=record
    )


def real():
    return Aws(env="prod", region="us-west-2", account=ACCOUNT)


class TestHowOften:
    def test_a_read_is_tried_again(self, fake, local, no_wait):
        """Through throttling, a server's stumble and a broken line."""
        fake.answers = [refusal("RequestLimitExceeded", 503), refusal("InternalError", 500), None, ok()]
        assert local.ec2.describe_vpcs()["Vpcs"] == []
        assert len(fake.asked) == 4

    @pytest.mark.parametrize("answer", [refusal("RequestLimitExceeded", 503), refusal("InternalError", 500), None])
    def test_a_write_is_sent_once(self, fake, local, no_wait, answer):
        """AWS may have done it, and some creates take no token: the engine looks before it sends it again."""
        fake.answers = [answer]
        with pytest.raises(RequestRejected) as stopped:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert len(fake.asked) == 1
        assert stopped.value.retryable

    def test_the_pages_of_a_list_come_as_one(self, fake, local):
        def page(name, token):
            pair = f"<item><vpcId>{name}</vpcId></item>"
            return 200, f"<R><vpcSet>{pair}</vpcSet>{token}</R>"

        fake.answers = [page("vpc-1", "<nextToken>more</nextToken>"), page("vpc-2", "")]
        assert [vpc["VpcId"] for vpc in local.pages("ec2", "describe_vpcs", "Vpcs")] == ["vpc-1", "vpc-2"]
        assert "NextToken=more" in fake.asked[1].body

    def test_a_refused_page_is_told_like_any_other_refusal(self, fake, local):
        fake.answers = [refusal("UnauthorizedOperation", 403)]
        with pytest.raises(RequestRejected, match="UnauthorizedOperation"):
            local.pages("ec2", "describe_vpcs", "Vpcs")


class TestWhatAnOperatorHears:
    @pytest.mark.parametrize("code", ["ExpiredToken", "RequestExpired", "ExpiredTokenException"])
    def test_expired_credentials(self, fake, local, code):
        fake.answers = [refusal(code, 403)]
        with pytest.raises(NoAccess, match=r"(?s)does not know these credentials: .*Sign in again"):
            local.ec2.describe_vpcs()

    @pytest.mark.parametrize("code", ["AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch"])
    def test_unknown_credentials(self, fake, local, code):
        fake.answers = [refusal(code, 403)]
        with pytest.raises(NoAccess, match=code):
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")

    @pytest.mark.parametrize("code", ["UnauthorizedOperation", "AccessDenied"])
    def test_a_permission_that_is_missing(self, fake, local, code):
        """The call is named, and where it is written which permissions are needed; it is final."""
        fake.answers = [refusal(code, 403)]
        with pytest.raises(
            RequestRejected, match=rf"(?s)CreateVpc was refused: {code}.*docs/permissions\.md"
        ) as stopped:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert (stopped.value.code, stopped.value.retryable, stopped.value.outcome_known) == (code, False, True)

    @pytest.mark.parametrize("code", ["VpcLimitExceeded", "AddressLimitExceeded", "DBInstanceQuotaExceeded"])
    def test_a_quota_that_is_full(self, fake, local, code):
        fake.answers = [refusal(code)]
        with pytest.raises(RequestRejected, match=r"(?s)Raise the quota, or remove what is unused") as stopped:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert not stopped.value.retryable

    @pytest.mark.parametrize(
        ("code", "status"), [("RequestLimitExceeded", 503), ("Throttling", 400), ("TooManyRequestsException", 429)]
    )
    def test_throttling_passes_and_is_no_quota(self, fake, local, code, status):
        fake.answers = [refusal(code, status)]
        with pytest.raises(RequestRejected, match="Wait a little") as stopped:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert stopped.value.retryable

    def test_a_refusal_is_certain_and_a_stumble_is_not(self, fake, local):
        """After a 4xx AWS surely did nothing; after a 5xx nobody knows."""
        for status, known in ((400, True), (500, False), (503, False)):
            fake.answers = [refusal("Whatever", status)]
            with pytest.raises(RequestRejected) as stopped:
                local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
            assert stopped.value.outcome_known is known

    def test_no_answer_leaves_it_open_whether_aws_did_it(self, fake, local):
        fake.answers = [None]
        with pytest.raises(RequestRejected, match=r"(?s)no answer from AWS.*Check the network") as stopped:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert (stopped.value.code, stopped.value.retryable, stopped.value.outcome_known) == ("NoAnswer", True, False)

    def test_nobody_listens(self, no_wait):
        nowhere = Aws(env="test", region="us-west-2", connection=Connection("http://127.0.0.1:9", "K", "S"))
        with pytest.raises(RequestRejected, match="no answer from AWS") as stopped:
            nowhere.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert stopped.value.code == "NoAnswer"
        assert isinstance(stopped.value.__cause__, EndpointConnectionError)

    def test_aws_own_words_are_passed_on(self, fake, local):
        fake.answers = [refusal("InvalidVpcRange", message="The CIDR '1.2.3.4/8' is invalid.")]
        with pytest.raises(RequestRejected, match=r"The CIDR '1\.2\.3\.4/8' is invalid\.") as stopped:
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert stopped.value.message == "The CIDR '1.2.3.4/8' is invalid."


class TestWhoAmI:
    def test_no_credentials_at_all(self):
        """Nothing is sent; it is said how to sign in."""
        with pytest.raises(NoAccess, match=r"(?s)No way into AWS: .*aws sso login"):
            real().sts.get_caller_identity()

    def test_a_profile_that_does_not_exist(self, monkeypatch):
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        with pytest.raises(NoAccess, match=r"nobody"):
            real()

    def test_credentials_of_another_account_stop_it(self, fake, local):
        """Both accounts are named."""
        fake.answers = [caller("999999999999")]
        with pytest.raises(WrongAccount, match=rf"999999999999, but test is account {ACCOUNT}"):
            local.require_account(ACCOUNT)

    def test_the_right_account_tells_who_it_is(self, fake, local):
        fake.answers = [caller(ACCOUNT)]
        assert local.require_account(ACCOUNT) == f"arn:aws:iam::{ACCOUNT}:user/ann"


def caller(account):
    who = f"<Account>{account}</Account><Arn>arn:aws:iam::{account}:user/ann</Arn><UserId>AIDA</UserId>"
    result = f"<GetCallerIdentityResult>{who}</GetCallerIdentityResult>"
    return 200, f"<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>"


class TestWhereTo:
    @pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2"])
    def test_a_real_environment_goes_to_aws_only(self, fake, monkeypatch, name):
        """An address left over in the shell, e.g. of an emulator, is refused, and nothing is sent there."""
        monkeypatch.setenv(name, fake.url)
        with pytest.raises(WrongEndpoint, match=rf"(?s)ec2 calls would go to {fake.url}.*Unset AWS_ENDPOINT_URL"):
            real().client("ec2")
        assert fake.asked == []

    def test_also_by_a_configuration_file(self, fake, tmp_path):
        (tmp_path / "config").write_text(f"[default]\nendpoint_url = {fake.url}\n")
        with pytest.raises(WrongEndpoint, match="ec2 calls would go to"):
            real().client("ec2")

    @pytest.mark.parametrize("host", ["127.0.0.1.amazonaws.com.example.org", "notamazonaws.com"])
    def test_what_only_looks_like_aws_is_refused(self, monkeypatch, host):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://{host}")
        with pytest.raises(WrongEndpoint, match=host):
            real().client("ec2")

    @pytest.mark.parametrize("service", ["ec2", "s3", "iam", "codedeploy", "resourcegroupstaggingapi", "sts"])
    @pytest.mark.parametrize("region", ["us-west-2", "eu-central-1"])
    def test_aws_itself_is_not_refused(self, service, region):
        """No call is made: a door is all that is asked for."""
        assert Aws(env="prod", region=region).client(service)

    def test_a_rehearsal_ignores_all_that_people_have_set_up(self, fake, monkeypatch, tmp_path, recorded):
        """Real credentials are never sent to an emulator, and a broken set-up does not break a rehearsal."""
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
        door = Aws(env="test", region="us-west-2", connection=Connection(fake.url, "LOCALKEY", "local-secret"))
        door.ec2.describe_vpcs()
        (asked,) = fake.asked
        assert "Credential=LOCALKEY/" in asked.headers["Authorization"]
        assert "/us-west-2/" in asked.headers["Authorization"]
        assert "REAL" not in str(asked)


class TestWhatIsRecorded:
    def test_every_write_with_its_request_id(self, fake, local, recorded):
        fake.answers = [(200, "<CreateVpcResponse><requestId>req-7</requestId><vpc/></CreateVpcResponse>")]
        local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        (told,) = recorded
        assert told.pop("ms") >= 0
        assert told == {
            "event": "call", "service": "ec2", "operation": "CreateVpc", "write": True,
            "status": 200, "request_id": "req-7", "error": None,
        }  # fmt: skip

    def test_a_refused_write_and_a_refused_read(self, fake, local, recorded):
        fake.answers = [refusal("AccessDenied", 403)]
        for ask in (lambda: local.ec2.create_vpc(CidrBlock="10.0.0.0/16"), local.ec2.describe_vpcs):
            with pytest.raises(RequestRejected):
                ask()
        assert [(told["operation"], told["write"], told["error"], told["request_id"]) for told in recorded] == [
            ("CreateVpc", True, "AccessDenied", "req-9"),
            ("DescribeVpcs", False, "AccessDenied", "req-9"),
        ]

    def test_a_read_that_went_well_is_left_to_cloudtrail(self, local, recorded):
        local.ec2.describe_vpcs()
        assert recorded == []

    def test_a_write_without_an_answer(self, fake, local, recorded):
        """Of all calls the one that one would want to look up later: whether AWS did it is open."""
        fake.answers = [None]
        with pytest.raises(RequestRejected):
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert [(told["operation"], told["write"], told["error"]) for told in recorded] == [
            ("CreateVpc", True, "NoAnswer")
        ]

    def test_never_what_was_sent_or_came_back(self, fake, local, recorded):
        """A request may hold a secret, and so may an answer."""
        fake.answers = [
            (200, json.dumps({"Name": "made-of-glass"})),
            (400, json.dumps({"__type": "InvalidRequestException", "message": "hunter2 is taken"})),
        ]
        local.secretsmanager.create_secret(Name="n", SecretString="hunter2")
        with pytest.raises(RequestRejected):
            local.secretsmanager.create_secret(Name="n", SecretString="hunter2")
        assert [told["operation"] for told in recorded] == ["CreateSecret"] * 2
        assert "hunter2" in fake.asked[0].body
        assert "hunter2" not in str(recorded)
        assert "glass" not in str(recorded)

    def test_aws_sees_which_run_it_was(self, fake, local):
        """CloudTrail keeps the user agent: from there it is one step to the evidence."""
        fake.answers = [ok(), refusal("No")]
        local.ec2.describe_vpcs()
        with pytest.raises(RequestRejected):
            local.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert [("run/20260102-apply" in asked.headers["User-Agent"]) for asked in fake.asked] == [True, True]


class TestNames:
    def door(self, **more):
        connection = Connection("http://127.0.0.1:9", "K", "S")
        return Aws(**{"env": "test", "region": "us-west-2", "account": ACCOUNT, "connection": connection} | more)

    def test_tags_say_whose_it_is_and_no_label_can_say_otherwise(self):
        door = self.door(labels={"team": "blue", "runbook:env": "prod", "Name": "other"})
        assert door.tag_map(Thing(name="a")) == {
            "team": "blue", "Name": "test-a", "runbook:owner": "runbook", "runbook:env": "test",
            "runbook:key": "thing.a",
        }  # fmt: skip

    def test_a_token_is_the_same_for_the_same_create_of_a_run_and_for_no_other(self):
        thing, door = Thing(name="a"), self.door(run="one")
        others = [
            self.door(run="two").token(thing),
            self.door(run="one", env="prod").token(thing),
            self.door(run="one", region="eu-west-1").token(thing),
            self.door(run="one", account="999999999999").token(thing),
            door.token(Thing(name="b")),
            door.token(thing, "vpc-1"),
            door.token(thing, "vpc-2"),
        ]
        assert door.token(thing) == self.door(run="one").token(thing)
        assert Counter([door.token(thing), *others]).most_common(1)[0][1] == 1
        assert len(door.token(thing)) <= 64


def test_what_counts_as_a_read_changes_nothing():
    """By its name alone: whatever the library may ever call, no operation of AWS's that changes anything is retried."""
    from runbook_lib.aws.client import _is_read

    writes = {"create", "delete", "put", "modify", "update", "attach", "associate", "run", "terminate", "release"}
    session = boto3.session.Session()
    for service in ("ec2", "s3", "rds", "iam", "elbv2", "autoscaling", "codedeploy", "acm", "ssm", "secretsmanager"):
        client = session.client(service, region_name="us-west-2", aws_access_key_id="-", aws_secret_access_key="-")
        reads = {operation.partition("_")[0] for operation in client.meta.method_to_api_mapping if _is_read(operation)}
        assert not reads & writes
        assert reads


def test_what_goes_to_aws_as_a_secret_is_known_before_it_is_sent(monkeypatch):
    """Also when no answer comes; what comes back as one is known, too."""
    learnt = []
    door = Aws(
        env="test", region="us-west-2", learn=learnt.append,
        connection=Connection("http://127.0.0.1:9", "key", "key"),
    )  # fmt: skip
    with pytest.raises(RequestRejected):
        door.secretsmanager.create_secret(Name="local/web", SecretString="rd-4711-xyz")
    assert [told["SecretString"] for told in learnt if "SecretString" in told] == ["rd-4711-xyz"]
