"""What is not there is told as AWS tells it, so that stock waiters and copies work."""

import pytest
from botocore.exceptions import ClientError

from services.errors import raises

BUCKET = "a-bucket-that-is-there"


@pytest.fixture
def s3(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return s3


@pytest.mark.parametrize("call", ["head_object", "head_bucket"])
def test_the_head_of_what_is_missing_is_404(s3, call):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html."""
    request = {"Bucket": BUCKET, "Key": "nothing"} if call == "head_object" else {"Bucket": "nothing-of-that-name"}
    with pytest.raises(ClientError) as raised:
        getattr(s3, call)(**request)
    assert raised.value.response["Error"] == {"Code": "404", "Message": "Not Found"}


def test_stock_waiters_see_that_nothing_is_there(s3):
    """They ask with HEAD."""
    s3.get_waiter("object_not_exists").wait(Bucket=BUCKET, Key="nothing", WaiterConfig={"MaxAttempts": 1})
    s3.get_waiter("bucket_not_exists").wait(Bucket="nothing-of-that-name", WaiterConfig={"MaxAttempts": 1})


def test_statuses_are_those_of_aws(aws, s3):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList."""
    with pytest.raises(ClientError, match="InvalidBucketState") as raised:
        s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    with pytest.raises(ClientError, match="ResourceNotFoundException") as raised:
        aws.client("secretsmanager").describe_secret(SecretId="nothing")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_bucket_with_versions_is_not_empty(s3):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html."""
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=BUCKET, Key="object", Body=b"")
    s3.delete_object(Bucket=BUCKET, Key="object")
    with raises("BucketNotEmpty", "You must delete all versions in the bucket."):
        s3.delete_bucket(Bucket=BUCKET)
