"""Name the owner of a bucket in every call to S3."""

from __future__ import annotations

from typing import Any

_FIELD = "ExpectedBucketOwner"  # of nearly all operations; CreateBucket, which makes our own, has none


def name_owner(events: Any, account: str) -> None:
    """Add the account to each call about a bucket that the session of *events* sends.

    Names of buckets are predictable, and somebody else may own ours: then S3 refuses the call.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """

    def add(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.input_shape and _FIELD in model.input_shape.members:
            params[_FIELD] = account

    events.register("before-parameter-build.s3", add)
