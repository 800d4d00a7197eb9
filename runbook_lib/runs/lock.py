"""One writer per environment: an object in the environment's own bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ..aws.client import Aws
from ..errors import Locked, RequestRejected
from ..journal.process import ProcessIdentity

KEY = "lock.json"
LEASE = timedelta(minutes=10)
"""How long a run may be silent before another may take its place."""

_TAKEN = {"PreconditionFailed", "412"}
_CONTENDED = {"ConditionalRequestConflict", "409"}
_NOWHERE = {"NoSuchBucket"}
_NONE = {"NoSuchKey", "404"}


@dataclass(frozen=True)
class LockHolder:
    """Who holds a lock.

    Args:
        run: The run; processes of the same run share its lock.
        caller: The ARN by which AWS knows the person or the pipeline.
        host, pid, started: The process, and when it began (seconds since 1970), so that
            another with its number is not mistaken for it.
        since: When the run took the lock, in ISO 8601.
    """

    run: str
    caller: str
    host: str
    pid: int
    started: float
    since: str

    @classmethod
    def this_process(cls, run: str, caller: str, since: str, pid: int) -> LockHolder:
        """This run, working in the process *pid* of this machine."""
        process = ProcessIdentity.of_pid(pid)
        return cls(run, caller, process.host, process.pid, process.started, since)

    @property
    def is_dead(self) -> bool:
        """Whether its process surely is no more; of another machine's nobody can say."""
        return ProcessIdentity(self.host, self.pid, self.started).is_dead


_SOMEBODY = LockHolder("?", "somebody", "?", 0, 0.0, "?")


class Lock:
    """The right to change an environment, held by at most one run.

    AWS decides who gets it: S3 writes an object under a condition for one of several
    writers only.  Time, too, is S3's own, so that no clock has to be right.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

    While the bucket does not exist there is nothing to hold: making the bucket is the
    first thing a run does, and AWS lets one of two runs do it.
    """

    def __init__(
        self, aws: Aws, bucket: str, me: LockHolder, *, told: Callable[..., None] = lambda *a, **k: None
    ) -> None:
        self._aws, self._bucket, self._me, self._told = aws, bucket, me, told
        self._renew: datetime | None = None
        self._etag = ""

    def acquire(self, now: datetime) -> None:
        """Take the lock, or renew it when half of its time is over.

        Args:
            now: By this machine's clock; only measured against itself.

        Raises:
            Locked: Naming who holds it, and since when.
        """
        if self._renew and now < self._renew:
            return
        if self._put({"IfMatch": self._etag} if self._etag else {"IfNoneMatch": "*"}) or self._take_over():
            self._renew = now + LEASE / 2

    def release(self) -> None:
        """Give it back, if it is this run's."""
        self._renew, self._etag = None, ""
        found = self._read()
        if found and found[0].run == self._me.run:
            try:
                self._aws.s3.delete_object(Bucket=self._bucket, Key=KEY)
            except RequestRejected as error:
                if error.code not in _NOWHERE:
                    raise
            self._told("lock", held=False)

    def _put(self, condition: Mapping[str, str]) -> bool:
        try:
            answer = self._aws.s3.put_object(
                Bucket=self._bucket,
                Key=KEY,
                Body=json.dumps(asdict(self._me)).encode(),
                ContentType="application/json",
                **condition,
            )
        except RequestRejected as error:
            if error.code in _NOWHERE | _TAKEN | _CONTENDED | _NONE or not error.outcome_known:
                return False
            raise
        if not self._etag:
            self._told("lock", held=True, bucket=self._bucket)
        self._etag = answer["ETag"]
        return True

    def _take_over(self) -> bool:
        """Take the lock from a run that is this one, or that is over; whether there is one to take."""
        holder = _SOMEBODY
        for _ in range(3):  # another may move at the same moment; then see what it did
            found = self._read()
            if found is None:
                if not self._exists():
                    return False
                if self._put({"IfNoneMatch": "*"}):
                    return True
                continue
            holder, etag, idle = found
            ours = holder.run == self._me.run
            if not ours and not holder.is_dead and idle <= LEASE:
                raise _locked(holder, self._bucket)
            if not ours:
                self._told("lock taken over", of=asdict(holder), idle_seconds=round(idle.total_seconds()))
            if self._put({"IfMatch": etag}):
                return True
        raise _locked(holder, self._bucket)

    def _read(self) -> tuple[LockHolder, str, timedelta] | None:
        """Who holds it, the version of that, and for how long it was not renewed."""
        try:
            answer = self._aws.s3.get_object(Bucket=self._bucket, Key=KEY)
        except RequestRejected as error:
            if error.code in _NOWHERE | _NONE:
                return None
            raise
        return _holder(answer["Body"].read()), answer["ETag"], _now(answer) - answer["LastModified"]

    def _exists(self) -> bool:
        return any(b["Name"] == self._bucket for b in self._aws.s3.list_buckets(Prefix=self._bucket)["Buckets"])


def _holder(body: bytes) -> LockHolder:
    try:
        return LockHolder(**json.loads(body))
    except (ValueError, TypeError):
        return _SOMEBODY


def _now(answer: Mapping[str, Any]) -> datetime:
    """The time at which S3 answered."""
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])


def _locked(holder: LockHolder, bucket: str) -> Locked:
    return Locked(
        f"{holder.caller} is changing this environment: run {holder.run}, since {holder.since},"
        f" on {holder.host} (process {holder.pid}).",
        fix=f"Wait until that run has ended. If it is dead, it gives way {LEASE.seconds // 60} minutes after its last"
        f" step; to go on at once, make sure of that and remove s3://{bucket}/{KEY}.",
    )
