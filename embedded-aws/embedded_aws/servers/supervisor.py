"""A thread that brings a private server to its desired state, and keeps it there."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Condition, Thread
from typing import Generic, TypeVar

from embedded_aws.servers.server import PrivateServer, end_leftover

AVAILABLE, FAILED = "available", "failed"
POLL_SECONDS = 0.5  # between two checks whether the process is still running
RETRY_SECONDS = 10.0  # after a failure that may be temporary: a full disk, a laptop that was asleep

Server = TypeVar("Server", bound=PrivateServer)
Desired = TypeVar("Desired")  # the desired state of a server; comparable

log = logging.getLogger(__name__)


class Supervisor(ABC, Generic[Server, Desired]):
    """Never blocks its caller; all slow work is done by the thread."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._changed = Condition()
        self._desired: Desired | None = None
        self._applied: Desired | None = None
        self._state, self.reason, self._since = "", "", 0.0
        self._on_exit: Callable[[], None] | None = None
        self._thread = Thread(target=self._run, name=server.label, daemon=True)
        self._thread.start()

    @abstractmethod
    def _reconcile(self, desired: Desired, applied: Desired | None) -> None:
        """Bring the server from the state applied last, if any, to the desired state."""

    def _state_of(self, desired: Desired) -> str:
        """Return AWS's name for the state of a server that is as desired."""
        return AVAILABLE

    def _state_after(self, error: Exception) -> str:
        """Return AWS's name for the state of a server that could not be brought there."""
        return FAILED

    @property
    def port(self) -> int | None:
        """Where the server listens at the moment."""
        return self._server.port

    def set_desired_state(self, desired: Desired) -> None:
        """Set the desired state; the thread applies it."""
        with self._changed:
            if desired != self._desired:
                self._desired = desired
                self._changed.notify()

    def state(self) -> str | None:
        """Return the state in AWS's words; None while it changes."""
        with self._changed:
            return self._state if self._applied == self._desired and not self._has_died() else None

    def stop(self) -> None:
        """End the server; its data stays. Returns at once: `join` waits."""
        self._exit(lambda: None)

    def remove(self) -> None:
        """End the server, and remove its files. Returns at once."""
        self._exit(self._server.remove)

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    @property
    def has_ended(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    def _exit(self, action: Callable[[], None]) -> None:
        """End the thread; it ends the server first, then runs the action of the first caller."""
        self._server.cancelled.set()
        with self._changed:
            self._on_exit = self._on_exit or action
            self._changed.notify()

    def _run(self) -> None:
        end_leftover(self._server.folder)
        while desired := self._next():
            try:
                self._reconcile(desired, self._applied)
                state, reason = self._state_of(desired), ""
            except Exception as error:
                if str(error) != self.reason and not self._on_exit:
                    log.exception("%s", self._server.label)
                self._server.end()
                state, reason = self._state_after(error), str(error)
            with self._changed:
                self._applied, self._state, self.reason, self._since = desired, state, reason, time.monotonic()
        self._server.end()
        if self._on_exit:
            self._on_exit()

    def _next(self) -> Desired | None:
        """Wait until there is something to do; returns the desired state, or None to end."""
        with self._changed:
            while not self._on_exit:
                if self._desired and (self._desired != self._applied or self._has_died() or self._retry_is_due()):
                    return self._desired
                self._changed.wait(POLL_SECONDS)
        return None

    def _has_died(self) -> bool:
        return self._state == AVAILABLE and (self._server.port is None or not self._server.running)

    def _retry_is_due(self) -> bool:
        return self._state == FAILED and time.monotonic() > self._since + RETRY_SECONDS
