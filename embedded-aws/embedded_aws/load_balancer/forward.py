"""Forward one request to a target, and its response to the client, both as streams; or upgrade the connection."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from functools import partial
from http import HTTPStatus

import aiohttp
from aiohttp import hdrs, web
from yarl import URL

from embedded_aws.load_balancer import headers, responses
from embedded_aws.load_balancer.health import HealthChecker
from embedded_aws.load_balancer.listeners import Listener
from embedded_aws.load_balancer.request_counts import RequestCounts
from embedded_aws.load_balancer.target import Target
from embedded_aws.load_balancer.tunnel import PROTOCOL, Tunnel, asks_for_upgrade

# "The load balancer failed to establish a connection to the target before the connection timeout expired (10 seconds)":
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
CONNECT_SECONDS = 10.0

ADDED_BY_US = (hdrs.SERVER, hdrs.DATE, hdrs.CONTENT_TYPE)

log = logging.getLogger(__name__)


class NoResponseError(Exception):
    """A target did not respond; `status` is that of the load balancer's own page."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class TargetResponse(web.StreamResponse):
    """A target's response, without header fields of ours."""

    async def _prepare_headers(self) -> None:
        before = set(self.headers)
        await super()._prepare_headers()
        for name in ADDED_BY_US:
            if name not in before:
                self.headers.popall(name, None)


class RequestForwarder:
    """Forwards a request to one target."""

    def __init__(
        self,
        health: HealthChecker,
        session: aiohttp.ClientSession,
        request: web.BaseRequest,
        listener: Listener,
        port: int,
        counts: RequestCounts,
    ) -> None:
        self._health, self._session, self._request = health, session, request
        self._listener, self._port, self._counts = listener, port, counts
        self._began = time.monotonic()
        self._response_seconds: float | None = None
        self._response: TargetResponse | None = None
        self._idle_timeout: asyncio.Timeout | None = None

    async def run(self, target_group: str) -> web.StreamResponse:
        """Return a target's response, or the load balancer's own error page.

        No other target is asked: where the target refuses the connection, or closes it before it responds, the answer
        is 502, until the health checks find the target unhealthy.
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
        (HTTP 502: Bad gateway), https://www.repost.aws/knowledge-center/elb-alb-troubleshoot-502-errors
        """
        response = await self._respond(self._health.choose(target_group))
        self._counts.add(self._listener.balancer, target_group, response.status, self._response_seconds)
        return response

    async def _respond(self, target: Target | None) -> web.StreamResponse:
        if target is None:
            return responses.status_page(503)
        try:
            return await self._send(target)
        except NoResponseError as error:
            log.debug("%s did not respond: %r", target.instance, error.__cause__)
            return responses.status_page(error.status)

    async def _send(self, target: Target) -> web.StreamResponse:
        check = target.check
        if not check.reachable:  # packets are dropped; no need to wait for a timeout
            raise NoResponseError(504)
        if check.port is None:
            raise NoResponseError(502)
        try:
            return await self._exchange(target, check.port)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            if self._response is not None:
                return self._abort(self._response, error)
            raise NoResponseError(504 if isinstance(error, TimeoutError) else 502) from error

    async def _exchange(self, target: Target, port: int) -> web.StreamResponse:
        async with AsyncExitStack() as request_in_flight:
            request_in_flight.enter_context(self._health.count_request(target))
            self._idle_timeout = asyncio.timeout(self._listener.idle_seconds)
            await request_in_flight.enter_async_context(self._idle_timeout)
            received = await self._request_target(port)
            async with received:
                self._response_seconds = time.monotonic() - self._began
                if received.status == HTTPStatus.SWITCHING_PROTOCOLS:
                    if not asks_for_upgrade(self._request.method, self._request.headers):
                        raise NoResponseError(502)
                    response = await self._start_response(received, Connection="upgrade", Upgrade=PROTOCOL)
                    await request_in_flight.aclose()  # a tunnel is no request that draining waits for
                    return await self._tunnel(target, received, response)
                response = await self._start_response(received)
                async for chunk in received.content.iter_any():
                    self._restart_idle_timeout()
                    await response.write(chunk)
                await response.write_eof()
                return response

    async def _request_target(self, port: int) -> aiohttp.ClientResponse:
        request, url = self._request, URL(f"http://127.0.0.1:{port}{self._request.raw_path}", encoded=True)
        fields = headers.to_target(request.headers, request.remote or "", self._listener, self._port)
        if asks_for_upgrade(request.method, request.headers):
            fields.update({"Connection": "upgrade", "Upgrade": PROTOCOL})
        body = self._body() if headers.has_body(request.headers) else None
        return await self._session.request(request.method, url, headers=fields, data=body, allow_redirects=False)

    async def _start_response(self, received: aiohttp.ClientResponse, **fields: str) -> TargetResponse:
        returned = headers.to_client(received.headers, self._request.headers.get("Host", ""))
        returned.update(fields)
        response = TargetResponse(status=received.status, reason=received.reason, headers=returned)
        self._response = response
        await response.prepare(self._request)
        return response

    async def _tunnel(
        self, target: Target, received: aiohttp.ClientResponse, response: TargetResponse
    ) -> web.StreamResponse:
        """Pass the bytes of an upgraded connection on until it is closed."""
        response.force_close()
        back = received.connection.protocol if received.connection else None
        if back is not None:  # it has a length, that of its queue
            is_registered = partial(self._health.keeps_connections, target)
            await Tunnel(self._request.protocol, back, self._listener.idle_seconds, is_registered).run()
        return response

    async def _body(self) -> AsyncIterator[bytes]:
        if self._request.headers.get("Expect", "").lower() == "100-continue" and self._request.transport:
            self._request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async for chunk in self._request.content.iter_any():
            self._restart_idle_timeout()
            yield chunk

    def _restart_idle_timeout(self) -> None:
        """Restart the idle timeout, as data was sent or received."""
        with suppress(RuntimeError):  # the response is complete: later data does not matter
            if self._idle_timeout:
                self._idle_timeout.reschedule(asyncio.get_running_loop().time() + self._listener.idle_seconds)

    def _abort(self, response: TargetResponse, error: Exception) -> web.StreamResponse:
        """Abort the connection: half of the response is sent, and only this tells the client that it is incomplete."""
        log.debug("a response broke off: %r", error)
        if self._request.transport:
            self._request.transport.abort()
        return response
