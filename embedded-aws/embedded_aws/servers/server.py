"""A private server: its own folder, process and port."""

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

from embedded_aws.servers.ca import ADDRESS, Authority, write_private
from embedded_aws.servers.processes import Start, end, environment
from embedded_aws.state_folder import Process

ATTEMPTS = 3  # between finding a free port and taking it, somebody else may
PROCESS_FILE = "process.json"
PORT_TAKEN = "already in use"


class ServerFailed(Exception):
    """It could not be made, started or asked; says why, with the server's own words."""


class PrivateServer(ABC):
    """The files and the process of one. Not for several threads at once, but for its public attributes."""

    kind: ClassVar[str]  # for people
    start_seconds: ClassVar[float]  # until it is given up
    look_again_seconds: ClassVar[float]  # until it is asked again whether it answers
    passing: ClassVar[tuple[str, ...]]  # its files that hold passwords, and go when it ends

    def __init__(self, folder: Path, authority: Authority, start: Start) -> None:
        self.folder, self._authority, self._start = folder, authority, start
        self._data, self._log, self._process_file = folder / "data", folder / "server.log", folder / PROCESS_FILE
        self._process: Process | None = None
        self.port: int | None = None
        self.given_up = Event()  # set by another thread: whoever waits for the server to answer stops waiting

    @abstractmethod
    def _answers(self, port: int) -> bool:
        """Whether it lets us in."""

    def _failed(self, why: str, words: str) -> ServerFailed:
        """What it is when it does not start, having said these words."""
        return ServerFailed(f"{why}: {last_words(words)}")

    @property
    def what(self) -> str:
        """What it is, for people."""
        return f"{self.kind} {self.folder.name}"

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        process = self._process  # once: its own thread may take it away meanwhile
        return process is not None and process.running() is not None

    def end(self) -> None:
        """End the process; the data stays."""
        if self._process:
            end(self._process)
        self._process, self.port = None, None
        for file in (self._process_file, *(self.folder / name for name in self.passing)):
            file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the files of a server that has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, command: Callable[[int], Sequence[str]]) -> None:
        """Start it, and wait until it answers.

        Args:
            command: Writes its files for a port, and returns what starts it.

        Raises:
            ServerFailed: It ended, or does not answer.
        """
        for attempt in range(ATTEMPTS):
            said = self._log.stat().st_size if self._log.exists() else 0
            try:
                self._run_once(command)
            except ServerFailed as failure:
                self.end()
                words = self._log.read_bytes()[said:].decode(errors="replace") if self._log.exists() else ""
                if PORT_TAKEN in words and attempt + 1 < ATTEMPTS:
                    continue
                raise self._failed(str(failure), words) from None
            else:
                return

    def _run_once(self, command: Callable[[int], Sequence[str]]) -> None:
        port = _free_port()
        self._process = self._start(command(port), cwd=self._data, env=environment(), log=self._log, what=self.what)
        write_private(self._process_file, json.dumps(asdict(self._process)).encode())
        deadline = time.monotonic() + self.start_seconds
        while not self._answers(port):
            if not self.running:
                raise ServerFailed("the server ended")
            if self.given_up.is_set():
                raise ServerFailed("nobody waits for it any more")
            if time.monotonic() > deadline:
                raise ServerFailed(f"the server has not answered for {self.start_seconds:.0f} seconds")
            time.sleep(self.look_again_seconds)
        self.port = port

    def _certified(self) -> tuple[Path, Path]:
        """The files of a new certificate and of its key."""
        certificate, key = self.folder / "server.pem", self.folder / "server.key"
        self._authority.issue(certificate, key)
        return certificate, key


def end_left_over(folder: Path) -> None:
    """End the process that a killed emulator left in a folder: two servers on the same data would destroy it."""
    file = folder / PROCESS_FILE
    try:
        end(Process(**json.loads(file.read_text())))
    except (FileNotFoundError, ValueError, TypeError):
        return
    file.unlink(missing_ok=True)


def last_words(said: str) -> str:
    """Without what is not printable: MariaDB rings the bell, which no XML may hold."""
    lines = ["".join(filter(str.isprintable, line)) for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if "[Note]" not in line and "[Warning]" not in line]
    return " ".join((telling or lines or ["it said nothing"])[-3:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])
