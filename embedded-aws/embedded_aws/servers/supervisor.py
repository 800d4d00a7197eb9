"""A thread that brings a private server to what is wanted, and keeps it there."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Condition, Thread
from typing import Generic, TypeVar

from embedded_aws.servers.server import PrivateServer, end_left_over

AVAILABLE, FAILED = "available", "failed"
LOOK_SECONDS = 0.5  # how often it is asked whether the process is still there
RETRY_SECONDS = 10.0  # after a failure that may pass: a full disk, a laptop that was asleep

Server = TypeVar("Server", bound=PrivateServer)
Wanted = TypeVar("Wanted")  # what AWS says the server is; two of them can be compared

log = logging.getLogger(__name__)


class Keeper(ABC, Generic[Server, Wanted]):
    """Never blocks its caller; all slow work is the thread's."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._changed = Condition()
        self._wanted: Wanted | None = None
        self._reached: Wanted | None = None
        self._state, self.why, self._since = "", "", 0.0
        self._leave: Callable[[], None] | None = None
        self._thread = Thread(target=self._run, name=server.what, daemon=True)
        self._thread.start()

    @abstractmethod
    def _reach(self, wanted: Wanted, before: Wanted | None) -> None:
        """Bring the server there from where it was, if it was anywhere."""

    def _state_of(self, wanted: Wanted) -> str:
        """The word for a server that is what is wanted."""
        return AVAILABLE

    def _state_after(self, error: Exception) -> str:
        """The word for one that cannot be brought there."""
        return FAILED

    @property
    def port(self) -> int | None:
        """Where the server listens at the moment."""
        return self._server.port

    def want(self, wanted: Wanted) -> None:
        """Take note of what is wanted now."""
        with self._changed:
            if wanted != self._wanted:
                self._wanted = wanted
                self._changed.notify()

    def state(self) -> str | None:
        """Where it stands, in AWS's words; None on the way from one to another."""
        with self._changed:
            return self._state if self._reached == self._wanted and not self._has_died() else None

    def stop(self) -> None:
        """End the server; its data stays. Returns at once: `join` waits."""
        self._go(lambda: None)

    def remove(self) -> None:
        """End the server, and remove its files. Returns at once."""
        self._go(self._server.remove)

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    @property
    def gone(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    def _go(self, leave: Callable[[], None]) -> None:
        self._server.given_up.set()
        with self._changed:
            self._leave = self._leave or leave
            self._changed.notify()

    def _run(self) -> None:
        end_left_over(self._server.folder)
        while wanted := self._next():
            try:
                self._reach(wanted, self._reached)
                state, why = self._state_of(wanted), ""
            except Exception as error:
                if str(error) != self.why and not self._leave:
                    log.exception("%s", self._server.what)
                self._server.end()
                state, why = self._state_after(error), str(error)
            with self._changed:
                self._reached, self._state, self.why, self._since = wanted, state, why, time.monotonic()
        self._server.end()
        if self._leave:
            self._leave()

    def _next(self) -> Wanted | None:
        """Wait until there is something to do; None when it is to leave."""
        with self._changed:
            while not self._leave:
                if self._wanted and (self._wanted != self._reached or self._has_died() or self._shall_retry()):
                    return self._wanted
                self._changed.wait(LOOK_SECONDS)
        return None

    def _has_died(self) -> bool:
        return self._state == AVAILABLE and (self._server.port is None or not self._server.running)

    def _shall_retry(self) -> bool:
        return self._state == FAILED and time.monotonic() > self._since + RETRY_SECONDS
