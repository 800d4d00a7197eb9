"""The pulse of the emulator: what AWS does by itself, step by step, between two calls."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from threading import Event, RLock, Thread
from typing import Any, TypeVar

BEAT_SECONDS = 0.1

Tick = Callable[[], bool]
Thing = TypeVar("Thing")

log = logging.getLogger(__name__)

#: What fails at every beat until somebody mends it, and how it did when that was logged.
_failing: dict[tuple[Any, ...], type[Exception]] = {}


def each(things: Iterable[Thing], deed: Callable[[Thing], object]) -> bool:
    """Do something to each of several things; returns whether any of that has changed the account.

    One that fails keeps none of the others from its turn, and is logged when it begins to fail, not ten times a second.
    """
    return any([_do(thing, deed) for thing in things])


def _do(thing: Thing, deed: Callable[[Thing], object]) -> bool:
    parts = thing if isinstance(thing, tuple) else (thing,)
    key = (deed.__module__, deed.__qualname__, *map(id, parts))
    try:
        changed = bool(deed(thing))
    except Exception as error:
        if _failing.get(key) is not type(error):
            log.exception("%s failed for %s", deed.__qualname__, ", ".join(map(_name, parts)))
        _failing[key] = type(error)
        return False
    _failing.pop(key, None)
    return changed


def _name(part: Any) -> str:
    """What a thing is called, or else what it is: a whole thing is too much for a log."""
    if callable(part):
        return f"{part.__module__}.{part.__qualname__}"
    names = (getattr(part, name, None) for name in ("name", "id", "deployment_id"))
    return next((str(name) for name in names if name), type(part).__name__)


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
        """Do one round; a tick that fails does not stop the others."""
        each(self._ticks, self._do)

    def _do(self, tick: Tick) -> None:
        with self._lock:
            if tick():
                self._wrote()

    def _run(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            self.beat()
