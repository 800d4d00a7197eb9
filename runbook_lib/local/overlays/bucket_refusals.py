"""What S3 takes neither as a bucket's name nor as its policy."""

from __future__ import annotations

import json
import re
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from moto.s3.exceptions import InvalidBucketName, S3ClientError
from moto.s3.models import S3Backend

from runbook_lib.local.overlays.around import Method, around

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
NOT_FIRST = ("xn--", "sthree-", "amzn-s3-demo-")
NOT_LAST = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


@around(S3Backend, "create_bucket")
def create_bucket(moto: Method, s3: Any, bucket_name: str, *args: Any, **sent: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html."""
    reserved = bucket_name.startswith(NOT_FIRST) or bucket_name.endswith(NOT_LAST)
    if reserved or not NAME.fullmatch(bucket_name) or _is_address(bucket_name):
        raise InvalidBucketName
    return moto(s3, bucket_name, *args, **sent)


def _is_address(name: str) -> bool:
    try:
        return bool(IPv4Address(name))
    except AddressValueError:
        return False


@around(S3Backend, "put_bucket_policy")
def put_bucket_policy(moto: Method, s3: Any, bucket_name: str, policy: bytes) -> None:
    """JSON with statements that say what they are about; of a bucket that there is.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (MalformedPolicy)
    """
    s3.get_bucket(bucket_name)
    try:
        document = json.loads(policy)
        statements = document["Statement"]
    except ValueError as error:
        why = "Policies must be valid JSON and the first byte must be '{'"
        raise S3ClientError("MalformedPolicy", why) from error
    except (KeyError, TypeError) as error:
        raise S3ClientError("MalformedPolicy", "Missing required field Statement") from error
    for statement in statements if isinstance(statements, list) else [statements]:
        for field in ("Effect", "Principal", "Action", "Resource"):
            if field not in statement and f"Not{field}" not in statement:
                raise S3ClientError("MalformedPolicy", f"Missing required field {field}")
    moto(s3, bucket_name, policy)
