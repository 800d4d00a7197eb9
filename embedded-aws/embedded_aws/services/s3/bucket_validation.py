"""What S3 takes neither as a bucket's name nor as its policy."""

from __future__ import annotations

import json
import re
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from moto.s3.exceptions import InvalidBucketName, S3AccessDeniedError, S3ClientError
from moto.s3.models import PublicAccessBlock, S3Backend

from embedded_aws.patching import Method, patch
from embedded_aws.services.s3.object_validation import ENFORCED

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
NOT_FIRST = ("xn--", "sthree-", "amzn-s3-demo-")
NOT_LAST = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
NARROWING = (
    *("aws:sourceip", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount"),
    *("aws:userid", "aws:principalorgid", "aws:principalarn", "aws:principalaccount", "aws:principalorgpaths"),
    *("s3:dataaccesspointarn", "s3:dataaccesspointaccount", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
)


@patch(S3Backend, "create_bucket")
def create_bucket(moto: Method, s3: Any, bucket_name: str, *args: Any, **sent: Any) -> Any:
    """A new bucket is private, whoever owns what is put there.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
    """
    reserved = bucket_name.startswith(NOT_FIRST) or bucket_name.endswith(NOT_LAST)
    if reserved or not NAME.fullmatch(bucket_name) or _is_address(bucket_name):
        raise InvalidBucketName
    bucket = moto(s3, bucket_name, *args, **sent)
    bucket.ownership_rule, bucket.public_access_block = ENFORCED, PublicAccessBlock(True, True, True, True)
    return bucket


def _is_address(name: str) -> bool:
    try:
        return bool(IPv4Address(name))
    except AddressValueError:
        return False


@patch(S3Backend, "put_bucket_policy")
def put_bucket_policy(moto: Method, s3: Any, bucket_name: str, policy: bytes) -> None:
    """JSON with statements that say what they are about; of a bucket that there is.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (MalformedPolicy)
    """
    bucket = s3.get_bucket(bucket_name)
    try:
        document = json.loads(policy)
        statements = document["Statement"]
    except ValueError as error:
        why = "Policies must be valid JSON and the first byte must be '{'"
        raise S3ClientError("MalformedPolicy", why) from error
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
    moto(s3, bucket_name, policy)


def _is_public(statement: dict[str, Any]) -> bool:
    """Whether it lets everybody in, unless a condition with fixed values says who.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    principal = statement.get("Principal")
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    everybody = "NotPrincipal" in statement or "*" in (named if isinstance(named, list) else [named])
    return statement["Effect"] == "Allow" and everybody and not _is_narrowed(statement.get("Condition") or {})


def _is_narrowed(condition: dict[str, Any]) -> bool:
    tests = [(key.lower(), values) for keys in condition.values() for key, values in keys.items()]
    for key, values in tests:
        found = values if isinstance(values, list) else [values]
        if key in NARROWING and not any(sign in str(value) for value in found for sign in "*?$"):
            return True
    return False
