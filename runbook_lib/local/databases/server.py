"""A private MariaDB or MySQL: its own folder, process and port, reached by TLS, and closed to everybody else."""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from threading import Event

from runbook_lib.local.databases import options, sql
from runbook_lib.local.databases.making import ServerFailed, environment, last_words, make_data
from runbook_lib.local.databases.programs import Programs
from runbook_lib.local.folder import Process
from runbook_lib.local.servers.authority import ADDRESS, Authority, write_private
from runbook_lib.local.servers.processes import Start, end

START_SECONDS = 90.0  # half a second, on a machine that has nothing else to do
ANSWER_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.05
ATTEMPTS = 3  # between finding a free port and taking it, somebody else may
PORT_TAKEN = "already in use"
BAD_PARAMETER = re.compile(r"(?i)unknown (option|suffix)|character set|collation|error while setting value|time zone")


# MySQL's client reads the person's own login file over our options.
# https://dev.mysql.com/doc/refman/8.4/en/mysql-config-editor.html
NO_LOGIN_FILE = {"MYSQL_TEST_LOGIN_FILE": os.devnull}

log = logging.getLogger(__name__)


class Server:
    """The files and the process of one database. Not for several threads at once, but for its public attributes."""

    def __init__(self, folder: Path, programs: Programs, authority: Authority, start: Start) -> None:
        self.folder, self.programs = folder, programs
        self._authority, self._start = authority, start
        self._data, self._log, self._process_file = folder / "data", folder / "server.log", folder / "process.json"
        self._process: Process | None = None
        self.port: int | None = None
        self.given_up = Event()  # set by another thread: whoever waits for the server to answer stops waiting

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        process = self._process  # once: its own thread may take it away meanwhile
        return process is not None and process.running() is not None

    def end_left_over(self) -> None:
        """End the process of an emulator that was killed: two servers on the same data would destroy it."""
        try:
            end(Process(**json.loads(self._process_file.read_text())))
        except (FileNotFoundError, ValueError, TypeError):
            return
        self._process_file.unlink(missing_ok=True)

    def make(self, source: Path | None = None) -> None:
        """Make the data directory, or copy it, unless there is one.

        Raises:
            ServerFailed: The server's own installer failed.
        """
        if not self._data.exists():
            make_data(self.programs, self._data, self._log, source)

    def run(self, parameters: Mapping[str, str]) -> None:
        """Start it, and wait until it answers.

        Raises:
            ServerFailed: It ended, or does not answer; its parameters may be why.
        """
        for attempt in range(ATTEMPTS):
            said = self._log.stat().st_size if self._log.exists() else 0
            try:
                self._run_once(parameters)
            except ServerFailed as failure:
                self.end()
                words = self._log.read_bytes()[said:].decode(errors="replace") if self._log.exists() else ""
                if PORT_TAKEN in words and attempt + 1 < ATTEMPTS:
                    continue
                raise ServerFailed(f"{failure}: {last_words(words)}", bool(BAD_PARAMETER.search(words))) from None
            else:
                return

    def admit(self, user: str, password: str, database: str | None) -> None:
        """Let the master user in with this password; make the first database, the first time."""
        first = self.folder / "first-database"
        make = sql.database(database) if database and not first.exists() else ""
        self.ask(sql.master(user, password) + make)
        first.touch(mode=0o600)

    def set_globals(self, changes: Mapping[str, str | None]) -> None:
        """Change parameters while it runs; one that it does not take waits for the next start, as on RDS."""
        for name, value in changes.items():
            try:
                self.ask(sql.set_global(name, value))
            except ServerFailed as failure:
                log.info("%s waits for a restart: %s", name, failure)

    def ask(self, statements: str) -> str:
        """As its administrator, by the socket in its own folder; what it answers.

        Raises:
            ServerFailed: It refuses; the statements are not in the message, as they may hold a password.
        """
        # By its name alone: the whole path may be longer than a socket's address takes.
        command = [self.programs.client, f"--defaults-file={self._admin_file}", "--batch", "--skip-column-names"]
        try:
            done = subprocess.run(
                command, cwd=self._data, input=(sql.PREAMBLE + statements).encode(), capture_output=True,
                env=environment() | NO_LOGIN_FILE, timeout=ANSWER_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ServerFailed("it does not answer") from None
        if done.returncode:
            code = re.search(rb"ERROR (\d+)", done.stderr)
            raise ServerFailed(f"it refuses, with error {code[1].decode()}" if code else "it does not answer")
        return done.stdout.decode()

    def end(self) -> None:
        """End the process; the data stays."""
        if self._process:
            end(self._process)
        self._process, self.port = None, None
        for file in (self._process_file, self._admin_file, self._init_file):
            file.unlink(missing_ok=True)

    def keep_data(self, target: Path) -> None:
        """Move the data of a server that has ended to where a snapshot keeps it."""
        target.parent.mkdir(exist_ok=True, mode=0o700)
        shutil.rmtree(target, ignore_errors=True)
        if self._data.exists():
            self._data.rename(target)

    @property
    def _admin_file(self) -> Path:
        return self.folder / "admin.cnf"

    @property
    def _init_file(self) -> Path:
        return self.folder / "init.sql"

    def _run_once(self, parameters: Mapping[str, str]) -> None:
        password, port = secrets.token_urlsafe(32), _free_port()
        file = self._write_options(parameters, port, password)
        command = [self.programs.server, f"--defaults-file={file}"]
        what = f"database {self.folder.name}"
        self._process = self._start(command, cwd=self._data, env=environment(), log=self._log, what=what)
        write_private(self._process_file, json.dumps(asdict(self._process)).encode())
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self.running:
                raise ServerFailed("the server ended")
            if self.given_up.is_set():
                raise ServerFailed("nobody waits for it any more")
            if time.monotonic() > deadline:
                raise ServerFailed(f"the server has not answered for {START_SECONDS:.0f} seconds")
            time.sleep(LOOK_AGAIN_SECONDS)
        self._init_file.unlink()
        self.port = port

    def _answers(self) -> bool:
        if not (self._data / options.SOCKET).exists():
            return False
        try:
            return self.ask("SELECT 1;") == "1\n"
        except ServerFailed:
            return False

    def _write_options(self, parameters: Mapping[str, str], port: int, password: str) -> Path:
        write_private(self._init_file, sql.first_of_all(password, self.programs.is_mariadb).encode())
        write_private(self._admin_file, options.of_client(password, self.programs))
        (self._data / options.SOCKET).unlink(missing_ok=True)
        certificate, key = self.folder / "server.pem", self.folder / "server.key"
        self._authority.issue(certificate, key)
        ours = {
            "datadir": str(self._data), "bind_address": ADDRESS, "port": str(port), "init_file": str(self._init_file),
            "ssl_ca": str(self._authority.certificate_file), "ssl_cert": str(certificate), "ssl_key": str(key),
        }  # fmt: skip
        file = self.folder / "server.cnf"
        write_private(file, options.of_server(parameters, ours))
        return file


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])
