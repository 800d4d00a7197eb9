"""What the client of AWS tells botocore, and what it makes of names: no request is sent."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest
from botocore import exceptions as botocore_errors

from runbook_lib.aws.client import Aws, _is_read
from runbook_lib.aws.connection import Connection
from runbook_lib.aws.outages import Outage
from runbook_lib.aws.shared_reads import Reads
from runbook_lib.errors import NoAccess, WrongAccount, WrongEndpoint
from tests.support.fake_kinds import Thing

CONNECTION = Connection("http://127.0.0.1:9", "K", "S")
THING = Thing(name="a")


def aws_of(connection=CONNECTION, **more):
    return Aws(**{"env": "test", "region": "us-west-2", "connection": connection} | more)


@pytest.fixture
def no_profile(monkeypatch, tmp_path):
    """An empty AWS configuration in place of the machine's."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


class Session:
    """Makes clients of one endpoint, and keeps with what they were asked for."""

    def __init__(self, url="https://ec2.us-west-2.amazonaws.com", **operations):
        self.made, self._client = [], SimpleNamespace(meta=SimpleNamespace(endpoint_url=url), **operations)
        keys = SimpleNamespace(access_key="AKIA", secret_key="the-secret", token="the-token")
        self.keys = SimpleNamespace(get_frozen_credentials=lambda: keys)

    def client(self, service, **more):
        self.made.append((service, more))
        return self._client

    def get_credentials(self):
        return self.keys


def with_session(aws, session):
    aws._session = session
    return aws


class TestClientsOfServices:
    def test_reads_are_tried_eight_times_and_writes_are_sent_once(self):
        session = Session(describe_vpcs=dict, create_vpc=dict)
        aws = with_session(aws_of(run="20260102-apply"), session)
        client = aws.client("ec2")
        assert aws.client("ec2") is client
        _ = client.describe_vpcs
        assert len(session.made) == 1, "most runs never write to most services"
        _ = client.create_vpc
        assert [name for name, _ in session.made] == ["ec2", "ec2"]
        assert [more["endpoint_url"] for _, more in session.made] == ["http://127.0.0.1:9"] * 2
        for (_, more), attempts in zip(session.made, (8, 1), strict=True):
            config = more["config"]
            assert config.retries == {"mode": "standard", "total_max_attempts": attempts}
            assert config.user_agent_extra == "runbook/1 run/20260102-apply"
            assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (10, 60, 16)
            assert config.proxies == {}

    def test_to_the_real_aws_they_go_by_the_proxies_of_the_machine(self, no_profile):
        session = Session()
        with_session(aws_of(None), session).client("ec2")
        ((name, more),) = session.made
        assert (name, more.keys()) == ("ec2", {"config"})
        assert more["config"].proxies is None
        assert more["config"].user_agent_extra == "runbook/1 run/none"

    @pytest.mark.parametrize(
        "host",
        ["ec2.us-west-2.amazonaws.com", "ec2.cn-north-1.amazonaws.com.cn", "s3.dualstack.us-west-2.api.aws:443"],
    )
    def test_the_domains_of_aws(self, no_profile, host):
        assert with_session(aws_of(None), Session(f"https://{host}/x")).client("ec2")

    @pytest.mark.parametrize("url", ["http://localhost:4566", "https://api.aws.example.org", "file:///x", "https://x"])
    def test_a_real_environment_is_on_no_other(self, no_profile, url):
        with pytest.raises(WrongEndpoint) as caught:
            with_session(aws_of(None, env="prod"), Session(url)).client("ec2")
        assert caught.value.what == f"prod is a real environment, but ec2 calls would go to {url}."
        assert caught.value.fix == (
            "Unset AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_*, also endpoint_url in ~/.aws/config."
        )
        assert with_session(aws_of(), Session(url)).client("ec2")

    def test_what_botocore_cannot_make_is_said(self):
        with pytest.raises(NoAccess, match=r"^Cannot access AWS: Unknown service: 'no-such'") as caught:
            aws_of().no_such  # noqa: B018
        assert caught.value.fix.startswith("Set AWS_PROFILE (in a notebook: %env AWS_PROFILE=…) or sign in")

    @pytest.mark.parametrize(
        ("name", "service"),
        [("ec2", "ec2"), ("lambda_", "lambda"), ("cognito_idp", "cognito-idp"), ("a_b_c_", "a-b-c")],
    )
    def test_a_service_is_an_attribute(self, name, service):
        session = Session()
        assert getattr(with_session(aws_of(), session), name)
        assert session.made[0][0] == service

    def test_what_begins_with_an_underscore_is_none(self):
        session = Session()
        with pytest.raises(AttributeError, match="_nothing"):
            with_session(aws_of(), session)._nothing  # noqa: B018
        assert session.made == []

    @pytest.mark.parametrize(
        "operation",
        [
            "describe_vpcs", "get_role", "list_roles", "head_bucket", "batch_get_deployments", "filter_log_events",
            "simulate_principal_policy", "lookup_events", "search_resources",
        ],
    )  # fmt: skip
    def test_what_only_reads(self, operation):
        assert _is_read(operation)
        assert not _is_read(f"x{operation}")


