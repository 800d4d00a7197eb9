"""Object Lock for a bucket with objects in it; moto supports it for empty buckets only."""

from __future__ import annotations

from typing import Any

from moto.core.utils import get_service_model
from moto.s3.models import S3Backend

from embedded_aws.patching import Method, patch

# The error's status is 409: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
_shapes = get_service_model("s3")._service_description["shapes"]
_shapes["InvalidBucketState"] = _shapes["BucketAlreadyOwnedByYou"]


@patch(S3Backend, "put_object_lock_configuration")
def put_object_lock_configuration(moto: Method, s3: Any, bucket_name: str, *args: Any, **params: Any) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-configure.html (on an existing bucket)."""
    bucket = s3.get_bucket(bucket_name)
    keys = bucket.keys
    bucket.keys = type(keys)()
    try:
        moto(s3, bucket_name, *args, **params)
    finally:
        bucket.keys = keys
