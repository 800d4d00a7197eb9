"""Object Lock can be enabled for a bucket with objects in it, and protects objects until their date."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

BUCKET = "a-bucket-with-a-lock"


def test_object_lock_is_enabled_for_a_bucket_in_use(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=BUCKET, Key="earlier", Body=b"here")
    s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    assert s3.get_object(Bucket=BUCKET, Key="earlier")["Body"].read() == b"here"
    until = datetime.now(UTC) + timedelta(days=1)
    locked = s3.put_object(
        Bucket=BUCKET, Key="evidence", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key="evidence", VersionId=locked["VersionId"])
