"""One request on its way: to a target, and its answer back to the client, both as streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
from aiohttp import hdrs, web
from yarl import URL

from embedded_aws.load_balancer import headers
from embedded_aws.load_balancer import responses as answers
from embedded_aws.load_balancer.health import Health
from embedded_aws.load_balancer.listeners import Door
from embedded_aws.load_balancer.target import Target

# "The load balancer failed to establish a connection to the target before the connection timeout expired (10 seconds)":
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
CONNECT_SECONDS = 10.0

REPEATABLE = ("GET", "HEAD", "OPTIONS")
ADDED_BY_US = (hdrs.SERVER, hdrs.DATE, hdrs.CONTENT_TYPE)

log = logging.getLogger(__name__)


class NoAnswerError(Exception):
    """A target did not answer; `repeatable` when another may be asked instead."""

    def __init__(self, status: int, repeatable: bool) -> None:
        super().__init__(status)
        self.status, self.repeatable = status, repeatable


class Passed(web.StreamResponse):
    """A target's answer, with no field of ours."""

    async def _prepare_headers(self) -> None:
        before = set(self.headers)
        await super()._prepare_headers()
        for name in ADDED_BY_US:
            if name not in before:
                self.headers.popall(name, None)


class Errand:
    """A request that is passed to a target; of several, to the first that answers."""

    def __init__(
        self, health: Health, session: aiohttp.ClientSession, request: web.BaseRequest, door: Door, port: int
    ) -> None:
        self._health, self._session, self._request, self._door, self._port = health, session, request, door, port
        self._answer: Passed | None = None
        self._body_begun = False
        self._idle: asyncio.Timeout | None = None

    async def run(self, target_group: str) -> web.StreamResponse:
        """Get an answer from a target, or give the load balancer's own.

        A target that cannot be connected to, or loses the connection before it has answered what may be asked
        twice, costs the client nothing as long as another one answers.
        """
        tried: list[str] = []
        status = 503
        while target := self._health.choose(target_group, tried):
            tried.append(target.instance)
            try:
                return await self._ask(target)
            except NoAnswerError as error:
                status = error.status
                log.debug("%s gave no answer: %r", target.instance, error.__cause__)
                if not error.repeatable:
                    break
        return answers.page(status)

    async def _ask(self, target: Target) -> web.StreamResponse:
        check = target.check
        if not check.reachable:  # no packet would come back; nobody has to wait for that
            raise NoAnswerError(504, repeatable=True)
        if check.port is None:
            raise NoAnswerError(502, repeatable=True)
        try:
            with self._health.serving(target):
                async with asyncio.timeout(self._door.idle_seconds) as self._idle:
                    return await self._exchange(check.port)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            if self._answer is not None:
                return self._cut(self._answer, error)
            raise self._failure(error) from error

    async def _exchange(self, port: int) -> web.StreamResponse:
        request, url = self._request, URL(f"http://127.0.0.1:{port}{self._request.raw_path}", encoded=True)
        told = headers.to_target(request.headers, request.remote or "", self._door, self._port)
        body = self._body() if headers.body_follows(request.headers) else None
        async with self._session.request(request.method, url, headers=told, data=body, allow_redirects=False) as found:
            returned = headers.to_client(found.headers, request.headers.get("Host", ""))
            answer = Passed(status=found.status, reason=found.reason, headers=returned)
            self._answer = answer
            await answer.prepare(request)
            async for chunk in found.content.iter_any():
                self._moved()
                await answer.write(chunk)
            await answer.write_eof()
            return answer

    async def _body(self) -> AsyncIterator[bytes]:
        self._body_begun = True
        if self._request.headers.get("Expect", "").lower() == "100-continue" and self._request.transport:
            self._request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async for chunk in self._request.content.iter_any():
            self._moved()
            yield chunk

    def _moved(self) -> None:
        """Something has come or gone: the connection is not idle."""
        with suppress(RuntimeError):  # the answer is over, and what still comes does not matter
            if self._idle:
                self._idle.reschedule(asyncio.get_running_loop().time() + self._door.idle_seconds)

    def _failure(self, error: Exception) -> NoAnswerError:
        if isinstance(error, TimeoutError):
            return NoAnswerError(504, repeatable=False)
        if isinstance(error, aiohttp.ClientConnectorError):
            return NoAnswerError(502, repeatable=not self._body_begun)
        lost = isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError))
        return NoAnswerError(502, repeatable=lost and not self._body_begun and self._request.method in REPEATABLE)

    def _cut(self, answer: Passed, error: Exception) -> web.StreamResponse:
        """Half of an answer is out: only a connection that breaks off tells the client that it is not whole."""
        log.debug("an answer broke off: %r", error)
        if self._request.transport:
            self._request.transport.abort()
        return answer
