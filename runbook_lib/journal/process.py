"""Identify the process that wrote an event or took the lock, and check whether it still runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
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


_PROC = Path("/proc")
_STARTED = 22 - 3
"""The place of ``starttime`` after the command's name: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""


@dataclass(frozen=True)
class ProcessIdentity:
    """A process of a host.

    Args:
        host: The host's name.
        pid: The process id.
        started: When it started: it tells the process from a later one with the same id.  On Linux seconds since the
            boot, which no change of the clock moves.
        space: The boot of the machine, and the namespaces in which *pid* and *started* are counted: two containers
            can have the same host name.  Empty where that is not known.
    """

    host: str
    pid: int
    started: float
    space: str = ""

    @classmethod
    def this_process(cls) -> ProcessIdentity:
        """Return the identity of the current process."""
        return cls.of_pid(os.getpid())

    @classmethod
    def of_pid(cls, pid: int) -> ProcessIdentity:
        """Return the identity of a process that this one sees; ``started`` is 0 when it does not run."""
        return cls(socket.gethostname(), pid, _start_time(pid) or 0.0, process_space())

    @classmethod
    def of_event(cls, event: Event) -> ProcessIdentity:
        """Return the process that an event names in its fields ``host``, ``pid``, ``started`` and ``space``.

        Journals of earlier versions have no ``space``: their processes count as of this boot if the host's name is
        the same.  They have ended, unless one of them was running during the upgrade.
        """
        host = event.get("host", "?")
        space = event.get("space", process_space() if host == socket.gethostname() else "")
        return cls(host, event.get("pid", 0), event.get("started", 0.0), space)

    @property
    def is_dead(self) -> bool:
        """Whether the process has surely ended; False for one of another boot or namespace, which cannot be checked."""
        if not self.space or self.space != process_space():
            return False
        return not _exists(self.pid) or _start_time(self.pid) not in (None, self.started)


@cache
def process_space() -> str:
    """The boot of this machine, and the namespaces in which this process sees others; empty where that is not known.

    The boot's id is the same in all containers of a machine, so the namespaces belong to it.  A time namespace moves
    the start times of all processes that are looked at from within it.
    https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
    https://man7.org/linux/man-pages/man7/time_namespaces.7.html
    """
    if sys.platform == "darwin":  # no namespaces there
        asked = subprocess.run(["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, check=False)
        return asked.stdout.decode().strip()
    if sys.platform == "win32":  # the start times there are not moved by the clock
        return f"windows {socket.gethostname()}"
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        pids = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    try:
        times = str((_PROC / "self/ns/time").readlink())
    except OSError:  # Linux before 5.6 has none
        times = "time"
    return f"{boot} {pids} {times}"


def _exists(pid: int) -> bool:
    """Whether there is such a process, also one of another user that this one may not look at."""
    if sys.platform == "win32":  # os.kill would end the process
        return psutil.pid_exists(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _start_time(pid: int) -> float | None:
    """When a process started; ``None`` when that cannot be read."""
    if sys.platform in ("darwin", "win32"):
        try:
            return float(psutil.Process(pid).create_time())
        except psutil.Error:
            return None
    try:
        # The name of its program is any bytes.
        fields = (_PROC / str(pid) / "stat").read_text(encoding="latin-1").rpartition(")")[2].split()
        return int(fields[_STARTED]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None
