"""Starting and ending a server process, in the way that the ledger of the machines' processes has."""

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

from embedded_aws.state_folder import Process

END_SECONDS = 15.0  # until a server that was asked to end is killed
LOOK_AGAIN_SECONDS = 0.05

log = logging.getLogger(__name__)


class Start(Protocol):
    """Starts a process group that writes to a log and reads nothing; `what` names it for people."""

    def __call__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path, what: str) -> Process: ...


class Children:
    """A `Start` without a ledger: its children are written down by whoever starts them."""

    def __init__(self) -> None:
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path, what: str) -> Process:
        """Start one, and let go of those that have ended."""
        self._children = [child for child in self._children if child.poll() is None]
        with log.open("ab") as output:
            child = subprocess.Popen(
                command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self._children.append(child)
        try:
            return Process(child.pid, psutil.Process(child.pid).create_time())
        except psutil.NoSuchProcess:
            return Process(child.pid, time.time())


def environment() -> dict[str, str]:
    """For the server's programs: nothing of the caller's that they might read as an option."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ} | {"LC_ALL": "C"}


def end(process: Process, seconds: float = END_SECONDS) -> None:
    """Ask a process to end, kill it when it has not after a while, and wait until it is gone."""
    _signal(process, signal.SIGTERM)
    if not _gone(process, seconds):
        log.warning("process %s does not end: it is killed", process.pid)
        _signal(process, signal.SIGKILL)
        _gone(process, seconds)
    _reap(process)


def _signal(process: Process, number: signal.Signals) -> None:
    if found := process.running():
        try:
            found.send_signal(number)
        except psutil.NoSuchProcess:
            return


def _gone(process: Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process.running():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_AGAIN_SECONDS)
    return True


def _reap(process: Process) -> None:
    try:
        os.waitpid(process.pid, os.WNOHANG)
    except ChildProcessError:
        return  # an earlier server's child, or one that somebody else has waited for
