"""The environment's own S3 bucket."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import Permission, to_apply, to_destroy, to_look
from ..aws.policy_document import is_same
from ..aws.snapshot import Snapshot, tags_of
from ..errors import RequestRejected
from .base import Ids, Observed, Resource, kind
from .tagging import Tagging

LOCK = "lock.json"
"""The object with the environment's lock."""
EVIDENCE = "evidence"
"""The folder for the evidence of runs."""

_ON = "s3:{bucket}"


@kind
class Bucket(Resource):
    """A private, versioned, encrypted bucket that requires TLS.

    It holds evidence, bundles, the lock, and the load balancer's access logs.  Elastic Load
    Balancing can only write with SSE-S3.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html

    Args:
        expire: Prefixes, and the days after which their objects are deleted: ``(("alb", 90), ...)``.
        kept: Whether a destroy keeps the bucket; not a setting in AWS.
        object_lock: Whether its objects can be locked; each object has its own retention.  It can be
            enabled for an existing bucket but never disabled, so it is only read where it is desired.
            https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-configure.html
    """

    versioned: bool = True
    encryption: str = "AES256"
    private: bool = True
    expire: tuple[tuple[str, int], ...] = ()
    kept: bool = True
    object_lock: bool = False

    eventual_errors = frozenset({"NoSuchBucket", "OperationAborted"})
    holds_lock = True

    needs = (
        to_look(
            "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketTagging", "s3:GetBucketVersioning",
            "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", on=_ON, label="bucket",
        ),
        # Whoever may write its policy and its lifecycle has power over its objects anyway; said openly.
        to_apply(
            "s3:CreateBucket", "s3:DeleteObject", "s3:GetObject", "s3:PutBucketPolicy",
            "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration", "s3:PutObject",
            on=(_ON, f"{_ON}/*"), label="bucket",
        ),
    )  # fmt: skip

    def required_permissions(self) -> tuple[Permission, ...]:
        """Add the permissions of a lock on objects, and those to empty and delete a bucket that is not kept."""
        locks = (
            to_look("s3:GetBucketObjectLockConfiguration", on=_ON, label="bucket"),
            to_apply("s3:PutBucketObjectLockConfiguration", on=_ON, label="bucket"),
        )
        deletes = (
            to_destroy(
                "s3:GetBucketObjectLockConfiguration",
                "s3:GetObject",
                "s3:GetObjectRetention",
                "s3:GetObjectVersion",
                on=(_ON, f"{_ON}/*"),
                label="bucket",
            ),
            to_destroy(
                "s3:DeleteBucket",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:ListBucketVersions",
                on=(_ON, f"{_ON}/*"),
                label="bucket",
            ),
        )
        return (*self.needs, *(locks if self.object_lock else ()), *(() if self.kept else deletes))  # fmt: skip

    def aws_name(self, aws: Aws) -> str:
        """Its name, which contains the account because bucket names are unique in all of AWS."""
        return self.name_in(aws.env, aws.account, aws.region)

    def name_in(self, env: str, account: str, region: str) -> str:
        """Its name in an environment's account and region."""
        return f"{env}-{self.name}-{account}-{region}"

    @property
    def retain(self) -> str:
        """Keep the bucket when the parameters say so: it holds the evidence."""
        return "guards.keep_bucket is true, and it holds the evidence" if self.kept else ""

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Add the bucket's policy, that it is tagged, and the lock on objects where one is asked for."""
        wanted = {"versioned": self.versioned, "encryption": self.encryption, "private": self.private}
        locks = {"object_lock": True} if self.object_lock else {}
        return {**wanted, "expire": frozenset(self.expire), "policy": _POLICY, "tagged": True, **locks}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the bucket by its name. One without tags is ours, too: its create was interrupted."""
        bucket = self.aws_name(snapshot.aws)
        # Not ListBuckets: it is consistent only in the end, and needs paging in accounts with a large quota.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
        versioning = snapshot.get("s3", "get_bucket_versioning", missing="NoSuchBucket", Bucket=bucket)
        if versioning is None:
            return None
        tags = tags_of(snapshot.get("s3", "get_bucket_tagging", missing="NoSuchTagSet", Bucket=bucket) or {}, "TagSet")
        if tags:  # an untagged bucket is ours, too: its create was interrupted, and the name contains our account
            snapshot.require_ownership(self, tags)
        state = {
            "versioned": versioning.get("Status") == "Enabled",
            "encryption": _encryption(snapshot, bucket),
            "private": _private(snapshot, bucket),
            "expire": _expiry(snapshot, bucket),
            "policy": _POLICY if is_same(_policy_of(snapshot, bucket), _policy(bucket, snapshot.aws)) else "another",
            "tagged": bool(tags),
        }
        if self.object_lock:
            state["object_lock"] = _locks(snapshot, bucket)
        tagging = Tagging("s3", bucket, tags) if tags else None
        return Observed(bucket, state, status="available", tagging=tagging)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the bucket, with the lock on objects where one is asked for; all else is set by an update."""
        # In us-east-1 AWS rejects a location constraint.
        place = {} if aws.region == "us-east-1" else {"LocationConstraint": aws.region}
        request: dict[str, Any] = {"CreateBucketConfiguration": place} if place else {}
        if self.object_lock:
            request["ObjectLockEnabledForBucket"] = True
        try:
            aws.s3.create_bucket(Bucket=self.aws_name(aws), **request)
        except RequestRejected as error:
            # Several runs may create it at once, all before one of them acquires the lock, which is in it.
            if error.code != "BucketAlreadyOwnedByYou":
                raise

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set what differs, one call for each setting; the lock comes after the versioning that it requires."""
        bucket = observed.id
        if "tagged" in drift:
            aws.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": aws.tags(self)})
        if "private" in drift:
            block = dict.fromkeys(_BLOCKS, self.private)
            aws.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
        if "versioned" in drift:
            status = "Enabled" if self.versioned else "Suspended"
            aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        if "object_lock" in drift:  # after versioning, which it requires
            aws.s3.put_object_lock_configuration(
                Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
            )
        if "encryption" in drift:
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": self.encryption}}
            aws.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        if "policy" in drift:
            aws.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_policy(bucket, aws)))
        if "expire" in drift:
            self._expire(aws, bucket)

    def _expire(self, aws: Aws, bucket: str) -> None:
        if not self.expire:
            aws.s3.delete_bucket_lifecycle(Bucket=bucket)
            return
        rules = [
            {
                "ID": f"expire-{prefix}",
                "Status": "Enabled",
                "Filter": {"Prefix": f"{prefix}/"},
                "Expiration": {"Days": days},
                "NoncurrentVersionExpiration": {"NoncurrentDays": days},
            }
            for prefix, days in self.expire
        ]
        aws.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete all versions of all objects, those of the lock last, then the bucket.

        What another run writes after the listing, such as a lock of its own, prevents the deletion of the bucket.
        """
        items = [
            {"Key": item["Key"], "VersionId": item["VersionId"]}
            for kind_of in ("Versions", "DeleteMarkers")
            for item in aws.pages("s3", "list_object_versions", kind_of, Bucket=observed.id)
        ]
        items.sort(key=lambda item: item["Key"] == LOCK)
        for start in range(0, len(items), 1000):  # the maximum of one call
            aws.s3.delete_objects(Bucket=observed.id, Delete={"Objects": items[start : start + 1000], "Quiet": True})
        aws.s3.delete_bucket(Bucket=observed.id)

    def obstacles(self, snapshot: Snapshot, observed: Observed) -> Iterable[str]:
        """Evidence under a lock, which S3 deletes for nobody before its day."""
        bucket = observed.id
        if self.kept or not _locks(snapshot, bucket):
            return
        for one in snapshot.all("s3", "list_object_versions", "Versions", Bucket=bucket, Prefix=f"{EVIDENCE}/"):
            version = {"Bucket": bucket, "Key": one["Key"], "VersionId": one["VersionId"]}
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (with s3:GetObjectRetention)
            until = (snapshot.get("s3", "head_object", missing="404", **version) or {}).get("ObjectLockRetainUntilDate")
            if until and until > datetime.now(UTC):
                yield f"object s3://{bucket}/{one['Key']} (locked until {until:%Y-%m-%d %H:%M} UTC)"


