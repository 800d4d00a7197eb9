"""A private MariaDB or MySQL server, which accepts TLS connections of the master user."""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from embedded_aws.files import write_atomically
from embedded_aws.servers.ca import ADDRESS, CertificateAuthority
from embedded_aws.servers.mysql import options, sql
from embedded_aws.servers.mysql.data_directory import create_data_directory
from embedded_aws.servers.mysql.programs import Programs
from embedded_aws.servers.processes import StartProcess, environment
from embedded_aws.servers.server import PrivateServer, ServerFailed

CLIENT_SECONDS = 30.0
BAD_PARAMETER = re.compile(r"(?i)unknown (option|suffix)|character set|collation|error while setting value|time zone")

# MySQL's client gives the user's own login file precedence over our options.
# https://dev.mysql.com/doc/refman/8.4/en/mysql-config-editor.html
NO_LOGIN_FILE = {"MYSQL_TEST_LOGIN_FILE": os.devnull}

log = logging.getLogger(__name__)


class BadParameters(ServerFailed):
    """The server does not start because of its parameters."""


class DatabaseServer(PrivateServer):
    """The server of one database."""

    kind = "database"
    start_seconds = 90.0  # it takes half a second on an idle machine
    poll_seconds = 0.05
    temporary_files = ("admin.cnf", "init.sql")

    def __init__(
        self, folder: Path, programs: Programs, authority: CertificateAuthority, start_process: StartProcess
    ) -> None:
        super().__init__(folder, authority, start_process)
        self.programs = programs
        self._admin_file, self._init_file = (folder / name for name in self.temporary_files)

    def create_data(self, source: Path | None = None) -> None:
        """Create the data directory, or copy it from `source`, unless it exists.

        Raises:
            ServerFailed: The installer failed.
        """
        if not self._data.exists():
            create_data_directory(self.programs, self._data, self._log, source)

    def run(self, parameters: Mapping[str, str]) -> None:
        """Start it, and wait until it is ready.

        Raises:
            BadParameters: It does not start because of its parameters.
            ServerFailed: It ended, or is not ready in time.
        """
        self._start(lambda port: self._command(parameters, port))
        self._init_file.unlink()

    def set_master_user(self, user: str, password: str, database: str | None) -> None:
        """Create the master user, or change its password; the first time, create the first database, too."""
        first = self.folder / "first-database"
        create = sql.create_database(database) if database and not first.exists() else ""
        self.execute(sql.master_user_statements(user, password) + create)
        first.touch(mode=0o600)

    def set_globals(self, changes: Mapping[str, str | None]) -> None:
        """Change parameters at run time; those that the server rejects apply at the next start, as on RDS."""
        for name, value in changes.items():
            try:
                self.execute(sql.set_global(name, value))
            except ServerFailed as failure:
                log.info("%s waits for a restart: %s", name, failure)

    def execute(self, statements: str) -> str:
        """Execute statements as its administrator, through the socket; returns the output.

        Raises:
            ServerFailed: It returns an error; the message omits the statements, as they may contain a password.
        """
        # The name only: the whole path may be longer than a socket address can be.
        command = [self.programs.client, f"--defaults-file={self._admin_file}", "--batch", "--skip-column-names"]
        try:
            completed = subprocess.run(
                command, cwd=self._data, input=(sql.PREAMBLE + statements).encode(), capture_output=True,
                env=environment() | NO_LOGIN_FILE, timeout=CLIENT_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ServerFailed("it does not answer") from None
        if completed.returncode:
            code = re.search(rb"ERROR (\d+)", completed.stderr)
            raise ServerFailed(f"it returned error {code[1].decode()}" if code else "it does not answer")
        return completed.stdout.decode()

    def move_data(self, target: Path) -> None:
        """Move the data of a server that has ended to the folder of its snapshots."""
        target.parent.mkdir(exist_ok=True, mode=0o700)
        shutil.rmtree(target, ignore_errors=True)
        if self._data.exists():
            self._data.rename(target)

    def _start_error(self, reason: str, output: str) -> ServerFailed:
        error = super()._start_error(reason, output)
        return BadParameters(str(error)) if BAD_PARAMETER.search(output) else error

    def _is_ready(self, port: int) -> bool:
        if not (self._data / options.SOCKET).exists():
            return False
        try:
            return self.execute("SELECT 1;") == "1\n"
        except ServerFailed:
            return False

    def _command(self, parameters: Mapping[str, str], port: int) -> list[str]:
        password, file = secrets.token_urlsafe(32), self.folder / "server.cnf"
        write_atomically(self._init_file, sql.init_statements(password, self.programs.is_mariadb))
        write_atomically(self._admin_file, options.client_options(password, self.programs))
        (self._data / options.SOCKET).unlink(missing_ok=True)
        certificate, key = self._issue_certificate()
        own = {
            "datadir": str(self._data), "bind_address": ADDRESS, "port": str(port), "init_file": str(self._init_file),
            "ssl_ca": str(self._authority.certificate_file), "ssl_cert": str(certificate), "ssl_key": str(key),
        }  # fmt: skip
        write_atomically(file, options.server_options(parameters, own))
        return [self.programs.server, f"--defaults-file={file}"]
