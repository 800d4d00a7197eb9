"""Validate objects (key, digest, checksums) and access control lists."""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Mapping
from typing import Any

from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response

from embedded_aws.patching import Method, patch

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
MAX_KEY_LENGTH = 1024  # bytes
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "SHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}
ENFORCED = "BucketOwnerEnforced"


@patch(S3Response, "_key_response")
def key_response(moto: Method, response: Any, request: Any, full_url: str) -> Any:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (KeyTooLongError)."""
    if len(response.parse_key_name().encode()) > MAX_KEY_LENGTH:
        raise S3ClientError("KeyTooLongError", "Your key is too long")
    return moto(response, request, full_url)


@patch(S3Response, "_key_response_put")
def key_response_put(moto: Method, response: Any, query: dict[str, Any], key_name: str) -> Any:
    """Validate digest and checksums of a new object; reject access control lists where the bucket disables them."""
    bucket = response.backend.get_bucket(response.bucket_name)
    if "acl" in query:
        _require_acls_enabled(bucket)
    elif "x-amz-copy-source" in response.headers:
        _validate_acl_headers(bucket, response.headers)
    elif not query or "partNumber" in query:
        _validate_acl_headers(bucket, response.headers)
        _validate_body(response.headers, response.body or b"")
    return moto(response, query, key_name)


@patch(S3Response, "_key_response_post")
def key_response_post(
    moto: Method, response: Any, request: Any, body: bytes, bucket_name: str, query: dict[str, Any], key_name: str
) -> Any:
    """Reject an access control list at the start of a multipart upload."""
    if "uploads" in query:
        _validate_acl_headers(response.backend.get_bucket(bucket_name), request.headers)
    return moto(response, request, body, bucket_name, query, key_name)


@patch(S3Response, "_bucket_response_put")
def bucket_response_put(moto: Method, response: Any, request: Any, bucket_name: str, query: dict[str, Any]) -> Any:
    """Reject access control lists of a bucket whose ownership disables them.

    A new bucket may be `private`, which changes nothing: Terraform's provider creates every bucket with it.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
    https://github.com/hashicorp/terraform-provider-aws/blob/v5.100.0/internal/service/s3/bucket.go
    """
    if "acl" in query:
        _require_acls_enabled(response.backend.get_bucket(bucket_name))
    ownership = request.headers.get("x-amz-object-ownership") or ENFORCED
    shared = _has_acl(request.headers) and request.headers.get("x-amz-acl") != "private"
    if not query and shared and ownership == ENFORCED:
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise S3ClientError("InvalidBucketAclWithObjectOwnership", message)
    return moto(response, request, bucket_name, query)


def _has_acl(headers: Mapping[str, str]) -> bool:
    return "x-amz-acl" in headers or any(name.lower().startswith("x-amz-grant-") for name, _ in headers.items())


def _validate_acl_headers(bucket: Any, headers: Mapping[str, str]) -> None:
    """Reject access control lists, except bucket-owner-full-control, which changes nothing."""
    if _has_acl(headers) and headers.get("x-amz-acl") != "bucket-owner-full-control":
        _require_acls_enabled(bucket)


def _require_acls_enabled(bucket: Any) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (AccessControlListNotSupported)."""
    if bucket.ownership_rule == ENFORCED:
        raise S3ClientError("AccessControlListNotSupported", "The bucket does not allow ACLs")


def _validate_body(headers: Mapping[str, str], body: bytes) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (BadDigest and others)."""
    expected = hashlib.md5(body, usedforsecurity=False).digest()
    if encoded := headers.get("Content-MD5"):
        digest = _decode(encoded, len(expected))
        if digest is None:
            raise S3ClientError("InvalidDigest", "The Content-MD5 you specified was invalid.")
        if digest != expected:
            raise S3ClientError("BadDigest", "The Content-MD5 you specified did not match what we received.")
    for algorithm, calculate in CHECKSUMS.items():
        header = f"x-amz-checksum-{algorithm.lower()}"
        if encoded := headers.get(header):
            expected = calculate(body)
            checksum = _decode(encoded, len(expected))
            if checksum is None:
                raise S3ClientError("InvalidRequest", f"Value for {header} header is invalid.")
            if checksum != expected:
                message = f"The {algorithm} you specified did not match the calculated checksum."
                raise S3ClientError("BadDigest", message)


def _decode(value: str, length: int) -> bytes | None:
    try:
        digest = b64decode(value, validate=True)
    except Error:
        return None
    return digest if len(digest) == length else None