_POLICY = "TLS only; the load balancer may write its logs"
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def _policy(bucket: str, aws: Aws) -> dict[str, Any]:
    tls = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    logs = {
        "Sid": "LoadBalancerLogs",
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/alb/AWSLogs/{aws.account}/*",
    }
    return {"Version": "2012-10-17", "Statement": [tls, logs]}


def _policy_of(snapshot: Snapshot, bucket: str) -> str:
    response = snapshot.get("s3", "get_bucket_policy", missing="NoSuchBucketPolicy", Bucket=bucket)
    return response["Policy"] or "{}" if response else "{}"


def _encryption(snapshot: Snapshot, bucket: str) -> str | None:
    none = "ServerSideEncryptionConfigurationNotFoundError"
    response = snapshot.get("s3", "get_bucket_encryption", missing=none, Bucket=bucket)
    rules = response["ServerSideEncryptionConfiguration"]["Rules"] if response else []
    return rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] if rules else None


def _locks(snapshot: Snapshot, bucket: str) -> bool:
    none = "ObjectLockConfigurationNotFoundError"
    response = snapshot.get("s3", "get_object_lock_configuration", missing=none, Bucket=bucket) or {}
    return bool(response.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")


def _private(snapshot: Snapshot, bucket: str) -> bool:
    none = "NoSuchPublicAccessBlockConfiguration"
    response = snapshot.get("s3", "get_public_access_block", missing=none, Bucket=bucket)
    return response is not None and all(response["PublicAccessBlockConfiguration"].get(block) for block in _BLOCKS)


def _expiry(snapshot: Snapshot, bucket: str) -> frozenset[tuple[str, int]]:
    none = "NoSuchLifecycleConfiguration"
    response = snapshot.get("s3", "get_bucket_lifecycle_configuration", missing=none, Bucket=bucket) or {"Rules": []}
    return frozenset(
        (rule.get("Filter", rule).get("Prefix", "").rstrip("/"), rule["Expiration"].get("Days", 0))
        for rule in response["Rules"]
        if rule["Status"] == "Enabled" and "Expiration" in rule
    )
