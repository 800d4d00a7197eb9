"""What is not there is told as AWS tells it, so that stock waiters and copies work."""

import pytest
from botocore.exceptions import ClientError

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
