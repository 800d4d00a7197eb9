"""Which process of this machine is meant, also after its number was given to another one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True)
class ProcessIdentity:
    """A process number, and when that process began.

    Args:
        began: Seconds since the epoch, to be shown: a clock that is set moves them, also of what began before.
        since_boot: Seconds since the boot, which no clock moves, on Linux.
    """

    pid: int
    began: float = field(compare=False)
    since_boot: float | None = None

    @classmethod
    def of(cls, process: psutil.Process) -> ProcessIdentity:
        """Return the identity of a process.

        Raises:
            NoSuchProcess: It has ended.
        """
        return cls(process.pid, process.create_time(), _since_boot(process.pid))

    @classmethod
    def current(cls) -> ProcessIdentity:
        """Return the identity of this process."""
        return cls.of(psutil.Process())

    @classmethod
    def of_child(cls, child: subprocess.Popen[Any]) -> ProcessIdentity:
        """Return the identity of a child that was just started; one that has already ended began now."""
        try:
            return cls.of(psutil.Process(child.pid))
        except psutil.NoSuchProcess:
            return cls(child.pid, time.time())

    def running(self) -> psutil.Process | None:
        """Return the process; None when it has ended, is a zombie, or another process has its number."""
        try:
            process = psutil.Process(self.pid)
            return process if self._is(process) and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def _is(self, process: psutil.Process) -> bool:
        if self.since_boot is None:
            return abs(process.create_time() - self.began) < 1
        return _since_boot(process.pid) == self.since_boot


_STARTED = 22 - 3
"""The place of ``starttime`` after the command's name: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""


def _since_boot(pid: int) -> float | None:
    """When a process began, in seconds since the boot; ``None`` where the kernel does not tell."""
    if sys.platform != "linux":
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return int(fields[_STARTED]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None
