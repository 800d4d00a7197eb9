"""A private Valkey or Redis: its own folder, process and port."""

from __future__ import annotations

import hashlib
import logging
import secrets
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

from embedded_aws.servers.ca import Authority, write_private
from embedded_aws.servers.processes import Start
from embedded_aws.servers.server import PrivateServer, ServerFailed
from embedded_aws.servers.valkey import options
from embedded_aws.servers.valkey.programs import Program
from embedded_aws.servers.valkey.resp import Link, Unanswered

log = logging.getLogger(__name__)


class Server(PrivateServer):
    """One cache; when it ends, what it had in memory is in its folder."""

    kind = "cache"
    start_seconds = 60.0  # a tenth of a second, on a machine that has nothing else to do
    look_again_seconds = 0.02
    passing = ("server.conf",)

    def __init__(self, folder: Path, program: Program, authority: Authority, start: Start) -> None:
        super().__init__(folder, authority, start)
        self._program = program
        self._password = ""
        self._context: ssl.SSLContext | None = None

    def run(self, tls: bool, tokens: Sequence[str], parameters: Mapping[str, str]) -> None:
        """Start it, and wait until it answers.

        Raises:
            ServerFailed: It ended, or does not answer.
        """
        self._data.mkdir(exist_ok=True, mode=0o700)
        self._run(lambda port: self._command(tls, tokens, parameters, port))

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

    def _command(self, tls: bool, tokens: Sequence[str], parameters: Mapping[str, str], port: int) -> list[str]:
        self._password, file = secrets.token_urlsafe(32), self.folder / "server.conf"
        own = options.keeper(hashlib.sha256(self._password.encode()).hexdigest())
        users = {"default": options.everybody(tokens), options.KEEPER: own}
        files = self._tls_files() if tls else {}
        self._context = ssl.create_default_context(cafile=files["tls-ca-cert-file"]) if files else None
        write_private(file, options.of_server(port, self._data, files, users, parameters))
        return [self._program.server, str(file)]

    def _tls_files(self) -> dict[str, Path]:
        (certificate, key), authority = self._certified(), self.folder / "ca.pem"
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
