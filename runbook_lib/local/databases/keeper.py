"""One database: a thread that brings its server to what is wanted, and keeps it there."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread

from runbook_lib.local.databases import sql
from runbook_lib.local.databases.parameters import understood
from runbook_lib.local.databases.server import BadParameters, Server

LOOK_SECONDS = 0.5  # how often it is asked whether the process is still there
RETRY_SECONDS = 10.0  # after a failure that may pass: a full disk, a laptop that was asleep

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What RDS says the database is."""

    user: str
    password: str = field(repr=False)
    database: str | None
    parameters: tuple[tuple[str, str], ...]
    running: bool = True
    restarts: int = 0


class Keeper:
    """Never blocks its caller; all slow work is the thread's.

    Args:
        source: The data that it begins with, when there is none of its own.
    """

    def __init__(self, server: Server, source: Path | None = None) -> None:
        self._server, self._source = server, source
        self._changed = Condition()
        self._wanted: Wanted | None = None
        self._reached: Wanted | None = None
        self._state, self.why, self._since = "", "", 0.0
        self._leave: Callable[[], None] | None = None
        self._thread = Thread(target=self._run, name=f"database {server.folder.name}", daemon=True)
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

    def state(self) -> str | None:
        """Where it stands, in RDS's words; None on the way from one to another."""
        with self._changed:
            return self._state if self._reached == self._wanted and not self._has_died() else None

    def stop(self) -> None:
        """End the server; its data stays. Returns at once: `join` waits."""
        self._go(lambda: None)

    def remove(self, keep: Path | None) -> None:
        """End the server, and remove its files, or move its data to where a snapshot keeps it. Returns at once."""
        self._go(lambda: self._remove(keep))

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

    def _remove(self, keep: Path | None) -> None:
        if keep:
            self._server.keep_data(keep)
        shutil.rmtree(self._server.folder, ignore_errors=True)

    def _run(self) -> None:
        self._server.end_left_over()
        while wanted := self._next():
            try:
                self._reach(wanted)
                state, why = ("available" if wanted.running else "stopped"), ""
            except Exception as error:
                if str(error) != self.why and not self._leave:
                    log.exception("database %s", self._server.folder.name)
                self._server.end()
                bad = isinstance(error, BadParameters)
                state, why = ("incompatible-parameters" if bad else "failed"), str(error)
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
        return self._state == "available" and (self._server.port is None or not self._server.running)

    def _shall_retry(self) -> bool:
        return self._state == "failed" and time.monotonic() > self._since + RETRY_SECONDS

    def _reach(self, wanted: Wanted) -> None:
        server, before = self._server, self._reached
        if not wanted.running:
            server.end()
        elif before is None or before.restarts != wanted.restarts or not server.running:
            server.end()
            server.make(self._source)
            server.run(self._parameters(wanted))
            server.admit(wanted.user, wanted.password, wanted.database)
        else:
            if (before.user, before.password) != (wanted.user, wanted.password):
                server.admit(wanted.user, wanted.password, wanted.database)
            server.set_globals(sql.changes(self._parameters(before), self._parameters(wanted)))

    def _parameters(self, wanted: Wanted) -> dict[str, str]:
        return understood(dict(wanted.parameters), self._server.programs)
