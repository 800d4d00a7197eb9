"""Which process wrote something, and whether it still runs."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class ProcessIdentity:
    """A process of some machine.

    Args:
        started: When it began (seconds since 1970), so that another with its number is not mistaken for it.
    """

    host: str
    pid: int
    started: float

    @classmethod
    def current(cls, pid: int | None = None) -> ProcessIdentity:
        """This process, or the process *pid* of this machine."""
        pid = os.getpid() if pid is None else pid
        return cls(socket.gethostname(), pid, _started(pid) or 0.0)

    @property
    def dead(self) -> bool:
        """Whether it surely is no more; of another machine's nobody can say."""
        return self.host == socket.gethostname() and _started(self.pid) != self.started


def _started(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
