"""A thread with an asyncio event loop, for network work beside the calls to the emulator."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from threading import Thread
from typing import Any

END_SECONDS = 10.0

log = logging.getLogger(__name__)

Cleanup = Callable[[], Awaitable[None]]


async def no_cleanup() -> None:
    """Do nothing."""


class LoopThread:
    """Runs coroutines for other threads, from `start` to `stop`."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine without waiting for it; an error is logged."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        future.add_done_callback(_log_failure)
        return future

    def stop(self, first: Cleanup = no_cleanup, last: Cleanup = no_cleanup) -> None:
        """End the thread: run `first`, cancel what is still running, then run `last`."""
        asyncio.run_coroutine_threadsafe(self._end(first, last), self.loop).result(END_SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(END_SECONDS)

    async def _end(self, first: Cleanup, last: Cleanup) -> None:
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


def _log_failure(future: Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()):
        log.error("failed", exc_info=error)
