"""Identify the process that wrote an event or took the lock, and check whether it still runs."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import psutil

from .reader import Event

Handler = Callable[[int, FrameType | None], None]
CANCELLED = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""Signals that end a run as Ctrl-C does: of a cancelled job, a closed terminal, and on Windows a closed window."""


def handle_cancellation(handler: Handler) -> None:
    """Let a function handle :data:`CANCELLED`, as far as the system has them; what nohup made ignored stays ignored."""
    for name in CANCELLED:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def interrupt_this_process() -> None:
    """Do what Ctrl-C does, from any thread."""
    if sys.platform == "win32":  # os.kill would end the process at once there
        signal.raise_signal(signal.SIGINT)
    else:
        os.kill(os.getpid(), signal.SIGINT)


@dataclass(frozen=True)
class ProcessIdentity:
    """A process of a host.

    Args:
        host: The host's name.
        pid: The process id.
        started: Start time in seconds since 1970: it tells the process from a later one with the same id.
    """

    host: str
    pid: int
    started: float

    @classmethod
    def this_process(cls) -> ProcessIdentity:
        """Return the identity of the current process."""
        return cls.of_pid(os.getpid())

    @classmethod
    def of_pid(cls, pid: int) -> ProcessIdentity:
        """Return the identity of a process of this host; ``started`` is 0 when it does not run."""
        return cls(socket.gethostname(), pid, _start_time(pid) or 0.0)

    @classmethod
    def of_event(cls, event: Event) -> ProcessIdentity:
        """Return the process that an event names in its fields ``host``, ``pid`` and ``started``."""
        return cls(event.get("host", "?"), event.get("pid", 0), event.get("started", 0.0))

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended; False for other hosts, whose processes cannot be checked."""
        return self.host == socket.gethostname() and _start_time(self.pid) != self.started


def _start_time(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
