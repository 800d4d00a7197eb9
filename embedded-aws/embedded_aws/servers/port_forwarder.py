"""Forward a local port to a private server; connections are accepted only while the forwarder is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from embedded_aws.event_loop import LoopThread
from embedded_aws.ports import ADDRESS, listen

CHUNK = 65536


class PortForwarder:
    """Listens from the beginning, and drops every connection until it is opened.

    Args:
        loop: Runs it.
        port: The port to use, when it is free; 0 for any.
        target: Returns the current port of the server; None while there is none.
    """

    def __init__(self, loop: LoopThread, port: int, target: Callable[[], int | None]) -> None:
        self._loop, self._target = loop, target
        self._is_open = False
        self._connections: set[asyncio.Task[None]] = set()
        self._socket = listen(port)
        self.port = int(self._socket.getsockname()[1])
        self._loop.submit(self._begin()).result()

    def set_open(self, is_open: bool) -> None:
        """Open it, or close it and cut the connections through it."""
        before, self._is_open = self._is_open, is_open
        if before and not is_open:
            self._loop.loop.call_soon_threadsafe(self._cut)

    def close(self) -> None:
        """Cut all connections, and free the port."""
        self._is_open = False
        self._loop.submit(self._end()).result()

    async def _begin(self) -> None:
        self._server = await asyncio.start_server(self._accept, sock=self._socket)

    async def _end(self) -> None:
        self._server.close()
        connections = list(self._connections)
        self._cut()
        await asyncio.gather(*connections, return_exceptions=True)

    def _cut(self) -> None:
        for task in self._connections:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            await self._forward(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # the server is not running, or the connection was cut: the caller sees a lost connection
        finally:
            writer.transport.abort()
            self._connections.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self._target()
        if not self._is_open or port is None:
            return
        server_reader, server_writer = await asyncio.open_connection(ADDRESS, port)
        pumps = [asyncio.create_task(_pump(reader, server_writer)), asyncio.create_task(_pump(server_reader, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            server_writer.close()
            writer.close()
            await writer.wait_closed()  # the server's last bytes are sent before the abort
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            server_writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
