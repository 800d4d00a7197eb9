"""One cache: a thread that brings its server to what is wanted, and keeps it there."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from threading import Condition, Thread

from runbook_lib.local.caches.options import understood
from runbook_lib.local.caches.server import Server

LOOK_SECONDS = 0.5  # how often it is asked whether the process is still there
RETRY_SECONDS = 10.0  # after a failure that may pass: a full disk, a laptop that was asleep

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What ElastiCache says the cache is.

    Args:
        tokens: SHA-256 of each token that opens it; it is open to whoever gets through without one.
    """

    tls: bool
    tokens: tuple[str, ...] = field(default=(), repr=False)
    parameters: tuple[tuple[str, str], ...] = ()
    restarts: int = 0


class Keeper:
    """Never blocks its caller; all slow work is the thread's."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._changed = Condition()
        self._wanted: Wanted | None = None
        self._reached: Wanted | None = None
        self._state, self.why, self._since = "", "", 0.0
        self._leaving = self._removed = False
        self._thread = Thread(target=self._run, name=f"cache {server.folder.name}", daemon=True)
        self._thread.start()

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

    def state(self) -> str:
        """`available` or `failed`; empty on the way from one to another."""
        with self._changed:
            return self._state if self._reached == self._wanted and not self._has_died() else ""

    def stop(self, remove: bool = False) -> None:
        """End the server, and remove its files or leave them. Returns at once: `join` waits."""
        self._server.given_up.set()
        with self._changed:
            self._leaving, self._removed = True, self._removed or remove
            self._changed.notify()

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    @property
    def gone(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._server.end_left_over()
        while wanted := self._next():
            try:
                self._reach(wanted)
                state, why = "available", ""
            except Exception as error:
                if str(error) != self.why and not self._leaving:
                    log.exception("cache %s", self._server.folder.name)
                self._server.end()
                state, why = "failed", str(error)
            with self._changed:
                self._reached, self._state, self.why, self._since = wanted, state, why, time.monotonic()
        self._server.end()
        if self._removed:
            self._server.remove()

    def _next(self) -> Wanted | None:
        """Wait until there is something to do; None when it is to leave."""
        with self._changed:
            while not self._leaving:
                if self._wanted and (self._wanted != self._reached or self._has_died() or self._shall_retry()):
                    return self._wanted
                self._changed.wait(LOOK_SECONDS)
        return None

    def _has_died(self) -> bool:
        return self._state == "available" and (self._server.port is None or not self._server.running)

    def _shall_retry(self) -> bool:
        return self._state == "failed" and time.monotonic() > self._since + RETRY_SECONDS

    def _reach(self, wanted: Wanted) -> None:
        server, before = self._server, self._reached
        now = understood(dict(wanted.parameters))
        kept = before and (before.tls, before.restarts) == (wanted.tls, wanted.restarts) and server.running
        if not before or not kept:
            server.end()
            server.run(wanted.tls, wanted.tokens, now)
            return
        if before.tokens != wanted.tokens:
            server.admit(wanted.tokens)
        was = understood(dict(before.parameters))
        server.set({name: value for name, value in now.items() if was.get(name) != value})