class TestPages:
    def test_a_list_without_pages_is_one(self):
        items = [{"VpcId": "vpc-1"}]
        reader = {"can_paginate": lambda operation: False, "list_x": lambda **request: {"Xs": items, "asked": request}}
        assert with_session(aws_of(), Session(**reader)).pages("ec2", "list_x", "Xs", Name="n") == items

    def test_a_page_may_have_nothing(self):
        asked = []
        pages = [{"Xs": [1]}, {}, {"Xs": [2, 3]}]
        paginator = SimpleNamespace(paginate=lambda **request: asked.append(request) or pages)
        reader = {"can_paginate": lambda operation: True, "get_paginator": lambda operation: paginator}
        assert with_session(aws_of(), Session(**reader)).pages("ec2", "list_x", "Xs", Name="n") == [1, 2, 3]
        assert asked == [{"Name": "n"}]


class TestTheCaller:
    IDENTITY = {"Account": "1", "Arn": "arn:me", "UserId": "AIDA", "ResponseMetadata": {"x": 1}}  # noqa: RUF012

    def test_it_is_asked_for_once_by_all_notebooks_of_the_run(self):
        told = []
        aws = aws_of(reads=SimpleNamespace(read=lambda call, send: told.append((call, send)) or self.IDENTITY))
        assert aws.caller() == {"Account": "1", "Arn": "arn:me", "UserId": "AIDA"}
        assert [call for call, _ in told] == [("sts", "get_caller_identity")]
        with_session(aws, Session(get_caller_identity=lambda: self.IDENTITY))
        assert told[0][1]() == self.IDENTITY

    @pytest.mark.parametrize(
        ("connection", "region", "code"),
        [
            (CONNECTION, "eu-south-1", "ExpiredToken"),
            (None, "eu-south-1", ""),
            (None, "eu-south-1", "AccessDenied"),
            (None, "us-east-1", "ExpiredToken"),
        ],
    )
    def test_what_is_not_due_to_the_region_is_told_as_it_is(self, no_profile, connection, region, code):
        session = Session(get_caller_identity=lambda: {"Account": "1"})
        error = NoAccess("no", fix="-", code=code)
        assert self.refused(error, connection, region, session) is error
        assert session.made == []

    def refused(self, error, connection, region, session):
        def read(call, send):
            raise error from ValueError("cause")

        aws = aws_of(connection, region=region, reads=SimpleNamespace(read=read))
        with pytest.raises(NoAccess) as caught:
            with_session(aws, session).caller()
        assert isinstance(caught.value.__cause__, ValueError)
        return caught.value

    def test_a_region_that_the_account_has_not_enabled(self, no_profile):
        session = Session(get_caller_identity=lambda: {"Account": "1"})
        error = NoAccess("no", fix="-", code="InvalidClientTokenId")
        found = self.refused(error, None, "eu-south-1", session)
        assert found.what == (
            "Account 1 has not enabled the region eu-south-1: AWS does not accept these credentials there, and"
            " accepts them in us-east-1."
        )
        assert found.fix == (
            "Enable it, which takes some minutes: aws account enable-region --region-name eu-south-1. If it is enabled,"
            " the credentials come from STS's global endpoint: set AWS_STS_REGIONAL_ENDPOINTS=regional and sign in"
            " again."
        )
        assert found.code == "InvalidClientTokenId"
        assert session.made == [("sts", {"region_name": "us-east-1"})]

    @pytest.mark.parametrize(
        "other", [botocore_errors.ClientError({"Error": {}}, "x"), botocore_errors.NoCredentialsError()]
    )
    def test_credentials_that_are_accepted_nowhere(self, no_profile, other):
        def refuse():
            raise other

        error = NoAccess("no", fix="-", code="InvalidClientTokenId")
        assert self.refused(error, None, "eu-south-1", Session(get_caller_identity=refuse)) is error

    def test_another_account(self):
        aws = aws_of(reads=SimpleNamespace(read=lambda call, send: self.IDENTITY))
        assert aws.require_account("1") == "arn:me"
        with pytest.raises(WrongAccount) as caught:
            aws.require_account("2")
        assert caught.value.what == "These credentials are for account 1, but test is account 2."
        assert caught.value.fix == (
            "Choose the matching AWS_PROFILE (in a notebook: %env AWS_PROFILE=…), then run this again."
        )

    def test_its_keys_are_secrets(self, no_profile):
        found = []
        reads = SimpleNamespace(read=lambda call, send: self.IDENTITY)
        with_session(aws_of(None, reads=reads, add_secrets=found.append), Session()).require_account("1")
        assert found == [{"secret_access_key": "the-secret", "session_token": "the-token"}]


