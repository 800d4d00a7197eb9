"""As much of the protocol of Valkey and Redis as an administrator of one needs.

https://valkey.io/topics/protocol/
"""

from __future__ import annotations

import socket
import ssl
from typing import BinaryIO

from embedded_aws.servers.ca import ADDRESS, HOST

SECONDS = 5.0


class Unanswered(Exception):
    """The server is not there, or refuses; says why, in its own words."""


class Link:
    """A connection as a user, to be used once: `with Link(...) as link: link.ask("PING")`."""

    def __init__(self, port: int, user: str, password: str, tls: ssl.SSLContext | None) -> None:
        try:
            plain = socket.create_connection((ADDRESS, port), timeout=SECONDS)
            self._socket = tls.wrap_socket(plain, server_hostname=HOST) if tls else plain
        except OSError as error:
            raise Unanswered(str(error)) from None
        self._answers: BinaryIO = self._socket.makefile("rb")
        self._login = (user, password)

    def __enter__(self) -> Link:
        try:
            self.ask("AUTH", *self._login)
        except Unanswered:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._socket.close()

    def ask(self, *words: str) -> str:
        """Send a command, and return the line that it is answered with.

        Raises:
            Unanswered: It is refused, or there is no answer.
        """
        parts = [word.encode() for word in words]
        request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        try:
            self._socket.sendall(request)
            answer = self._answers.readline().decode(errors="replace").rstrip("\r\n")
        except OSError as error:
            raise Unanswered(str(error)) from None
        if not answer or answer.startswith("-"):
            raise Unanswered(answer[1:] or "it hung up")
        return answer[1:]
