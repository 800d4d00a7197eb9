"""The process registry: every process that the embedded AWS has started, so that none outlives its server."""

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

from embedded_aws.files import write_atomically
from embedded_aws.process_identity import ProcessIdentity
from embedded_aws.state_folder import StateFolder

# Environment variables that a process passes on to whatever it starts, even to a daemon that leaves its process group.
REGISTRY_VARIABLE = "RUNBOOK_LOCAL_REGISTRY"
OWNER_VARIABLE = "RUNBOOK_LOCAL_OWNER"

END_SECONDS = 5.0  # until a process that was asked to end is killed
LEFTOVER_SECONDS = 15.0  # the same for processes that a killed server has left behind: databases take longer
KILL_SECONDS = 10.0  # until a killed process is given up
POLL_SECONDS = 0.05
QUIET_LOOKS = 2  # a process that is being started has no environment to be known by, for a moment

GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


@dataclass(frozen=True)
class Entry:
    """A process group, named by its leader, and its owner."""

    process: ProcessIdentity
    owner: str


class ProcessRegistry:
    """The processes of one embedded AWS.

    An owner is what a process belongs to, such as an instance's id; "i-1 placeholder.service" belongs to "i-1", too.
    A process is registered when it leads a group in the registry's file, or has the registry in its environment.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._name = file, str(file.resolve())
        self._lock = RLock()
        self._children: list[subprocess.Popen[Any]] = []
        self._entries = _read(file)

    @property
    def name(self) -> str:
        """Its mark in the environment of its processes."""
        return self._name

    def start(
        self, command: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path, owner: str
    ) -> ProcessIdentity:
        """Start a process group that writes to a log and reads nothing.

        Raises:
            OSError: The program does not exist.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            return ProcessIdentity.of_child(self.popen(command, cwd, env, owner, stdout=output, stderr=output))

    def popen(
        self, command: Sequence[str], cwd: Path, env: Mapping[str, str], owner: str, **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start a process group whose output the caller reads; a Ctrl-C in a terminal does not reach it."""
        environment = {**env, REGISTRY_VARIABLE: self._name, OWNER_VARIABLE: owner}
        with self._lock:
            child = subprocess.Popen(
                command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, start_new_session=True, **options
            )
            self._children.append(child)
            self._entries.append(Entry(ProcessIdentity.of_child(child), owner))
            self._save()
        return child

    def adopt(self, owner: str) -> list[ProcessIdentity]:
        """Register groups that an owner's processes have started, as daemons are; returns all running leaders."""
        with self._lock:
            known = {entry.process.pid for entry in self._entries}
            running = [process for process in self._alive(owner) if _leads_group(process)]
            leaders = [ProcessIdentity.of(process) for process in running]
            self._entries += [Entry(process, owner) for process in leaders if process.pid not in known]
            self._save()
        return leaders

    def running(self, owner: str | None = None) -> list[psutil.Process]:
        """Return the running processes of an owner; without one, all."""
        return list(self._alive(owner))

    def end(self, owner: str, seconds: float = END_SECONDS) -> None:
        """End all processes of an owner, and wait until they have ended.

        Args:
            seconds: How long they may take before they are killed; 0 kills them at once.
        """
        self._end(lambda: self.running(owner), seconds)
        with self._lock:
            self._save()

    def end_all(self, seconds: float = END_SECONDS) -> None:
        """End every registered process, also those that an earlier, killed server has left behind."""
        self._end(self.running, seconds)
        with self._lock:
            self._save()

    def end_group(self, child: subprocess.Popen[Any], seconds: float = END_SECONDS) -> None:
        """End the process group of a child only; a daemon that has left the group keeps running."""
        for number, timeout in ((signal.SIGTERM, seconds), (signal.SIGKILL, KILL_SECONDS)):
            try:
                os.killpg(child.pid, number)
                child.wait(timeout)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue

    def _end(self, list_running: Callable[[], list[psutil.Process]], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        _signal(list_running(), signal.SIGTERM if seconds else signal.SIGKILL)
        quiet = 0
        while quiet < QUIET_LOOKS and time.monotonic() < deadline + KILL_SECONDS:
            left = list_running()
            quiet = 0 if left else quiet + 1
            if left and time.monotonic() > deadline:
                _signal(left, signal.SIGKILL)
            time.sleep(POLL_SECONDS)

    def _alive(self, owner: str | None) -> Iterator[psutil.Process]:
        self._reap()
        with self._lock:
            leaders = {
                entry.process.pid for entry in self._entries if _belongs_to(entry.owner, owner) and _is_running(entry)
            }
        for process in psutil.process_iter():
            if process.pid in leaders or self._is_marked(process, owner):
                yield process

    def _is_marked(self, process: psutil.Process, owner: str | None) -> bool:
        try:
            env = process.environ()
            ours = env.get(REGISTRY_VARIABLE) == self._name and _belongs_to(env[OWNER_VARIABLE], owner)
            return ours and process.status() != psutil.STATUS_ZOMBIE
        except (*GONE, OSError, KeyError):
            return False

    def _reap(self) -> None:
        """Reap children that have ended; they would remain as zombies."""
        with self._lock:
            self._children = [child for child in self._children if child.poll() is None]

    def _save(self) -> None:
        """Forget processes that have ended, and write the file."""
        self._reap()
        self._entries = [entry for entry in self._entries if _is_running(entry)]
        if not self._entries and not self._file.exists():
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._file, json.dumps([asdict(entry) for entry in self._entries]))


def open_registry(folder: StateFolder) -> ProcessRegistry:
    """Return the process registry of a state folder, with the processes that a killed server has left behind."""
    return ProcessRegistry(folder.path / "processes.json")


def _read(file: Path) -> list[Entry]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        return [Entry(ProcessIdentity(**entry["process"]), entry["owner"]) for entry in entries]
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # damaged: the environments still identify processes
        return []


def _is_running(entry: Entry) -> bool:
    try:
        return entry.process.running() is not None
    except psutil.AccessDenied:
        return False


def _belongs_to(owner: str, wanted: str | None) -> bool:
    return wanted in (None, owner) or owner.startswith(f"{wanted} ")


def _leads_group(process: psutil.Process) -> bool:
    try:
        return os.getpgid(process.pid) == process.pid
    except OSError:
        return False


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Signal each process once: groups through their leader, and the processes outside of these groups."""
    leaders = {process.pid for process in processes if _leads_group(process)}
    for process in processes:
        try:
            group = os.getpgid(process.pid)
            if process.pid in leaders:
                os.killpg(process.pid, number)
            elif group not in leaders:
                os.kill(process.pid, number)
        except OSError:  # it has ended meanwhile
            continue
