"""The ticker: runs what AWS does by itself between two calls, ten times a second."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from threading import Event, RLock, Thread
from typing import Any, TypeVar

TICK_SECONDS = 0.1

#: Does one step under the lock of the account; returns whether it changed the account.
Tick = Callable[[], bool]
Item = TypeVar("Item")
MAX_FAILING = 1000
"""Of what was deleted while it failed, nothing is heard again."""

log = logging.getLogger(__name__)

#: Actions that fail at every tick, with the type of the error that was logged.
_failing: dict[tuple[Any, ...], type[Exception]] = {}


def run_each(items: Iterable[Item], action: Callable[[Item], object]) -> bool:
    """Run an action for each item; returns whether any of them changed the account.

    An item that fails does not stop the others. Its error is logged once, when it begins to fail.
    """
    return any([_run_one(item, action) for item in items])


def _run_one(item: Item, action: Callable[[Item], object]) -> bool:
    parts = item if isinstance(item, tuple) else (item,)
    key = (action.__module__, action.__qualname__, *map(id, parts))
    try:
        changed = bool(action(item))
    except Exception as error:
        if len(_failing) > MAX_FAILING:
            _failing.clear()
        if _failing.get(key) is not type(error):
            log.exception("%s failed for %s", action.__qualname__, ", ".join(map(_name, parts)))
        _failing[key] = type(error)
        return False
    _failing.pop(key, None)
    return changed


def _name(part: Any) -> str:
    """Return a short name for the log: the object's name or id, else its class."""
    if callable(part):
        return f"{part.__module__}.{part.__qualname__}"
    names = (getattr(part, name, None) for name in ("name", "id", "deployment_id"))
    return next((str(name) for name in names if name), type(part).__name__)


class Ticker:
    """Calls each tick, under the lock, ten times a second.

    Args:
        on_change: Called after a tick that changed the account.
    """

    def __init__(self, lock: RLock, ticks: Sequence[Tick], on_change: Callable[[], None]) -> None:
        self._lock, self._ticks, self._on_change = lock, ticks, on_change
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the current round."""
        self._stopped.set()
        self._thread.join()

    def run_once(self) -> None:
        """Call each tick once; a tick that fails does not stop the others."""
        run_each(self._ticks, self._run_tick)

    def _run_tick(self, tick: Tick) -> None:
        with self._lock:
            if tick():
                self._on_change()

    def _run(self) -> None:
        while not self._stopped.wait(TICK_SECONDS):
            self.run_once()
