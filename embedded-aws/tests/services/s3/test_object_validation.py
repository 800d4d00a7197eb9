"""Validation of objects, and of access control lists where they are disabled."""

import hashlib
from base64 import b64encode

import pytest

from services.errors import raises

BUCKET = "a-bucket-of-objects"
HERE = {"LocationConstraint": "us-west-2"}


@pytest.fixture
def s3(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=HERE)
    return s3


def encoded_digest(algorithm, body):
    return b64encode(hashlib.new(algorithm, body).digest()).decode()


def test_digests_and_checksums_are_verified(s3):
    """A wrong or malformed digest or checksum is rejected."""
    invalid = [
        ({"ContentMD5": encoded_digest("md5", b"other")}, "BadDigest"),
        ({"ContentMD5": "garbage"}, "InvalidDigest"),
        ({"ContentMD5": encoded_digest("sha256", b"body")}, "InvalidDigest"),
        ({"ChecksumSHA256": encoded_digest("sha256", b"other")}, "BadDigest"),
        ({"ChecksumSHA256": "garbage"}, "InvalidRequest"),
        ({"ChecksumSHA1": encoded_digest("sha1", b"other")}, "BadDigest"),
    ]
    for checksum, code in invalid:
        with raises(code):
            s3.put_object(Bucket=BUCKET, Key="thing", Body=b"body", **checksum)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="thing")["UploadId"]
    part = {"Bucket": BUCKET, "Key": "thing", "UploadId": upload, "PartNumber": 1, "Body": b"body"}
    with raises("BadDigest"):
        s3.upload_part(**part, ContentMD5=encoded_digest("md5", b"other"))
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    right = {"ContentMD5": encoded_digest("md5", b"body"), "ChecksumSHA256": encoded_digest("sha256", b"body")}
    s3.put_object(Bucket=BUCKET, Key="thing", Body=b"body", **right)


def test_a_key_has_1024_bytes_at_most(s3):
    """Bytes, not characters."""
    s3.put_object(Bucket=BUCKET, Key="k" * 1024, Body=b"body")
    for key in ("k" * 1025, "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 513):
        with raises("KeyTooLongError"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"body")


def test_a_new_bucket_has_no_access_control_lists(s3):
    """Neither of the bucket nor of its objects, until its ownership controls are changed."""
    thing, disabled = {"Bucket": BUCKET, "Key": "thing"}, "AccessControlListNotSupported"
    s3.put_object(**thing, Body=b"body", ACL="bucket-owner-full-control")
    calls = {
        "bucket": lambda: s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read"),
        "object": lambda: s3.put_object_acl(**thing, ACL="public-read"),
        "put": lambda: s3.put_object(**thing, Body=b"body", ACL="public-read"),
        "copy": lambda: s3.copy_object(**thing, CopySource=thing, ACL="public-read", MetadataDirective="REPLACE"),
        "upload": lambda: s3.create_multipart_upload(**thing, GrantRead="uri=http://example.com"),
    }
    for call in calls.values():
        with raises(disabled):
            call()
    ownership = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]
    assert ownership == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    with raises("InvalidBucketAclWithObjectOwnership"):
        s3.create_bucket(Bucket="another-bucket", CreateBucketConfiguration=HERE, ACL="public-read")
    s3.create_bucket(Bucket="another-bucket", CreateBucketConfiguration=HERE, ACL="private")
    controls = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=controls)
    s3.put_object_acl(**thing, ACL="public-read")
