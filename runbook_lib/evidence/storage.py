"""Upload the archive of a run to the environment's bucket, once, with the Object Lock of the parameters."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..aws.client import Aws
from ..errors import EvidenceError, RequestRejected, RunbookError
from ..params.signing import ObjectLock
from ..paths import for_shell
from ..resources.bucket import EVIDENCE

MAX_ATTEMPTS = 5
_ALREADY_EXISTS = {"PreconditionFailed", "412"}
_BUSY = {"ConditionalRequestConflict", "409"}
_LOCK_MISSING = re.compile(r"missing Object ?Lock ?Configuration", re.IGNORECASE)
"""S3's words, with the code InvalidRequest: https://github.com/versity/versitygw/issues/1751"""


class UploadFailed(EvidenceError):
    """The archive could not be uploaded."""


def store(
    aws: Aws, bucket: str, archive: Path, lock: ObjectLock | None, *, sleep: Callable[[float], None] = time.sleep
) -> str:
    """Upload an archive; returns its ``s3://`` address.

    S3 checks the SHA-256 and rejects other content.  The archive is never written twice: when a
    response was lost, the next attempt finds the object and compares its checksum.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html

    Raises:
        UploadFailed: The upload failed; the local archive is unchanged.
    """
    key, body = f"{EVIDENCE}/{archive.name}", archive.read_bytes()
    checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
    address = f"s3://{bucket}/{key}"
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            aws.s3.put_object(
                Bucket=bucket, Key=key, Body=body, ContentType="application/zip",
                ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum, IfNoneMatch="*", **_retention(lock),
            )  # fmt: skip
            return address
        except RequestRejected as error:
            if error.code in _ALREADY_EXISTS:
                return _require_same(aws, bucket, key, checksum)
            if attempt == MAX_ATTEMPTS or not (error.retryable or error.code in _BUSY):
                raise _upload_failed(archive, address, error) from error
        except RunbookError as error:
            raise _upload_failed(archive, address, error) from error
        sleep(0.5 * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


def _retention(lock: ObjectLock | None) -> dict[str, Any]:
    """Return the parameters that lock an object; none without a lock.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    """
    if lock is None:
        return {}
    until = datetime.now(UTC) + timedelta(days=lock.days)
    return {"ObjectLockMode": lock.mode, "ObjectLockRetainUntilDate": until}


def _require_same(aws: Aws, bucket: str, key: str, checksum: str) -> str:
    head = aws.s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    if head.get("ChecksumSHA256") == checksum:
        return f"s3://{bucket}/{key}"
    raise EvidenceError(
        f"s3://{bucket}/{key} exists already, with other content.",
        fix="Only runs write there: find out who did, and keep the folder of this run.",
    )


def _upload_failed(archive: Path, address: str, error: RunbookError) -> UploadFailed:
    first = "Correct the cause, then"
    if _LOCK_MISSING.search(getattr(error, "message", "")):
        first = "Apply 01_network, which enables Object Lock for the bucket, then"
    return UploadFailed(
        f"The evidence could not be uploaded to {address}: {error.what}",
        fix=f"It is still in {for_shell(archive.with_suffix(''))}. {first}: runbook evidence store {archive.stem}",
    )
