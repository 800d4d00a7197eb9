"""A database user's name and password, read from its secret and read again once the database refuses them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shiftlog.aws import AwsError

#: A rotation changes the secret and the password one after the other: in between, neither old nor new is right.
PATIENCE = 5.0
PAUSE = 0.25


@dataclass(frozen=True)
class Login:
    """A user and its password, which is never shown."""

    username: str
    password: str = field(repr=False)

    @classmethod
    def read(cls, secret: dict[str, Any]) -> Login:
        """The login that a secret holds.

        Raises:
            AwsError: It holds none; whoever corrects the secret is waited for, as for one that cannot be read.
        """
        for name in ("username", "password"):
            if not secret.get(name):
                raise AwsError(f"the secret of the database's user has no {name!r}")
        return cls(str(secret["username"]), str(secret["password"]))


class Credentials:
    """Shared by all threads of a process.

    Args:
        fetch: Reads the secret afresh: ``{"username": ..., "password": ...}``.
    """

    def __init__(self, fetch: Callable[[], dict[str, Any]]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._login: Login | None = None
        self._read_at = 0.0

    def login(self, refused: Login | None = None) -> Login:
        """The login to try next; reads the secret when none is known, or when the known one was ``refused``.

        All threads are refused at once: one of them reads, the others take what it has found, for a PAUSE.
        """
        with self._lock:
            if self._login is None or (self._login == refused and time.monotonic() >= self._read_at + PAUSE):
                self._login, self._read_at = Login.read(self._fetch()), time.monotonic()
            return self._login

    def connect(self, attempt: Callable[[Login], Any], refuses: Callable[[Exception], bool]) -> Any:
        """What ``attempt`` returns, tried again with a fresh secret while the database refuses the login.

        Raises:
            Exception: The database's refusal, once it has lasted for PATIENCE seconds; any other error at once.
        """
        login, deadline = self.login(), time.monotonic() + PATIENCE
        while True:
            try:
                return attempt(login)
            except Exception as error:
                if not refuses(error) or time.monotonic() > deadline:
                    raise
            before, login = login, self.login(refused=login)
            if login == before:
                time.sleep(PAUSE)
