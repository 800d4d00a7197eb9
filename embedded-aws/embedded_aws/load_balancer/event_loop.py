"""A thread with an event loop of its own, for what goes on beside the calls to the emulator."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from threading import Thread
from typing import Any

END_SECONDS = 10.0

log = logging.getLogger(__name__)

Farewell = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """No farewell."""


class LoopThread:
    """Runs coroutines for other threads, from `start` to `stop`."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to run what is given."""
        self._thread.start()

    def give(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run this, and do not wait for it; its failure is logged."""
        given = asyncio.run_coroutine_threadsafe(work, self.loop)
        given.add_done_callback(_log_failure)
        return given

    def stop(self, first: Farewell = nothing, last: Farewell = nothing) -> None:
        """End: `first` runs, then what still runs is cancelled, then `last` runs."""
        asyncio.run_coroutine_threadsafe(self._end(first, last), self.loop).result(END_SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(END_SECONDS)

    async def _end(self, first: Farewell, last: Farewell) -> None:
        try:
            await first()
        finally:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await last()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()


def _log_failure(given: Future[Any]) -> None:
    if not given.cancelled() and (error := given.exception()):
        log.error("failed", exc_info=error)
