"""The pulse of the emulator: what AWS does by itself, step by step, between two calls."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Event, RLock, Thread

BEAT_SECONDS = 0.1

Tick = Callable[[], bool]

log = logging.getLogger(__name__)


class Heartbeat:
    """Calls each tick, under the lock, ten times a second; a tick says whether it changed the account."""

    def __init__(self, lock: RLock, ticks: Sequence[Tick], wrote: Callable[[], None]) -> None:
        self._lock, self._ticks, self._wrote = lock, ticks, wrote
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """End after the current beat."""
        self._stopped.set()
        self._thread.join()

    def beat(self) -> None:
        """Do one round; a tick that fails is logged and does not stop the others."""
        for tick in self._ticks:
            with self._lock:
                try:
                    if tick():
                        self._wrote()
                except Exception:
                    log.exception("%s failed", tick)

    def _run(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            self.beat()
