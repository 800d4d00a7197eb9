"""A request that expects another owner of the bucket is rejected."""

import pytest

from services.errors import raises

BUCKET, OWNER, ANOTHER = "a-bucket-with-an-owner", "123456789012", "210987654321"
CALLS = {
    "get_object": {"Key": "thing"},
    "put_object": {"Key": "thing", "Body": b"changed"},
    "delete_object": {"Key": "thing"},
    "list_objects_v2": {},
    "get_bucket_versioning": {},
    "put_bucket_versioning": {"VersioningConfiguration": {"Status": "Enabled"}},
    "delete_bucket": {},
}


@pytest.fixture
def s3(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket=BUCKET, Key="thing", Body=b"here")
    return s3


@pytest.mark.parametrize("operation", CALLS)
def test_another_owner_is_rejected(s3, operation):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html."""
    with raises("AccessDenied"):
        getattr(s3, operation)(Bucket=BUCKET, ExpectedBucketOwner=ANOTHER, **CALLS[operation])
    assert s3.get_object(Bucket=BUCKET, Key="thing", ExpectedBucketOwner=OWNER)["Body"].read() == b"here"


def test_a_missing_bucket_is_missing_whatever_owner_is_expected(s3):
    with raises("NoSuchBucket"):
        s3.get_object(Bucket="no-such-bucket-here", Key="thing", ExpectedBucketOwner=ANOTHER)
    with raises("403"):
        s3.head_bucket(Bucket=BUCKET, ExpectedBucketOwner=ANOTHER)
