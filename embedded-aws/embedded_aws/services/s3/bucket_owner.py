"""Reject a request that expects another owner of the bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from __future__ import annotations

from typing import Any

from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.responses import S3Response

from embedded_aws.patching import Method, patch

HEADER = "x-amz-expected-bucket-owner"


@patch(S3Response, "_bucket_response")
def bucket_response(moto: Method, response: Any, request: Any, full_url: str) -> Any:
    """Check the owner for requests about the bucket."""
    _require_owner(response, request, full_url)
    return moto(response, request, full_url)


@patch(S3Response, "_key_response")
def key_response(moto: Method, response: Any, request: Any, full_url: str) -> Any:
    """Check the owner for requests about an object."""
    _require_owner(response, request, full_url)
    return moto(response, request, full_url)


def _require_owner(response: Any, request: Any, full_url: str) -> None:
    """Raise AccessDenied (403) if the bucket exists and belongs to another account than the request expects."""
    expected = request.headers.get(HEADER)
    bucket = response.backend.buckets.get(response.parse_bucket_name_from_url(request, full_url))
    if expected and bucket and bucket.account_id != expected:
        raise S3AccessDeniedError
