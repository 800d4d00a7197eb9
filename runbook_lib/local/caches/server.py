"""A private Valkey or Redis: its own folder, process and port."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import shutil
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event

from runbook_lib.local.caches import options
from runbook_lib.local.caches.programs import Program
from runbook_lib.local.caches.resp import Link, Unanswered
from runbook_lib.local.databases.making import ServerFailed, environment, last_words
from runbook_lib.local.folder import Process
from runbook_lib.local.servers.authority import ADDRESS, Authority, write_private
from runbook_lib.local.servers.processes import Start, end

START_SECONDS = 60.0  # a tenth of a second, on a machine that has nothing else to do
LOOK_AGAIN_SECONDS = 0.02
ATTEMPTS = 3  # between finding a free port and taking it, somebody else may
PORT_TAKEN = "already in use"

log = logging.getLogger(__name__)


class Server:
    """The files and the process of one cache. Not for several threads at once, but for its public attributes."""

    def __init__(self, folder: Path, program: Program, authority: Authority, start: Start) -> None:
        self.folder, self._program, self._authority, self._start = folder, program, authority, start
        self._data, self._log, self._process_file = folder / "data", folder / "server.log", folder / "process.json"
        self._process: Process | None = None
        self._password = ""
        self._context: ssl.SSLContext | None = None
        self.port: int | None = None
        self.given_up = Event()  # set by another thread: whoever waits for the server to answer stops waiting

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        process = self._process  # once: its own thread may take it away meanwhile
        return process is not None and process.running() is not None

    def end_left_over(self) -> None:
        """End the process of an emulator that was killed."""
        try:
            end(Process(**json.loads(self._process_file.read_text())))
        except (FileNotFoundError, ValueError, TypeError):
            return
        self._process_file.unlink(missing_ok=True)

    def run(self, tls: bool, tokens: Sequence[str], parameters: Mapping[str, str]) -> None:
        """Start it, and wait until it answers.

        Raises:
            ServerFailed: It ended, or does not answer.
        """
        self._data.mkdir(exist_ok=True, mode=0o700)
        for attempt in range(ATTEMPTS):
            said = self._log.stat().st_size if self._log.exists() else 0
            try:
                self._run_once(tls, tokens, parameters)
            except ServerFailed as failure:
                self.end()
                words = self._log.read_bytes()[said:].decode(errors="replace") if self._log.exists() else ""
                if PORT_TAKEN in words and attempt + 1 < ATTEMPTS:
                    continue
                raise ServerFailed(f"{failure}: {last_words(words)}") from None
            else:
                return

    def admit(self, tokens: Sequence[str]) -> None:
        """Let in whoever has one of these tokens, from the next connection on.

        Raises:
            ServerFailed: It refuses.
        """
        self._ask("ACL", "SETUSER", "default", *options.everybody(tokens))

    def set(self, parameters: Mapping[str, str]) -> None:
        """Change parameters while it runs; one that it does not take waits for the next start, as on ElastiCache."""
        for name, value in parameters.items():
            try:
                self._ask("CONFIG", "SET", name, value)
            except ServerFailed as failure:
                log.info("%s waits for a restart: %s", name, failure)

    def end(self) -> None:
        """End the process; what it had in memory is in its folder then."""
        if self._process:
            end(self._process)
        self._process, self.port, self._password = None, None, ""
        for file in (self._process_file, self._configuration):
            file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the files of a server that has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _configuration(self) -> Path:
        return self.folder / "server.conf"

    def _run_once(self, tls: bool, tokens: Sequence[str], parameters: Mapping[str, str]) -> None:
        port, self._password = _free_port(), secrets.token_urlsafe(32)
        own = options.keeper(hashlib.sha256(self._password.encode()).hexdigest())
        users = {"default": options.everybody(tokens), options.KEEPER: own}
        files = self._certified() if tls else {}
        self._context = ssl.create_default_context(cafile=files["tls-ca-cert-file"]) if files else None
        write_private(self._configuration, options.of_server(port, self._data, files, users, parameters))
        command = [self._program.server, str(self._configuration)]
        what = f"cache {self.folder.name}"
        self._process = self._start(command, cwd=self._data, env=environment(), log=self._log, what=what)
        write_private(self._process_file, json.dumps(asdict(self._process)).encode())
        deadline = time.monotonic() + START_SECONDS
        while not self._answers(port):
            if not self.running:
                raise ServerFailed("the server ended")
            if self.given_up.is_set():
                raise ServerFailed("nobody waits for it any more")
            if time.monotonic() > deadline:
                raise ServerFailed(f"the server has not answered for {START_SECONDS:.0f} seconds")
            time.sleep(LOOK_AGAIN_SECONDS)
        self.port = port

    def _certified(self) -> dict[str, Path]:
        certificate, key, authority = (self.folder / name for name in ("server.pem", "server.key", "ca.pem"))
        self._authority.issue(certificate, key)
        write_private(authority, self._authority.pem().encode())
        return {"tls-cert-file": certificate, "tls-key-file": key, "tls-ca-cert-file": authority}

    def _answers(self, port: int) -> bool:
        try:
            with Link(port, options.KEEPER, self._password, self._context) as link:
                return link.ask("PING") == "PONG"
        except Unanswered:
            return False

    def _ask(self, *words: str) -> None:
        if self.port is None:
            raise ServerFailed("it is not running")
        try:
            with Link(self.port, options.KEEPER, self._password, self._context) as link:
                link.ask(*words)
        except Unanswered as failure:
            raise ServerFailed(str(failure)) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])
