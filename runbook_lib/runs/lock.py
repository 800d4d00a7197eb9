"""The lock that lets one run at a time change an environment: an object in the environment's bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ..aws.client import Aws
from ..errors import Locked, RequestRejected
from ..journal.process import ProcessIdentity

KEY = "lock.json"
LEASE = timedelta(minutes=10)
"""A lock that was not renewed for this long may be taken over by another run."""

_PRECONDITION_FAILED = {"PreconditionFailed", "412"}
_CONFLICT = {"ConditionalRequestConflict", "409"}
_NO_BUCKET = {"NoSuchBucket"}
_NO_OBJECT = {"NoSuchKey", "404"}


@dataclass(frozen=True)
class LockHolder:
    """Who holds a lock.

    Args:
        run: The run's id; processes of the same run share its lock.
        caller: The ARN of the person or the pipeline.
        host, pid, started: The process and its start (seconds since 1970), so that another
            process with the same number is not mistaken for it.
        since: When the run acquired the lock, in ISO 8601.
    """

    run: str
    caller: str
    host: str
    pid: int
    started: float
    since: str

    @classmethod
    def this_process(cls, run: str, caller: str, since: str, pid: int) -> LockHolder:
        """The process *pid* of this machine as a holder."""
        process = ProcessIdentity.of_pid(pid)
        return cls(run, caller, process.host, process.pid, process.started, since)

    @property
    def is_dead(self) -> bool:
        """Whether its process has surely ended; false for a process of another machine."""
        return ProcessIdentity(self.host, self.pid, self.started).is_dead


_UNKNOWN_HOLDER = LockHolder("?", "somebody", "?", 0, 0.0, "?")


class Lock:
    """The right to change an environment, held by at most one run.

    The lock is an object in S3, written conditionally: of several writers, S3 accepts one.
    The lease is measured with S3's clock, so local clocks may be wrong.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

    Without the bucket there is no lock: a run creates the bucket first, and AWS lets only
    one of two runs create it.

    Args:
        me: The holder this process writes into the lock.
        record: Writes an event into the journal.
    """

    def __init__(
        self, aws: Aws, bucket: str, me: LockHolder, *, record: Callable[..., None] = lambda *a, **k: None
    ) -> None:
        self._aws, self._bucket, self._me, self._record = aws, bucket, me, record
        self._renew: datetime | None = None
        self._etag = ""

    def acquire(self, now: datetime) -> None:
        """Acquire the lock, or renew it when half of its lease is over.

        Args:
            now: The time of this machine's clock, compared only with earlier values of *now*.

        Raises:
            Locked: Another run holds it, or held it after this run's lease had expired; the message names the holder.
        """
        if self._renew and now < self._renew:
            return
        expired = self._renew is not None and now > self._renew + LEASE / 2
        if self._put({"IfMatch": self._etag} if self._etag else {"IfNoneMatch": "*"}) or self._take_over(expired):
            self._renew = now + LEASE / 2

    def keep(self, now: datetime) -> None:
        """Renew the lock while something is waited for, if this run holds it.

        A renewal that AWS rejects is tried again in the next pause, and at the latest before the next change.

        Raises:
            Locked: The lock was lost to another run.
        """
        if self._renew is not None:
            with suppress(RequestRejected):
                self.acquire(now)

    def release(self) -> None:
        """Release the lock if this run holds it."""
        self._renew, self._etag = None, ""
        current = self._read()
        if current and current[0].run == self._me.run:
            try:
                self._aws.s3.delete_object(Bucket=self._bucket, Key=KEY)
            except RequestRejected as error:
                if error.code not in _NO_BUCKET:
                    raise
            self._record("lock", held=False)

    def _put(self, condition: Mapping[str, str]) -> bool:
        """Write the lock under a condition; returns whether S3 surely wrote it."""
        try:
            answer = self._aws.s3.put_object(
                Bucket=self._bucket,
                Key=KEY,
                Body=json.dumps(asdict(self._me)).encode(),
                ContentType="application/json",
                **condition,
            )
        except RequestRejected as error:
            if error.code in _NO_BUCKET | _PRECONDITION_FAILED | _CONFLICT | _NO_OBJECT or not error.outcome_known:
                return False
            raise
        if not self._etag:
            self._record("lock", held=True, bucket=self._bucket)
        self._etag = answer["ETag"]
        return True

    def _take_over(self, expired: bool) -> bool:
        """Take the lock from this run itself or from a run that has ended; false when there is no bucket.

        Args:
            expired: Whether this run held the lock, and its lease is over: another run may have taken and released it.

        Raises:
            Locked: Another run holds it, or may have changed the environment meanwhile.
        """
        holder = _UNKNOWN_HOLDER
        for _ in range(3):  # another run may write at the same moment: read again
            current = self._read()
            if current is None:
                if not self._bucket_exists():
                    return False
                if expired:
                    raise _lost_error()
                if self._put({"IfNoneMatch": "*"}):
                    return True
                continue
            holder, etag, idle = current
            own = holder.run == self._me.run
            if not own and not holder.is_dead and idle <= LEASE:
                raise _locked_error(holder, self._bucket)
            if not own:
                self._record("lock taken over", of=asdict(holder), idle_seconds=round(idle.total_seconds()))
            if self._put({"IfMatch": etag}):
                return True
        raise _locked_error(holder, self._bucket)

    def _read(self) -> tuple[LockHolder, str, timedelta] | None:
        """The holder, the object's ETag, and the time since it was last written; ``None`` when there is no lock."""
        try:
            answer = self._aws.s3.get_object(Bucket=self._bucket, Key=KEY)
        except RequestRejected as error:
            if error.code in _NO_BUCKET | _NO_OBJECT:
                return None
            raise
        return _parse_holder(answer["Body"].read()), answer["ETag"], _now(answer) - answer["LastModified"]

    def _bucket_exists(self) -> bool:
        # Not ListBuckets: it is consistent only in the end, and needs paging in accounts with a large quota.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
        try:
            self._aws.s3.get_bucket_versioning(Bucket=self._bucket)
        except RequestRejected as error:
            if error.code in _NO_BUCKET:
                return False
            raise
        return True


def _parse_holder(body: bytes) -> LockHolder:
    """The holder in a lock object; an unknown one when it is not what :meth:`Lock._put` writes."""
    try:
        holder = LockHolder(**json.loads(body))
    except (ValueError, TypeError, RecursionError):
        return _UNKNOWN_HOLDER
    texts = all(isinstance(text, str) for text in (holder.run, holder.caller, holder.host, holder.since))
    numbers = type(holder.pid) is int and type(holder.started) in (int, float)
    return holder if texts and numbers else _UNKNOWN_HOLDER


def _now(answer: Mapping[str, Any]) -> datetime:
    """The time of S3's response, by S3's clock."""
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])


def _lost_error() -> Locked:
    return Locked(
        f"This run did not renew its lock for {LEASE.seconds // 60} minutes, e.g. because the machine slept, and lost"
        " it: another run may have changed the environment.",
        fix="Run this again: it plans anew.",
    )


def _locked_error(holder: LockHolder, bucket: str) -> Locked:
    return Locked(
        f"{holder.caller} is changing this environment: run {holder.run}, since {holder.since},"
        f" on {holder.host} (process {holder.pid}).",
        fix="Wait until that run has ended. If its process has died, its lock expires"
        f" {LEASE.seconds // 60} minutes after the last renewal. To continue now, make sure that it has ended,"
        f" then remove s3://{bucket}/{KEY}.",
    )
