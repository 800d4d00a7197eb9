"""Who holds the lock, for how long by which clock, and the errors that say so."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import Locked
from ..journal.process import ProcessIdentity

LEASE = timedelta(minutes=10)
"""A lock that was not renewed for this long, by S3's clock, may be taken over by another run."""


@dataclass(frozen=True)
class LockHolder:
    """Who holds a lock.

    Args:
        run: The run's id; processes of the same run share its lock.
        caller: The ARN of the person or the pipeline.
        host, pid, started, space: The process; see :class:`ProcessIdentity`.  Locks of earlier versions have no
            ``space``, so whether their process has ended is not known.
        since: When the run acquired the lock, in ISO 8601 and by S3's clock; empty before that.
    """

    run: str
    caller: str
    host: str
    pid: int
    started: float
    since: str
    space: str = ""

    @classmethod
    def this_process(cls, run: str, caller: str, since: str, pid: int) -> LockHolder:
        """The process *pid* of this machine as a holder."""
        process = ProcessIdentity.of_pid(pid)
        return cls(run, caller, process.host, process.pid, process.started, since, process.space)

    @property
    def is_dead(self) -> bool:
        """Whether its process has surely ended; false for one of another boot or namespace."""
        return ProcessIdentity(self.host, self.pid, self.started, self.space).is_dead


@dataclass(frozen=True)
class HeldLock:
    """A lock as S3 shows it; all times are by S3's clock.

    Args:
        holder: Who holds it.
        etag: Tells this version of the object from others.
        idle: How long ago it was renewed.
        age: How long the run has held it; ``None`` when the object does not tell.
    """

    holder: LockHolder
    etag: str
    idle: timedelta
    age: timedelta | None


UNKNOWN_HOLDER = LockHolder("?", "somebody", "?", 0, 0.0, "?")


class Timer:
    """Measures how long ago something was, however the clock is changed and although the machine sleeps.

    The wall clock can only lengthen that: a lock is then renewed earlier than necessary.
    """

    def __init__(self) -> None:
        self._moments = self._now()

    def elapsed(self) -> timedelta:
        """The time since this timer was created."""
        return timedelta(seconds=max(now - then for now, then in zip(self._now(), self._moments, strict=True)))

    @staticmethod
    def _now() -> tuple[float, float]:
        # CLOCK_BOOTTIME goes on while a Linux sleeps, as CLOCK_MONOTONIC does on macOS.
        # https://man7.org/linux/man-pages/man2/clock_getres.2.html
        if sys.platform == "win32":
            return time.monotonic(), time.time()
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)), time.time()


def parse_holder(body: bytes) -> LockHolder:
    """The holder in a lock object; an unknown one when it is not what a lock writes."""
    try:
        holder = LockHolder(**json.loads(body))
    except (ValueError, TypeError, RecursionError):
        return UNKNOWN_HOLDER
    texts = (holder.run, holder.caller, holder.host, holder.since, holder.space)
    numbers = type(holder.pid) is int and type(holder.started) in (int, float)
    return holder if numbers and all(isinstance(text, str) for text in texts) else UNKNOWN_HOLDER


def age_of(holder: LockHolder, now: datetime) -> timedelta | None:
    """For how long it has held the lock by S3's clock; ``None`` when its start cannot be read."""
    try:
        return now - datetime.fromisoformat(holder.since)
    except (ValueError, TypeError):
        return None


def missing_error() -> Locked:
    """The error of a run whose lock is gone."""
    return Locked(
        f"This run lost its lock: somebody removed it (`runbook unlock`), or it was not renewed for"
        f" {LEASE.seconds // 60} minutes, e.g. because the machine slept. Another run may have changed the"
        " environment.",
        fix="Run this again: it plans anew.",
    )


def ended_error(holder: LockHolder) -> Locked:
    """The error of a kernel whose run has ended."""
    return Locked(
        f"The process that started this run (process {holder.pid} on {holder.host}) has ended, so another run may"
        " change the environment.",
        fix="Run this again: it plans anew.",
    )


def locked_error(current: HeldLock, url: str) -> Locked:
    """The error that names the other run which holds the lock."""
    holder = current.holder
    return Locked(
        f"{holder.caller} is changing this environment: run {holder.run}, since {holder.since},"
        f" on {holder.host} (process {holder.pid}), renewed {round(current.idle.total_seconds())} s ago.",
        fix="Wait until that run has ended. If its process has died, its lock expires"
        f" {LEASE.seconds // 60} minutes after the last renewal. To continue now, make sure that it has ended,"
        f" then release {url}: runbook unlock --env ENV --reason REASON.",
    )
