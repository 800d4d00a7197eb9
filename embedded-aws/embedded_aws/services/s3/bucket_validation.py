"""Validate names and policies of buckets."""

from __future__ import annotations

import json
import re
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from moto.s3.exceptions import InvalidBucketName, S3AccessDeniedError, S3ClientError
from moto.s3.models import PublicAccessBlock, S3Backend

from embedded_aws.patching import Method, patch
from embedded_aws.services.common.stored_policy import as_stored
from embedded_aws.services.s3.object_validation import ENFORCED

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
# Condition keys that make a policy non-public.
RESTRICTING_KEYS = (
    *("aws:sourceip", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount"),
    *("aws:userid", "aws:principalorgid", "aws:principalarn", "aws:principalaccount", "aws:principalorgpaths"),
    *("s3:dataaccesspointarn", "s3:dataaccesspointaccount", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
)


@patch(S3Backend, "create_bucket")
def create_bucket(moto: Method, s3: Any, bucket_name: str, *args: Any, **params: Any) -> Any:
    """Validate the name; block public access to a new bucket, and let its owner own all objects.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
    """
    reserved = bucket_name.startswith(RESERVED_PREFIXES) or bucket_name.endswith(RESERVED_SUFFIXES)
    if reserved or not NAME.fullmatch(bucket_name) or _is_address(bucket_name):
        raise InvalidBucketName
    bucket = moto(s3, bucket_name, *args, **params)
    bucket.ownership_rule, bucket.public_access_block = ENFORCED, PublicAccessBlock(True, True, True, True)
    return bucket


def _is_address(name: str) -> bool:
    try:
        return bool(IPv4Address(name))
    except AddressValueError:
        return False


@patch(S3Backend, "delete_bucket")
def delete_bucket(moto: Method, s3: Any, bucket_name: str) -> Any:
    """Say of a bucket with versions that all of them have to be deleted.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html
    """
    deleted = moto(s3, bucket_name)
    if not deleted and s3.get_bucket(bucket_name).versioning_status:
        reason = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        raise S3ClientError("BucketNotEmpty", reason)
    return deleted


@patch(S3Backend, "put_bucket_policy")
def put_bucket_policy(moto: Method, s3: Any, bucket_name: str, policy: bytes) -> None:
    """Require valid JSON, complete statements and an existing bucket; reject a public policy where it is blocked.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (MalformedPolicy)
    """
    bucket = s3.get_bucket(bucket_name)
    try:
        document = json.loads(policy)
        statements = document["Statement"]
    except ValueError as error:
        message = "Policies must be valid JSON and the first byte must be '{'"
        raise S3ClientError("MalformedPolicy", message) from error
    except (KeyError, TypeError) as error:
        raise S3ClientError("MalformedPolicy", "Missing required field Statement") from error
    statements = statements if isinstance(statements, list) else [statements]
    for statement in statements:
        for field in ("Effect", "Principal", "Action", "Resource"):
            if field not in statement and f"Not{field}" not in statement:
                raise S3ClientError("MalformedPolicy", f"Missing required field {field}")
    block = bucket.public_access_block
    if block and block.block_public_policy and any(_is_public(statement) for statement in statements):
        raise S3AccessDeniedError
    moto(s3, bucket_name, as_stored(policy.decode() if isinstance(policy, bytes) else policy).encode())


def _is_public(statement: dict[str, Any]) -> bool:
    """Return whether a statement allows everybody, without a condition that has fixed values.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    principal = statement.get("Principal")
    principals = principal.get("AWS", []) if isinstance(principal, dict) else principal
    everybody = "NotPrincipal" in statement or "*" in (principals if isinstance(principals, list) else [principals])
    return statement["Effect"] == "Allow" and everybody and not _is_restricted(statement.get("Condition") or {})


def _is_restricted(condition: dict[str, Any]) -> bool:
    restrictions = [(key.lower(), values) for keys in condition.values() for key, values in keys.items()]
    for key, value in restrictions:
        values = value if isinstance(value, list) else [value]
        if key in RESTRICTING_KEYS and not any(wildcard in str(one) for one in values for wildcard in "*?$"):
            return True
    return False
