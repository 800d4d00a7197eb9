"""Object Lock for a bucket that is there already, with objects in it; moto takes it for new ones only."""

from __future__ import annotations

from typing import Any

from moto.s3.models import S3Backend

from embedded_aws.patching import Method, patch


@patch(S3Backend, "put_object_lock_configuration")
def put_object_lock_configuration(moto: Method, s3: Any, bucket_name: str, *args: Any, **sent: Any) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-configure.html (on an existing bucket)."""
    bucket = s3.get_bucket(bucket_name)
    kept = bucket.keys
    bucket.keys = type(kept)()
    try:
        moto(s3, bucket_name, *args, **sent)
    finally:
        bucket.keys = kept
