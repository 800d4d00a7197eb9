"""Conditional writes and deletes, which locks and journals need."""

import pytest

from services.errors import raises

BUCKET = "objects-on-condition"


@pytest.fixture(params=[False, True], ids=["plain", "versioned"])
def s3(aws, request):
    """A bucket, without and with versions."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    if request.param:
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return s3


def put(s3, body, **condition):
    return s3.put_object(Bucket=BUCKET, Key="lock", Body=body, **condition)["ETag"]


def body(s3):
    return s3.get_object(Bucket=BUCKET, Key="lock")["Body"].read()


def test_an_object_is_created_once(s3):
    """With If-None-Match; again after it is deleted."""
    put(s3, b"first", IfNoneMatch="*")
    with raises("PreconditionFailed"):
        put(s3, b"second", IfNoneMatch="*")
    assert body(s3) == b"first"
    s3.delete_object(Bucket=BUCKET, Key="lock")
    put(s3, b"third", IfNoneMatch="*")
    assert body(s3) == b"third"


def test_an_object_is_replaced_if_it_is_unchanged(s3):
    """With If-Match; not if it was changed in between."""
    with raises("NoSuchKey"):
        put(s3, b"none", IfMatch='"0123456789abcdef0123456789abcdef"')
    etag = put(s3, b"first")
    newer_etag = put(s3, b"second", IfMatch=etag)
    with raises("PreconditionFailed"):
        put(s3, b"third", IfMatch=etag)
    assert body(s3) == b"second"
    s3.delete_object(Bucket=BUCKET, Key="lock")
    with raises("NoSuchKey"):
        put(s3, b"third", IfMatch=newer_etag)


def test_an_object_is_deleted_if_it_is_unchanged(s3):
    """With If-Match; not if it was changed in between."""
    etag = put(s3, b"first")
    newer_etag = put(s3, b"second")
    with raises("PreconditionFailed"):
        s3.delete_object(Bucket=BUCKET, Key="lock", IfMatch=etag)
    assert body(s3) == b"second"
    s3.delete_object(Bucket=BUCKET, Key="lock", IfMatch=newer_etag)
    with raises("NoSuchKey"):
        body(s3)
    with raises("NoSuchKey"):
        s3.delete_object(Bucket=BUCKET, Key="lock", IfMatch=newer_etag)
