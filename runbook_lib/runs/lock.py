"""The lock that lets one run at a time change an environment: an object in the environment's bucket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from ..aws.client import Aws
from ..errors import Locked, RequestRejected, RunbookError
from ..resources.bucket import LOCK
from .lock_holder import (
    LEASE,
    UNKNOWN_HOLDER,
    HeldLock,
    LockHolder,
    Timer,
    age_of,
    ended_error,
    locked_error,
    missing_error,
    parse_holder,
)

T = TypeVar("T")

KEY = LOCK
RENEWAL = timedelta(minutes=1)
"""How often the lock is renewed in the background while its process lives."""
RETRIES = timedelta(minutes=3)
"""How long a request of the lock is sent again that AWS throttles or does not answer."""

_PRECONDITION_FAILED = {"PreconditionFailed", "412"}
_CONFLICT = {"ConditionalRequestConflict", "409"}
_NO_BUCKET = {"NoSuchBucket"}
_NO_OBJECT = {"NoSuchKey", "404"}
_LONGEST_PAUSE = 10.0


class Lock:
    """The right to change an environment, held by at most one run.

    The lock is an object in S3, written conditionally: of several writers, S3 accepts one.  A thread renews it, also
    conditionally, while its process lives.  The lease is measured with S3's clock, so local clocks may be wrong.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

    Without the bucket there is no lock: a run creates the bucket first, which several can do at once, and acquires the
    lock before its next write.  A destroy deletes the bucket last: docs/adr/0006-the-lock.md.

    Args:
        me: The holder this process writes into the lock.
        record: Writes an event into the journal.
        sleep: Waits before a request is sent again.
        timer: Measures the time since the last renewal.
    """

    def __init__(
        self,
        aws: Aws,
        bucket: str,
        me: LockHolder,
        *,
        record: Callable[..., None] = lambda *a, **k: None,
        sleep: Callable[[float], None] = time.sleep,
        timer: Callable[[], Timer] = Timer,
    ) -> None:
        self._aws, self._bucket, self._me, self._record = aws, bucket, me, record
        self._sleep, self._timer = sleep, timer
        self._etag = ""
        self._renewed: Timer | None = None
        self._lost: Locked | None = None
        self._one_at_a_time = threading.RLock()
        self._released = threading.Event()

    def acquire(self, *, deletes_bucket: bool = False) -> None:
        """Acquire the lock before a write; nothing is sent when it is held and was renewed recently.

        Args:
            deletes_bucket: Whether the write deletes the bucket.  Then the lock is renewed in any case, so that no
                other run holds it, and not in the background any more; it may be missing because an earlier attempt
                has deleted it.

        Raises:
            Locked: Another run holds it, or may have held it meanwhile; the message names the holder.
        """
        with self._one_at_a_time:
            if self._lost:
                raise self._lost
            if self._me.is_dead:
                raise self._lose(ended_error(self._me))
            if deletes_bucket:
                self._released.set()
            elif self._renewed and self._renewed.elapsed() < LEASE / 2:
                return
            self._send_again(lambda: self._acquire(deletes_bucket))

    def keep(self) -> None:
        """Check while something is waited for that the lock was not lost.

        Raises:
            Locked: The lock was lost to another run.
        """
        if self._lost:
            raise self._lost

    def release(self) -> None:
        """Release the lock if this run holds it.

        Raises:
            RequestRejected: AWS has not accepted it for :data:`RETRIES`.
        """
        self._released.set()
        with self._one_at_a_time:
            self._renewed, self._etag, self._lost = None, "", None
            self._me = replace(self._me, since="")
            current = self._send_again(self.read)
            if current and current.holder.run == self._me.run:
                self._send_again(self._delete)
                self._record("lock", held=False)

    def read(self) -> HeldLock | None:
        """The lock as it is now; ``None`` when nobody holds it."""
        try:
            body, answer = self._aws.read_object(self._bucket, KEY)
        except RequestRejected as error:
            if error.code in _NO_BUCKET | _NO_OBJECT:
                return None
            raise
        now = _time_of(answer)
        holder = parse_holder(body)
        return HeldLock(holder, answer["ETag"], now - answer["LastModified"], age_of(holder, now))

    def unlock(self, current: HeldLock) -> None:
        """Take the lock from whoever holds it, as an operator asks for; the holder's next write is refused.

        Raises:
            Locked: It has changed since it was read: its holder renewed it, or another run acquired it.
        """
        # Overwritten first, on the condition that it is unchanged: then nobody renews what is deleted.
        if not self._put({"IfMatch": current.etag}):
            raise Locked(
                f"The lock of run {current.holder.run} was renewed at this moment, so its process is alive.",
                fix="Stop that process, then run this again.",
            )
        self._send_again(self._delete)
        self._record("lock", held=False)

    # Acquire and renew.

    def _acquire(self, deletes_bucket: bool) -> None:
        held = self._renewed is not None
        timer = self._timer()
        if not self._me.since:
            now = self._s3_time()
            if now is None:
                return  # no bucket, no lock
            self._me = replace(self._me, since=now.isoformat())
        condition = {"IfMatch": self._etag} if self._etag else {"IfNoneMatch": "*"}
        if not self._put(condition) and not self._take_over(may_be_missing=deletes_bucket or not held):
            if held and not deletes_bucket:
                raise self._lose(missing_error())
            return
        self._renewed = None if deletes_bucket else timer
        if not held and not deletes_bucket:
            self._released = threading.Event()
            threading.Thread(target=self._renew_in_background, args=(self._released,), daemon=True).start()

    def _renew_in_background(self, released: threading.Event) -> None:
        while not released.wait(RENEWAL.total_seconds()) and self.renew():
            pass

    def renew(self) -> bool:
        """Renew a lock that is held; returns whether there is still one to renew.

        What AWS rejects or does not answer, or what cannot be recorded because the disk is full, is tried again at the
        next renewal, at the latest before the next write.
        """
        with self._one_at_a_time:
            if self._released.is_set() or self._me.is_dead:
                return False
            with suppress(RunbookError, OSError):
                self._acquire(deletes_bucket=False)
            return not self._released.is_set()

    def _lose(self, error: Locked) -> Locked:
        """Remember that a lock was lost that this run held: until it is released, the run writes nothing."""
        if self._renewed is not None:
            self._lost = error
            self._released.set()
            self._record("lock lost", why=error.what)
        return error

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
            if error.code in _NO_BUCKET | _PRECONDITION_FAILED | _CONFLICT | _NO_OBJECT:
                return False
            raise
        if not self._etag:
            self._record("lock", held=True, bucket=self._bucket)
        self._etag = answer["ETag"]
        return True

    def _take_over(self, *, may_be_missing: bool) -> bool:
        """Take the lock from this run itself or from a run that has ended; false when there is no bucket.

        Args:
            may_be_missing: Whether this run may create the lock: it has never held it, or deleted it itself.

        Raises:
            Locked: Another run holds it, or may have changed the environment meanwhile.
        """
        holder = UNKNOWN_HOLDER
        for _ in range(3):  # another run may write at the same moment: read again
            current = self.read()
            if current is None:
                if self._s3_time() is None:
                    return False
                if not may_be_missing:
                    raise self._lose(missing_error())
                if self._put({"IfNoneMatch": "*"}):
                    return True
                continue
            holder = current.holder
            own = holder.run == self._me.run
            if not own and not (may_be_missing and (holder.is_dead or current.idle > LEASE)):
                raise self._lose(locked_error(current, f"s3://{self._bucket}/{KEY}"))
            if own:
                self._me = replace(self._me, since=holder.since)
            else:
                idle = round(current.idle.total_seconds())
                self._record("lock taken over", of=asdict(holder), idle_seconds=idle)
            if self._put({"IfMatch": current.etag}):
                return True
        raise Locked(
            f"The lock of this environment changes while it is read; last held by run {holder.run}.",
            fix="Wait a minute, then run this again.",
        )

    def _s3_time(self) -> datetime | None:
        """The time by S3's clock; ``None`` when there is no bucket."""
        # Not ListBuckets: it is consistent only in the end, and needs paging in accounts with a large quota.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
        try:
            return _time_of(self._aws.s3.get_bucket_versioning(Bucket=self._bucket))
        except RequestRejected as error:
            if error.code in _NO_BUCKET:
                return None
            raise

    def _delete(self) -> None:
        try:
            self._aws.s3.delete_object(Bucket=self._bucket, Key=KEY)
        except RequestRejected as error:
            if error.code not in _NO_BUCKET:
                raise

    def _send_again(self, request: Callable[[], T]) -> T:
        """Send until AWS answers, for :data:`RETRIES` at most; every request of the lock may be sent twice.

        Raises:
            RequestRejected: AWS rejects it, throttles it for too long, or does not answer.
        """
        began, pause = self._timer(), 0.25
        while True:
            try:
                return request()
            except RequestRejected as error:
                if not error.retryable or began.elapsed() >= RETRIES:
                    raise
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _time_of(answer: Mapping[str, Any]) -> datetime:
    """The time of S3's response, by S3's clock."""
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
