"""The way to a private server: a port of this machine that lets connections through only while it is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any

from embedded_aws.ports import ADDRESS, listen

CHUNK = 65536


class Loop:
    """An event loop in a thread of its own, for all forwarders."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="forwarders", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it there, and wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def soon(self, work: Callable[[], None]) -> None:
        """Have it done there."""
        self._loop.call_soon_threadsafe(work)

    def stop(self) -> None:
        """End, with whatever is still going on."""
        self.run(_end_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _end_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class Forwarder:
    """Listens from the beginning, and is closed to everybody until it is opened.

    Args:
        port: The one to have again, when it is free; 0 where there was none.
        target: The server's port at the moment; None while there is none.
    """

    def __init__(self, loop: Loop, port: int, target: Callable[[], int | None]) -> None:
        self._loop, self._target = loop, target
        self._open = False
        self._going: set[asyncio.Task[None]] = set()
        self._socket = listen(port)
        self.port = int(self._socket.getsockname()[1])
        self._loop.run(self._begin())

    def let(self, through: bool) -> None:
        """Open it, or close it and cut what goes through."""
        before, self._open = self._open, through
        if before and not through:
            self._loop.soon(self._cut)

    def close(self) -> None:
        """Cut everything, and give the port back."""
        self._open = False
        self._loop.run(self._end())

    async def _begin(self) -> None:
        self._server = await asyncio.start_server(self._accept, sock=self._socket)

    async def _end(self) -> None:
        self._server.close()
        going = list(self._going)
        self._cut()
        await asyncio.gather(*going, return_exceptions=True)

    def _cut(self) -> None:
        for task in self._going:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._going.add(task)
        try:
            await self._forward(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # the server is away, or we cut it: either way the caller sees a lost connection
        finally:
            writer.transport.abort()
            self._going.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self._target()
        if not self._open or port is None:
            return
        there_reader, there_writer = await asyncio.open_connection(ADDRESS, port)
        ways = [asyncio.create_task(_pump(reader, there_writer)), asyncio.create_task(_pump(there_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            there_writer.close()
            writer.close()
            await writer.wait_closed()  # what the server said last goes out before the abort
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            there_writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
