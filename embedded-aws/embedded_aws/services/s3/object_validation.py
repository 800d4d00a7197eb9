"""What S3 takes neither as an object nor as an access control list."""

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
LONGEST_KEY = 1024  # bytes
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
    if len(response.parse_key_name().encode()) > LONGEST_KEY:
        raise S3ClientError("KeyTooLongError", "Your key is too long")
    return moto(response, request, full_url)


@patch(S3Response, "_key_response_put")
def key_response_put(moto: Method, response: Any, query: dict[str, Any], key_name: str) -> Any:
    """What arrives is what was sent, and only its bucket says who may read it."""
    bucket = response.backend.get_bucket(response.bucket_name)
    if "acl" in query:
        _refuse_acl(bucket)
    elif "x-amz-copy-source" in response.headers:
        _refuse_acl_headers(bucket, response.headers)
    elif not query or "partNumber" in query:
        _refuse_acl_headers(bucket, response.headers)
        _refuse_damage(response.headers, response.body or b"")
    return moto(response, query, key_name)


@patch(S3Response, "_key_response_post")
def key_response_post(
    moto: Method, response: Any, request: Any, body: bytes, bucket_name: str, query: dict[str, Any], key_name: str
) -> Any:
    """A multipart upload names its access control list when it begins."""
    if "uploads" in query:
        _refuse_acl_headers(response.backend.get_bucket(bucket_name), request.headers)
    return moto(response, request, body, bucket_name, query, key_name)


@patch(S3Response, "_bucket_response_put")
def bucket_response_put(moto: Method, response: Any, request: Any, bucket_name: str, query: dict[str, Any]) -> Any:
    """A bucket has access control lists if its ownership says so, at its creation and later.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
    """
    if "acl" in query:
        _refuse_acl(response.backend.get_bucket(bucket_name))
    chosen = request.headers.get("x-amz-object-ownership") or ENFORCED
    if not query and _has_acl(request.headers) and chosen == ENFORCED:
        why = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise S3ClientError("InvalidBucketAclWithObjectOwnership", why)
    return moto(response, request, bucket_name, query)


def _has_acl(headers: Mapping[str, str]) -> bool:
    return "x-amz-acl" in headers or any(name.lower().startswith("x-amz-grant-") for name, _ in headers.items())


def _refuse_acl_headers(bucket: Any, headers: Mapping[str, str]) -> None:
    """The list that gives the bucket's owner everything changes nothing, and is taken."""
    if _has_acl(headers) and headers.get("x-amz-acl") != "bucket-owner-full-control":
        _refuse_acl(bucket)


def _refuse_acl(bucket: Any) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (AccessControlListNotSupported)."""
    if bucket.ownership_rule == ENFORCED:
        raise S3ClientError("AccessControlListNotSupported", "The bucket does not allow ACLs")


def _refuse_damage(headers: Mapping[str, str], body: bytes) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (BadDigest and others)."""
    there = hashlib.md5(body, usedforsecurity=False).digest()
    if sent := headers.get("Content-MD5"):
        digest = _decoded(sent, len(there))
        if digest is None:
            raise S3ClientError("InvalidDigest", "The Content-MD5 you specified was invalid.")
        if digest != there:
            raise S3ClientError("BadDigest", "The Content-MD5 you specified did not match what we received.")
    for algorithm, calculate in CHECKSUMS.items():
        header = f"x-amz-checksum-{algorithm.lower()}"
        if sent := headers.get(header):
            there = calculate(body)
            checksum = _decoded(sent, len(there))
            if checksum is None:
                raise S3ClientError("InvalidRequest", f"Value for {header} header is invalid.")
            if checksum != there:
                why = f"The {algorithm} you specified did not match the calculated checksum."
                raise S3ClientError("BadDigest", why)


def _decoded(value: str, length: int) -> bytes | None:
    try:
        digest = b64decode(value, validate=True)
    except Error:
        return None
    return digest if len(digest) == length else None
