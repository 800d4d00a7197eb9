"""Which process of this machine is meant, also after its number was given to another one."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass(frozen=True)
class ProcessIdentity:
    """A process number, and when that process began (seconds since the epoch, as the kernel counts them)."""

    pid: int
    began: float

    @classmethod
    def current(cls) -> ProcessIdentity:
        """Return the identity of this process."""
        return cls(os.getpid(), psutil.Process().create_time())

    @classmethod
    def of_child(cls, child: subprocess.Popen[Any]) -> ProcessIdentity:
        """Return the identity of a child that was just started; one that has already ended began now."""
        try:
            return cls(child.pid, psutil.Process(child.pid).create_time())
        except psutil.NoSuchProcess:
            return cls(child.pid, time.time())

    def running(self) -> psutil.Process | None:
        """Return the process; None when it has ended, is a zombie, or another process has its number."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.began) < 1  # the clock may have been set since
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None
