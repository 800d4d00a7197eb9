"""Deletes in a bucket whose versioning is suspended: moto takes it for one that never had versions."""

from __future__ import annotations

from typing import Any

from moto.s3.models import FakeDeleteMarker, S3Backend

from embedded_aws.patching import Method, patch

NULL = "null"


@patch(S3Backend, "delete_object")
def delete_object(
    moto: Method, s3: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
) -> tuple[bool, dict[str, Any]]:
    """Delete the version that is named; without one, put a delete marker in the place of the null version.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectsfromVersionSuspendedBuckets.html
    """
    bucket = s3.get_bucket(bucket_name)
    if getattr(bucket, "versioning_status", None) != "Suspended":
        result: tuple[bool, dict[str, Any]] = moto(s3, bucket_name, key_name, version_id, bypass)
        return result
    if version_id is None and key_name in bucket.keys:
        kept = [key for key in bucket.keys.getlist(key_name) if key.version_id != NULL]
        marker = FakeDeleteMarker(bucket.keys[key_name])
        marker._version_id = NULL
        bucket.keys.setlist(key_name, [*kept, marker])
        return True, {"version-id": NULL, "delete-marker": "true"}
    bucket.versioning_status = "Enabled"
    try:
        result = moto(s3, bucket_name, key_name, version_id, bypass)
    finally:
        bucket.versioning_status = "Suspended"
    return result
