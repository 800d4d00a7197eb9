"""A bundle in the environment's bucket, named by its digest."""

from __future__ import annotations

import base64
from collections.abc import Set
from pathlib import Path
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .bucket import Bucket
from .predictions import Refusal, Remainder

FOLDER = "bundles"


@kind
class StoredBundle(Resource):
    """Written once and never changed: different content has a different name.

    Args:
        sha256: Of the file, in hexadecimal; S3 rejects an upload with another checksum.
        path: The local file; not part of the state.  ``None`` for a bundle that an earlier run has stored.
    """

    bucket: Bucket
    sha256: str
    path: Path | None

    eventual_errors = frozenset({"NoSuchBucket"})

    needs = (
        to_look("s3:ListBucket", on="s3:{bucket}", label="bucket"),
        to_apply("s3:PutObject", on=f"s3:{{bucket}}/{FOLDER}/*", label="bundles"),
    )

    @property
    def retain(self) -> str:
        """Keep the bundle as long as its bucket."""
        return "it goes with the bucket: what ran once can be deployed again"

    def left_behind(self, observed: Observed) -> Remainder | None:
        """Name the bundle only where its bucket is kept."""
        return super().left_behind(observed) if self.bucket.kept else None

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Compare the digest."""
        return {"sha256": self.sha256}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the object up by its key, which contains the digest."""
        bucket, name = ids.get(self.bucket), key(self.sha256)
        if bucket is None:
            return None
        objects = snapshot.all("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=name)
        if not any(stored["Key"] == name for stored in objects):
            return None
        return Observed(f"s3://{bucket}/{name}", {"sha256": self.sha256}, detail={"bytes": objects[0]["Size"]})

    def foresee_refusal(
        self, snapshot: Snapshot, ids: Ids, observed: Observed | None, fields: Set[str]
    ) -> Refusal | None:
        """Say that a bundle is not there that an earlier run should have stored."""
        if self.path:
            return None
        where = f"s3://{ids[self.bucket]}/{key(self.sha256)}" if self.bucket in ids else "the environment's bucket"
        fix = "Name a revision that is stored: `runbook rollback --to` lists them."
        return Refusal(frozenset({"sha256"}), f"no bundle of this revision is stored: {where}", fix)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Upload the bundle; S3 verifies its digest."""
        if self.path is None:
            raise NotImplementedError(f"{self.key} is only looked up")
        with self.path.open("rb") as body:
            aws.s3.put_object(
                Bucket=ids[self.bucket],
                Key=key(self.sha256),
                Body=body,
                ContentType="application/zip",
                ChecksumSHA256=base64.b64encode(bytes.fromhex(self.sha256)).decode(),
            )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Never called: the bundle is retained."""


def key(sha256: str) -> str:
    """The key in the bucket of the bundle with that digest."""
    return f"{FOLDER}/{sha256}.zip"
