"""Every process that the embedded AWS has started: on disk, and marked, so that none outlives its server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import RLock
from typing import Any

import psutil

from embedded_aws.state_folder import Folder, Process

# Inherited by whatever our children start, also by a daemon that leaves its process group.
LEDGER_MARK = "RUNBOOK_LOCAL_LEDGER"
WHAT_MARK = "RUNBOOK_LOCAL_WHAT"

PATIENCE_SECONDS = 5.0  # until a process that was asked to end is killed
LEFT_OVER_SECONDS = 15.0  # ... by a database that a killed server has left behind
KILL_SECONDS = 10.0  # then the kernel itself does not let go of it
LOOK_AGAIN_SECONDS = 0.05

GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


@dataclass(frozen=True)
class Entry:
    """A process group, named by its leader, and what it is."""

    process: Process
    what: str


class Ledger:
    """The processes of one embedded AWS.

    `what` names whose they are, such as an instance's id; "i-1 placeholder.service" belongs to "i-1", too.
    A process is ours when it leads a group that is written down, or when its environment carries our mark.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._mark = file, str(file.resolve())
        self._lock = RLock()
        self._children: list[subprocess.Popen[Any]] = []
        self._entries = _read(file)

    def start(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path, what: str) -> Process:
        """Start a process group that writes to a log and reads nothing.

        Raises:
            OSError: There is no such program.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            return process_of(self.popen(command, cwd, env, what, stdout=output, stderr=output))

    def popen(
        self, command: Sequence[str], cwd: Path, env: Mapping[str, str], what: str, **more: Any
    ) -> subprocess.Popen[bytes]:
        """Start a process group whose output the caller reads; a Ctrl-C in a terminal is not meant for it."""
        marked = {**env, LEDGER_MARK: self._mark, WHAT_MARK: what}
        with self._lock:
            child = subprocess.Popen(
                command, cwd=cwd, env=marked, stdin=subprocess.DEVNULL, start_new_session=True, **more
            )
            self._children.append(child)
            self._entries.append(Entry(process_of(child), what))
            self._tidy()
        return child

    def adopt(self, what: str) -> list[Process]:
        """Write down the groups that have come up by themselves, as a daemon does; returns those that run."""
        with self._lock:
            known = {entry.process.pid for entry in self._entries}
            leaders = [Process(one.pid, one.create_time()) for one in self._alive(what) if _leads(one)]
            self._entries += [Entry(process, what) for process in leaders if process.pid not in known]
            self._tidy()
        return leaders

    def running(self, what: str | None = None) -> list[psutil.Process]:
        """The processes that are ours; of one `what`, or all."""
        return list(self._alive(what))

    def end(self, what: str, patience: float = PATIENCE_SECONDS) -> None:
        """Ask all processes of a `what` to end, kill those that have not after a while, and wait until none is left.

        Without patience they are killed at once.
        """
        self._end(lambda: self.running(what), patience)
        with self._lock:
            self._tidy()

    def end_all(self, patience: float = PATIENCE_SECONDS) -> None:
        """End every process of ours: also those that an earlier server, which was killed, has left behind."""
        self._end(self.running, patience)
        with self._lock:
            self._tidy()

    def end_group(self, child: subprocess.Popen[Any], patience: float = PATIENCE_SECONDS) -> None:
        """End a child's process group alone; a daemon that has left it goes on."""
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, KILL_SECONDS)):
            try:
                os.killpg(child.pid, number)
                child.wait(seconds)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue

    def _end(self, look: Callable[[], list[psutil.Process]], patience: float) -> None:
        deadline = time.monotonic() + patience
        _signal(look(), signal.SIGTERM if patience else signal.SIGKILL)
        while (left := look()) and time.monotonic() < deadline + KILL_SECONDS:
            if time.monotonic() > deadline:
                _signal(left, signal.SIGKILL)
            time.sleep(LOOK_AGAIN_SECONDS)

    def _alive(self, what: str | None) -> Iterator[psutil.Process]:
        self._reap()
        with self._lock:
            written = {entry.process.pid for entry in self._entries if _is_of(what, entry.what) and _runs(entry)}
        for process in psutil.process_iter():
            if process.pid in written or self._is_marked(process, what):
                yield process

    def _is_marked(self, process: psutil.Process, what: str | None) -> bool:
        try:
            env = process.environ()
            ours = env.get(LEDGER_MARK) == self._mark and _is_of(what, env[WHAT_MARK])
            return ours and process.status() != psutil.STATUS_ZOMBIE
        except (*GONE, OSError, KeyError):
            return False

    def _reap(self) -> None:
        """Without it, a child that has ended would stay as a zombie."""
        with self._lock:
            self._children = [child for child in self._children if child.poll() is None]

    def _tidy(self) -> None:
        self._reap()
        self._entries = [entry for entry in self._entries if _runs(entry)]
        if not self._entries and not self._file.exists():
            return
        draft = self._file.with_name(f"{self._file.name}.new")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps([asdict(entry) for entry in self._entries]), encoding="utf-8")
        draft.replace(self._file)


def ledger_of(folder: Folder) -> Ledger:
    """The processes of a folder's embedded AWS, running or left behind."""
    return Ledger(folder.path / "processes.json")


def process_of(child: subprocess.Popen[Any]) -> Process:
    """A child as the ledger knows it; one that has ended already began now."""
    try:
        return Process(child.pid, psutil.Process(child.pid).create_time())
    except psutil.NoSuchProcess:
        return Process(child.pid, time.time())


def _read(file: Path) -> list[Entry]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return [Entry(Process(**entry["process"]), entry["what"]) for entry in found]
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # half-written by another version: the marks remain
        return []


def _runs(entry: Entry) -> bool:
    try:
        return entry.process.running() is not None
    except psutil.AccessDenied:
        return False


def _is_of(wanted: str | None, what: str) -> bool:
    return wanted in (None, what) or what.startswith(f"{wanted} ")


def _leads(process: psutil.Process) -> bool:
    try:
        return os.getpgid(process.pid) == process.pid
    except OSError:
        return False


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    """To each once: a group by its leader, and those that are in no group of ours."""
    leaders = {process.pid for process in processes if _leads(process)}
    for process in processes:
        try:
            group = os.getpgid(process.pid)
            if process.pid in leaders:
                os.killpg(process.pid, number)
            elif group not in leaders:
                os.kill(process.pid, number)
        except OSError:  # it has ended meanwhile
            continue
