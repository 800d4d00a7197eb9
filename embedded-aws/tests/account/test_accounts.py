"""Several accounts in one embedded AWS: the credentials of a call say which one it is for."""

import json

import boto3
import pytest

from embedded_aws.client import process
from embedded_aws.testing import LocalAws, embedded, eventually
from runbook_lib.aws.endpoints import connection

OTHER = "222222222222"


def other_account(server):
    """The same server, as another account sees it."""
    return LocalAws(server.root, connection("other", "embedded", server.root, OTHER))


@pytest.fixture
def other(aws):
    return other_account(aws)


def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def vpcs(cloud):
    return {vpc["CidrBlock"] for vpc in cloud.client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]}


def test_each_account_is_told_its_own_number(aws, other):
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert other.client("sts").get_caller_identity()["Account"] == OTHER
    assert other.client("sts").get_caller_identity()["Arn"].split(":")[4] == OTHER


def test_what_is_in_one_account_is_not_in_the_other(aws, other):
    aws.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")
    other.client("ec2").create_vpc(CidrBlock="10.2.0.0/16")
    assert (vpcs(aws), vpcs(other)) == ({"10.1.0.0/16"}, {"10.2.0.0/16"})
    assert {event["EventName"] for event in other.client("cloudtrail").lookup_events()["Events"]} == {"CreateVpc"}


def test_equal_names_are_two_resources_with_arns_of_their_own_accounts(aws, other):
    for cloud, account in ((aws, "123456789012"), (other, OTHER)):
        topic = cloud.client("sns").create_topic(Name="alerts")["TopicArn"]
        assert topic == f"arn:aws:sns:us-west-2:{account}:alerts"


def test_a_bucket_s_name_is_taken_for_all_accounts(aws, other):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingBucket.html: a name is unique across all accounts."""
    where = {"LocationConstraint": "us-west-2"}
    aws.client("s3").create_bucket(Bucket="one-for-all", CreateBucketConfiguration=where)
    s3 = other.client("s3")
    with pytest.raises(s3.exceptions.BucketAlreadyExists):
        s3.create_bucket(Bucket="one-for-all", CreateBucketConfiguration=where)
    assert s3.list_buckets()["Buckets"] == []


def test_a_service_acts_in_each_account_between_two_calls(aws, other):
    """What takes its time becomes ready in the other account, too."""
    rds = other.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="db", DBInstanceClass="db.t4g.micro", Engine="mysql", AllocatedStorage=20,
        MasterUsername="admin", ManageMasterUserPassword=True,
    )  # fmt: skip
    assert eventually(lambda: rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == "available")
    assert aws.client("rds").describe_db_instances()["DBInstances"] == []


def test_the_session_of_a_role_is_in_the_account_of_the_role(aws, other):
    trust = policy(Principal={"AWS": "*"}, Action="sts:AssumeRole")
    may = policy(Action="ec2:*", Resource="*")
    iam = other.client("iam")
    role = iam.create_role(RoleName="looks", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="looks", PolicyName="ec2", PolicyDocument=may)
    other.client("ec2").create_vpc(CidrBlock="10.2.0.0/16")
    keys = other.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    ec2 = boto3.client(
        "ec2", endpoint_url=aws.connection.endpoint_url, region_name="us-west-2",
        aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )  # fmt: skip
    assert {vpc["CidrBlock"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]} == {"10.2.0.0/16"}


def test_a_reset_empties_every_account(aws, other):
    other.client("ec2").create_vpc(CidrBlock="10.2.0.0/16")
    aws.reset()
    assert vpcs(other) == set()


@pytest.mark.exhaustive
def test_all_accounts_survive_a_restart(tmp_path):
    with embedded(tmp_path) as server:
        server.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")
        other_account(server).client("ec2").create_vpc(CidrBlock="10.2.0.0/16")
        process.stop(tmp_path)
    with embedded(tmp_path) as again:
        assert (vpcs(again), vpcs(other_account(again))) == ({"10.1.0.0/16"}, {"10.2.0.0/16"})