class TestObjects:
    def test_one_that_was_cut_off_is_read_again(self):
        bodies = [botocore_errors.IncompleteReadError(actual_bytes=1, expected_bytes=2), b"content"]
        asked, paused = [], []

        def read():
            body = bodies.pop(0)
            if isinstance(body, Exception):
                raise body
            return body

        answer = {"Body": SimpleNamespace(read=read), "ETag": "e"}
        session = Session(get_object=lambda **request: asked.append(request) or answer)
        aws = with_session(aws_of(outage=Outage(sleep=paused.append, answered=True)), session)
        assert aws.read_object("bucket", "key") == (b"content", answer)
        assert asked == [{"Bucket": "bucket", "Key": "key"}] * 2
        assert len(paused) == 1


class TestNamesAndTags:
    TAGS = {"Name": "test-a", "runbook:owner": "runbook", "runbook:env": "test", "runbook:key": "thing.a"}  # noqa: RUF012

    def test_of_a_resource(self):
        aws, tags = aws_of(), [{"Key": key, "Value": value} for key, value in self.TAGS.items()]
        assert (aws.name(THING), aws.tag_map(THING), aws.tags(THING)) == ("test-a", self.TAGS, tags)
        assert aws.tag_spec("natgateway", THING) == [{"ResourceType": "natgateway", "Tags": tags}]
        assert aws_of(labels={"team": "blue"}).tag_map(THING) == {"team": "blue"} | self.TAGS

    def test_the_filters_for_an_environment(self):
        assert aws_of().filters() == [
            {"Name": "tag:runbook:env", "Values": ["test"]},
            {"Name": "tag:runbook:owner", "Values": ["runbook"]},
        ]

    def test_what_is_given_is_copied(self):
        labels, adopted = {"team": "blue"}, {"thing.a": "id-1"}
        aws = aws_of(labels=labels, adopted=adopted)
        labels.clear()
        adopted.clear()
        assert (aws.tag_map(THING)["team"], aws.adopted) == ("blue", {"thing.a": "id-1"})
        assert aws_of().adopted == {}

    @pytest.mark.parametrize(
        ("more", "given", "text"),
        [
            ((), {}, "/us-west-2/test/thing.a/"),
            ((), {"account": "123456789012", "run": "r"}, "123456789012/us-west-2/test/thing.a/r"),
            (("x", "y"), {"run": "r"}, "/us-west-2/test/thing.a/r/x/y"),
        ],
    )
    def test_a_client_token_stays_the_same_for_a_run(self, more, given, text):
        """Also for another version of this library that goes on with it."""
        assert aws_of(**given).token(THING, *more) == hashlib.sha256(text.encode()).hexdigest()[:32]

    def test_what_a_run_is_given_is_used(self):
        outage, reads = Outage(), Reads()
        aws = aws_of(outage=outage, reads=reads)
        assert (aws._outage, aws.reads) == (outage, reads)
        assert type(aws_of().reads) is Reads
