"""A private Valkey or Redis server."""

from __future__ import annotations

import hashlib
import logging
import secrets
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from embedded_aws.files import write_atomically
from embedded_aws.servers.ca import ADDRESS, CertificateAuthority
from embedded_aws.servers.processes import StartProcess
from embedded_aws.servers.server import PrivateServer, ServerFailed
from embedded_aws.servers.valkey import options
from embedded_aws.servers.valkey.programs import Program

CLIENT_SECONDS = 5.0

log = logging.getLogger(__name__)


class CacheServer(PrivateServer):
    """The server of one cache; when it ends in order, its memory is saved in its folder."""

    kind = "cache"
    start_seconds = 60.0  # it takes a tenth of a second on an idle machine
    poll_seconds = 0.02
    temporary_files = ("server.conf",)

    def __init__(
        self, folder: Path, program: Program, authority: CertificateAuthority, start_process: StartProcess
    ) -> None:
        super().__init__(folder, authority, start_process)
        self._program = program
        self._password = ""
        self._trusted: Path | None = None  # the authority's certificate; None without TLS

    def run(self, tls: bool, tokens: Sequence[str], parameters: Mapping[str, str]) -> None:
        """Start it, and wait until it is ready.

        Raises:
            ServerFailed: It ended, or is not ready in time.
        """
        self._data.mkdir(exist_ok=True, mode=0o700)
        self._start(lambda port: self._command(tls, tokens, parameters, port))

    def set_tokens(self, tokens: Sequence[str]) -> None:
        """Accept these tokens, from the next connection on.

        Raises:
            ServerFailed: The server returns an error.
        """
        self._execute("ACL", "SETUSER", "default", *options.default_user(tokens))

    def set_parameters(self, parameters: Mapping[str, str]) -> None:
        """Change parameters at run time; those that the server rejects apply at the next start, as on ElastiCache."""
        for name, value in parameters.items():
            try:
                self._execute("CONFIG", "SET", name, value)
            except ServerFailed as failure:
                log.info("%s waits for a restart: %s", name, failure)

    def _command(self, tls: bool, tokens: Sequence[str], parameters: Mapping[str, str], port: int) -> list[str]:
        self._password, file = secrets.token_urlsafe(32), self.folder / "server.conf"
        admin = options.admin_user(hashlib.sha256(self._password.encode()).hexdigest())
        users = {"default": options.default_user(tokens), options.ADMIN: admin}
        files = self._tls_files() if tls else {}
        self._trusted = files.get("tls-ca-cert-file")
        write_atomically(file, options.server_options(port, self._data, files, users, parameters))
        return [self._program.server, str(file)]

    def _tls_files(self) -> dict[str, Path]:
        (certificate, key), authority = self._issue_certificate(), self.folder / "ca.pem"
        write_atomically(authority, self._authority.pem())
        return {"tls-cert-file": certificate, "tls-key-file": key, "tls-ca-cert-file": authority}

    def _is_ready(self, port: int) -> bool:
        try:
            with self._connect(port) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _execute(self, *command: str) -> None:
        if self.port is None:
            raise ServerFailed("it is not running")
        try:
            with self._connect(self.port) as client:
                client.execute_command(*command)
        except redis.RedisError as error:
            raise ServerFailed(str(error)) from None

    def _connect(self, port: int) -> redis.Redis:
        """Return a client of our own user, which fails at once instead of retrying."""
        return redis.Redis(
            ADDRESS,
            port,
            username=options.ADMIN,
            password=self._password,
            ssl=self._trusted is not None,
            ssl_ca_certs=str(self._trusted) if self._trusted else None,
            ssl_include_verify_flags=[ssl.VERIFY_X509_STRICT],
            socket_timeout=CLIENT_SECONDS,
            socket_connect_timeout=CLIENT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            single_connection_client=False,
        )
