"""A connection that was upgraded to WebSocket: bytes pass in both directions until one side closes it.

"When you upgrade, the TCP connection used for requests (to the load balancer as well as to the target) becomes a
persistent WebSocket connection between the client and the target through the load balancer":
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from aiohttp.base_protocol import BaseProtocol
from aiohttp.client_proto import ResponseHandler
from aiohttp.web_protocol import RequestHandler

BLOCK_BYTES = 65_536
POLL_SECONDS = 0.25

PROTOCOL = "websocket"


def asks_for_upgrade(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request asks for a WebSocket; https://www.rfc-editor.org/rfc/rfc6455#section-4.1."""
    tokens = {token.strip().lower() for token in headers.get("Connection", "").split(",")}
    return method == "GET" and "upgrade" in tokens and headers.get("Upgrade", "").lower() == PROTOCOL


class TunnelReader(asyncio.StreamReader):
    """Reads what one side sends; it stops the transport while the other side does not keep up."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:  # type: ignore[override]
        """Take data from aiohttp's protocol, as a payload parser does: it is never at its end, and nothing is left."""
        super().feed_data(data)
        return False, b""


class Tunnel:
    """The tunnel between a client and a target.

    Args:
        client: The client's connection; the response 101 was sent on it.
        target: The target's connection; the response 101 was received on it.
        idle_seconds: After so long without data in either direction the load balancer closes both connections.
            https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
        is_registered: Whether the target may keep its connections.
    """

    def __init__(
        self,
        client: RequestHandler,
        target: ResponseHandler,
        idle_seconds: float,
        is_registered: Callable[[], bool],
    ) -> None:
        self._client, self._target = client, target
        self._idle_seconds, self._is_registered = idle_seconds, is_registered
        self._last_data = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Pass bytes until a side closes its connection, the tunnel is idle, or the target is deregistered."""
        from_client, from_target = _reader(self._client), _reader(self._target)
        self._client.set_parser(from_client)  # type: ignore[arg-type]
        self._target.set_parser(from_target, None)
        tasks = [
            asyncio.create_task(self._pass_on(from_client, self._target)),
            asyncio.create_task(self._pass_on(from_target, self._client)),
            asyncio.create_task(self._watch()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for side in (self._client, self._target):
                if side.transport:
                    side.transport.close()  # what was written is still sent
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass_on(self, source: asyncio.StreamReader, sink: BaseProtocol) -> None:
        with suppress(OSError):  # the sink has closed its connection
            while (data := await source.read(BLOCK_BYTES)) and sink.transport:
                self._last_data = asyncio.get_running_loop().time()
                sink.transport.write(data)
                await sink._drain_helper()

    async def _watch(self) -> None:
        """Return when the tunnel has to be closed."""
        while self._is_registered():
            left = self._last_data + self._idle_seconds - asyncio.get_running_loop().time()
            if left <= 0:
                return
            await asyncio.sleep(min(left, POLL_SECONDS))


def _reader(protocol: BaseProtocol) -> TunnelReader:
    reader = TunnelReader(limit=BLOCK_BYTES)
    if protocol.transport is None:
        reader.feed_eof()
    else:
        reader.set_transport(protocol.transport)
    return reader
