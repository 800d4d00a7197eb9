"""A private server: its folder, process and port."""

from __future__ import annotations

import json
import shutil
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import ClassVar

from embedded_aws.files import write_atomically
from embedded_aws.process_identity import ProcessIdentity
from embedded_aws.servers.ca import ADDRESS, CertificateAuthority
from embedded_aws.servers.processes import StartProcess, end, environment

ATTEMPTS = 3  # another process may take the port after it was found free
PROCESS_FILE = "process.json"
PORT_TAKEN = "already in use"


class ServerFailed(Exception):
    """A server could not be created, started or called; the message quotes the server's log."""


class PrivateServer(ABC):
    """The files and the process of one server. Only its public attributes are safe for several threads."""

    kind: ClassVar[str]  # for messages: database, cache
    start_seconds: ClassVar[float]  # until a start fails
    poll_seconds: ClassVar[float]  # between two checks whether it is ready
    temporary_files: ClassVar[tuple[str, ...]]  # files that hold passwords: removed when it ends

    def __init__(self, folder: Path, authority: CertificateAuthority, start_process: StartProcess) -> None:
        self.folder, self._authority, self._start_process = folder, authority, start_process
        self._data, self._log, self._process_file = folder / "data", folder / "server.log", folder / PROCESS_FILE
        self._process: ProcessIdentity | None = None
        self.port: int | None = None
        self.cancelled = Event()  # set by another thread: a start in progress fails at once

    @abstractmethod
    def _is_ready(self, port: int) -> bool:
        """Whether it accepts our login."""

    def _start_error(self, reason: str, output: str) -> ServerFailed:
        """Return the error for a start that failed; `output` is what the server has logged."""
        return ServerFailed(f"{reason}: {last_log_lines(output)}")

    @property
    def label(self) -> str:
        """Its kind and name, for messages."""
        return f"{self.kind} {self.folder.name}"

    @property
    def running(self) -> bool:
        """Whether its process is running."""
        process = self._process  # read once: the supervisor's thread may clear it meanwhile
        return process is not None and process.running() is not None

    def end(self) -> None:
        """End the process; the data stays."""
        if self._process:
            end(self._process)
        self._process, self.port = None, None
        for file in (self._process_file, *(self.folder / name for name in self.temporary_files)):
            file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the files of a server that has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, command: Callable[[int], Sequence[str]]) -> None:
        """Start it, and wait until it is ready.

        Args:
            command: Writes the files for a port, and returns the command.

        Raises:
            ServerFailed: It ended, or is not ready in time.
        """
        for attempt in range(ATTEMPTS):
            log_size = self._log.stat().st_size if self._log.exists() else 0
            try:
                self._start_once(command)
            except ServerFailed as failure:
                self.end()
                output = self._log.read_bytes()[log_size:].decode(errors="replace") if self._log.exists() else ""
                if PORT_TAKEN in output and attempt + 1 < ATTEMPTS:
                    continue
                raise self._start_error(str(failure), output) from None
            else:
                return

    def _start_once(self, command: Callable[[int], Sequence[str]]) -> None:
        port = _free_port()
        self._process = self._start_process(
            command(port), cwd=self._data, env=environment(), log=self._log, owner=self.label
        )
        write_atomically(self._process_file, json.dumps(asdict(self._process)))
        deadline = time.monotonic() + self.start_seconds
        while not self._is_ready(port):
            if not self.running:
                raise ServerFailed("the server ended")
            if self.cancelled.is_set():
                raise ServerFailed("the start was cancelled")
            if time.monotonic() > deadline:
                raise ServerFailed(f"the server was not ready after {self.start_seconds:.0f} seconds")
            time.sleep(self.poll_seconds)
        self.port = port

    def _issue_certificate(self) -> tuple[Path, Path]:
        """Issue a new certificate; returns its file and the file of its key."""
        certificate, key = self.folder / "server.pem", self.folder / "server.key"
        self._authority.issue(certificate, key)
        return certificate, key


def end_leftover(folder: Path) -> None:
    """End the process that a killed emulator left in a folder: two servers would destroy each other's data."""
    file = folder / PROCESS_FILE
    try:
        end(ProcessIdentity(**json.loads(file.read_text())))
    except (FileNotFoundError, ValueError, TypeError):
        return
    file.unlink(missing_ok=True)


def last_log_lines(output: str) -> str:
    """Return the last lines that are not notes, without control characters, which MariaDB writes and XML forbids."""
    lines = ["".join(filter(str.isprintable, line)) for line in output.splitlines() if line.strip()]
    important = [line for line in lines if "[Note]" not in line and "[Warning]" not in line]
    return " ".join((important or lines or ["its log is empty"])[-3:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])
