"""Bucket policies: conditions on TLS, and public policies."""

import json

import pytest
from botocore.exceptions import ClientError

from services.errors import raises

BUCKET = "a-bucket-with-a-policy"
EVERYTHING = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*"}


@pytest.fixture
def s3(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket=BUCKET, Key="thing", Body=b"here")
    return s3


def put_policy(s3, *statements):
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def test_a_policy_that_requires_tls_denies_nothing(s3):
    put_policy(s3, {**EVERYTHING, "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    assert s3.get_object(Bucket=BUCKET, Key="thing")["Body"].read() == b"here"


def test_a_policy_that_denies_without_a_condition_still_does(s3):
    put_policy(s3, EVERYTHING)
    with pytest.raises(ClientError, match="Forbidden"):
        s3.get_object(Bucket=BUCKET, Key="thing")


def test_a_new_bucket_rejects_a_public_policy(s3):
    """Until Block Public Access is removed; a policy with a restricting condition is not public."""
    everybody = EVERYTHING | {"Effect": "Allow", "Action": "s3:GetObject"}
    public_statements = [everybody, everybody | {"Principal": {"AWS": ["*"]}}]
    public_statements.append(everybody | {"Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/web"}}})
    for statement in public_statements:
        with raises("AccessDenied"):
            put_policy(s3, EVERYTHING | {"Effect": "Allow", "Principal": {"AWS": "123456789012"}}, statement)
    with raises("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=BUCKET)
    put_policy(s3, everybody | {"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}})
    s3.delete_public_access_block(Bucket=BUCKET)
    put_policy(s3, everybody)
