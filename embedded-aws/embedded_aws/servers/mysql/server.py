"""A private MariaDB or MySQL: its own folder, process and port, reached by TLS, and closed to everybody else."""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from embedded_aws.servers.ca import ADDRESS, Authority, write_private
from embedded_aws.servers.mysql import options, sql
from embedded_aws.servers.mysql.data_directory import make_data
from embedded_aws.servers.mysql.programs import Programs
from embedded_aws.servers.processes import Start, environment
from embedded_aws.servers.server import PrivateServer, ServerFailed

ANSWER_SECONDS = 30.0
BAD_PARAMETER = re.compile(r"(?i)unknown (option|suffix)|character set|collation|error while setting value|time zone")

# MySQL's client reads the person's own login file over our options.
# https://dev.mysql.com/doc/refman/8.4/en/mysql-config-editor.html
NO_LOGIN_FILE = {"MYSQL_TEST_LOGIN_FILE": os.devnull}

log = logging.getLogger(__name__)


class BadParameters(ServerFailed):
    """It does not start with its parameters."""


class Server(PrivateServer):
    """One database."""

    kind = "database"
    start_seconds = 90.0  # half a second, on a machine that has nothing else to do
    look_again_seconds = 0.05
    passing = ("admin.cnf", "init.sql")

    def __init__(self, folder: Path, programs: Programs, authority: Authority, start: Start) -> None:
        super().__init__(folder, authority, start)
        self.programs = programs
        self._admin_file, self._init_file = (folder / name for name in self.passing)

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
            BadParameters: They are why it does not.
            ServerFailed: It ended, or does not answer.
        """
        self._run(lambda port: self._command(parameters, port))
        self._init_file.unlink()

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

    def keep_data(self, target: Path) -> None:
        """Move the data of a server that has ended to where a snapshot keeps it."""
        target.parent.mkdir(exist_ok=True, mode=0o700)
        shutil.rmtree(target, ignore_errors=True)
        if self._data.exists():
            self._data.rename(target)

    def _failed(self, why: str, words: str) -> ServerFailed:
        failed = super()._failed(why, words)
        return BadParameters(str(failed)) if BAD_PARAMETER.search(words) else failed

    def _answers(self, port: int) -> bool:
        if not (self._data / options.SOCKET).exists():
            return False
        try:
            return self.ask("SELECT 1;") == "1\n"
        except ServerFailed:
            return False

    def _command(self, parameters: Mapping[str, str], port: int) -> list[str]:
        password, file = secrets.token_urlsafe(32), self.folder / "server.cnf"
        write_private(self._init_file, sql.first_of_all(password, self.programs.is_mariadb).encode())
        write_private(self._admin_file, options.of_client(password, self.programs))
        (self._data / options.SOCKET).unlink(missing_ok=True)
        certificate, key = self._certified()
        ours = {
            "datadir": str(self._data), "bind_address": ADDRESS, "port": str(port), "init_file": str(self._init_file),
            "ssl_ca": str(self._authority.certificate_file), "ssl_cert": str(certificate), "ssl_key": str(key),
        }  # fmt: skip
        write_private(file, options.of_server(parameters, ours))
        return [self.programs.server, f"--defaults-file={file}"]
