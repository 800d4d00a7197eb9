"""The embedded AWS of a rehearsal has the account of the parameters, and what they take as given."""

import boto3
import pytest

from embedded_aws.client import process
from embedded_aws.testing import LocalAws
from runbook_lib.aws.endpoints import Given, connection, rehearse
from runbook_lib.errors import LocalError

ACCOUNT, REGION = "333344445555", "eu-central-1"
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/12345678-1234-1234-1234-123456789012"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/b-AbCdEf"
GIVEN = Given(
    ACCOUNT,
    REGION,
    hosted_zones={"Z0123456789EXAMPLE": "www.example.com"},
    certificates={CERTIFICATE: "prod.test"},
    images={"ami-0123456789abcdef0": "arm64"},
    secrets={"prod/a": "", SECRET: ""},
    ssm_parameters={"/prod/c": ""},
    policies={f"arn:aws:iam::{ACCOUNT}:policy/team/limit": "boundary"},
)


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    root = tmp_path_factory.mktemp("rehearsed")
    try:
        rehearse("prod", "embedded", root, GIVEN)
        yield LocalAws(root, connection("prod", "embedded", root))
    finally:
        process.stop(root)


def client(aws, service):
    return boto3.client(
        service, endpoint_url=aws.connection.endpoint_url, region_name=REGION,
        aws_access_key_id=aws.connection.access_key, aws_secret_access_key=aws.connection.secret_key,
    )  # fmt: skip


def test_what_is_given_is_there_under_its_ids(rehearsed):
    assert client(rehearsed, "sts").get_caller_identity()["Account"] == ACCOUNT
    zone = client(rehearsed, "route53").get_hosted_zone(Id="Z0123456789EXAMPLE")["HostedZone"]
    assert (zone["Name"], zone["Config"]["PrivateZone"]) == ("example.com.", False)
    certificate = client(rehearsed, "acm").describe_certificate(CertificateArn=CERTIFICATE)["Certificate"]
    assert (certificate["Status"], certificate["DomainName"]) == ("ISSUED", "prod.test")
    (image,) = client(rehearsed, "ec2").describe_images(ImageIds=["ami-0123456789abcdef0"])["Images"]
    assert image["Architecture"] == "arm64"
    secrets = client(rehearsed, "secretsmanager")
    assert secrets.describe_secret(SecretId="prod/a")["Name"] == "prod/a"
    assert secrets.describe_secret(SecretId=SECRET)["ARN"] == SECRET
    assert client(rehearsed, "ssm").get_parameter(Name="/prod/c")["Parameter"]["Type"] == "SecureString"
    arn = next(iter(GIVEN.policies))
    assert client(rehearsed, "iam").get_policy(PolicyArn=arn)["Policy"]["Arn"] == arn


@pytest.mark.exhaustive
def test_the_account_survives_its_end_with_what_was_made_in_it(rehearsed):
    """And a second rehearsal makes nothing twice."""
    client(rehearsed, "sns").create_topic(Name="mine")
    process.stop(rehearsed.root)
    rehearse("prod", "embedded", rehearsed.root, GIVEN)
    again = LocalAws(rehearsed.root, connection("prod", "embedded", rehearsed.root))
    assert client(again, "sts").get_caller_identity()["Account"] == ACCOUNT
    (topic,) = client(again, "sns").list_topics()["Topics"]
    assert topic["TopicArn"] == f"arn:aws:sns:{REGION}:{ACCOUNT}:mine"
    assert len(client(again, "route53").list_hosted_zones()["HostedZones"]) == 1


def test_another_account_needs_another_rehearsal(rehearsed):
    with pytest.raises(LocalError, match=r"has account 333344445555 in eu-central-1.*say 111122223333"):
        rehearse("prod", "embedded", rehearsed.root, Given("111122223333", REGION))
