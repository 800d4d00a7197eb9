"""Start and end server processes."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import psutil

from embedded_aws.process_identity import ProcessIdentity

END_SECONDS = 15.0  # until a server that was asked to end is killed
POLL_SECONDS = 0.05

log = logging.getLogger(__name__)


class StartProcess(Protocol):
    """Starts a process group that writes to a log and reads nothing; `owner` is what it belongs to."""

    def __call__(
        self, command: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path, owner: str
    ) -> ProcessIdentity:
        """Start the command in *cwd*; returns what identifies its process."""


class ChildProcesses:
    """A `StartProcess` without a process registry, for servers that are used alone."""

    def __init__(self) -> None:
        self._children: list[subprocess.Popen[bytes]] = []

    def start(
        self, command: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path, owner: str
    ) -> ProcessIdentity:
        """Start a process, and reap those that have ended."""
        self._children = [child for child in self._children if child.poll() is None]
        with log.open("ab") as output:
            child = subprocess.Popen(
                command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self._children.append(child)
        return ProcessIdentity.of_child(child)


def environment() -> dict[str, str]:
    """Return the environment of a server's programs, without variables that they could read as options."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ} | {"LC_ALL": "C"}


def end(process: ProcessIdentity, seconds: float = END_SECONDS) -> None:
    """Ask a process to end, kill it if it has not after some seconds, and wait until it has ended."""
    _signal(process, signal.SIGTERM)
    if not _wait(process, seconds):
        log.warning("process %s does not end: it is killed", process.pid)
        _signal(process, signal.SIGKILL)
        _wait(process, seconds)
    _reap(process)


def _signal(process: ProcessIdentity, number: signal.Signals) -> None:
    if running := process.running():
        try:
            running.send_signal(number)
        except psutil.NoSuchProcess:
            return


def _wait(process: ProcessIdentity, seconds: float) -> bool:
    """Wait until a process has ended; returns False when it is still running after some seconds."""
    deadline = time.monotonic() + seconds
    while process.running():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _reap(process: ProcessIdentity) -> None:
    try:
        os.waitpid(process.pid, os.WNOHANG)
    except ChildProcessError:
        return  # not our child, or already reaped
