"""The load balancers' listeners on local ports: they forward requests to the instances' applications."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from threading import RLock

import aiohttp
from aiohttp import web

from embedded_aws.event_loop import LoopThread
from embedded_aws.files import write_atomically
from embedded_aws.load_balancer import responses
from embedded_aws.load_balancer.forward import CONNECT_SECONDS, RequestForwarder
from embedded_aws.load_balancer.health import HealthChecker
from embedded_aws.load_balancer.listeners import Listener, read_listeners
from embedded_aws.load_balancer.ports import ListenerPorts
from embedded_aws.load_balancer.request_counts import RequestCounts
from embedded_aws.load_balancer.rules import action_for, target_group_of
from embedded_aws.load_balancer.tls import server_context, set_policy

END_SECONDS = 2.0  # for the requests that are in progress at the end

# Of a request line, and of a header field.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
MAX_LINE_BYTES = 16_384

# Connections to targets are closed before the targets close them.
KEEPALIVE_SECONDS = 55.0

log = logging.getLogger(__name__)

HTTPS = 443

Key = tuple[str, int]


class ListenerServer:
    """The socket of a listener, and the HTTP server on it."""

    def __init__(self, proxy: Proxy, listener: Listener) -> None:
        self.listener, self._proxy = listener, proxy
        self._server: asyncio.Server | None = None
        self._http: web.Server | None = None
        self._context: ssl.SSLContext | None = None
        self._initial: ssl.SSLContext | None = None
        self.port = 0

    async def open(self, ports: ListenerPorts) -> None:
        """Start to listen."""
        context = self._initial_context() if self.listener.certificate else None
        bound = ports.bind(self.listener.balancer, self.listener.port)
        self.port = bound.getsockname()[1]
        self._http = web.Server(
            self._serve,
            handler_cancellation=True,
            keepalive_timeout=self.listener.idle_seconds,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            auto_decompress=False,
            access_log=None,
        )
        self._server = await asyncio.get_running_loop().create_server(self._http, sock=bound, ssl=context)

    def change(self, listener: Listener) -> None:
        """Use this listener's rules from the next request, and its certificate and policy from the next connection."""
        if listener.certificate and listener.certificate != self.listener.certificate:
            self._context = server_context(listener.certificate, listener.policy)
        if self._initial and listener.policy != self.listener.policy:
            set_policy(self._initial, listener.policy)
        self.listener = listener

    async def close(self) -> None:
        """Stop listening, and end open connections."""
        if self._server and self._http:
            self._server.close()
            await self._http.shutdown(END_SECONDS)

    def _initial_context(self) -> ssl.SSLContext:
        """Return the context that a connection starts with; it continues with the current certificate."""
        assert self.listener.certificate
        self._context = server_context(self.listener.certificate, self.listener.policy)
        self._initial = server_context(self.listener.certificate, self.listener.policy)
        self._initial.sni_callback = self._use_current_certificate
        return self._initial

    def _use_current_certificate(self, connection: ssl.SSLObject, name: str | None, initial: ssl.SSLContext) -> None:
        if self._context:
            connection.context = self._context

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        action = action_for(self.listener, request)
        if not request.raw_path.startswith("/"):
            return responses.status_page(400)
        if action["Type"] == "redirect":
            config = action["RedirectConfig"]
            return responses.redirect(config, request, self.listener.scheme, self.listener.port, self._local_port)
        if action["Type"] == "fixed-response":
            return responses.fixed_response(action["FixedResponseConfig"])
        if action["Type"] != "forward":
            return responses.status_page(501)
        return await self._proxy.create_forwarder(request, self.listener, self.port).run(target_group_of(action))

    def _local_port(self, port: int) -> int | None:
        return self._proxy.ports_of(self.listener.balancer).get(port)


class Proxy:
    """Listens on a local port for every listener that the internet can reach.

    Args:
        lock: Guards moto's backends; `tick` needs it to be held.
        health: Chooses the target of each request.
        folder: For ports and certificates: clients may trust `<load balancer name>.pem`.
        counts: Counts the requests that are forwarded.
    """

    def __init__(self, lock: RLock, health: HealthChecker, folder: Path, counts: RequestCounts | None = None) -> None:
        self.lock, self._health, self._folder = lock, health, folder
        self._counts = counts or RequestCounts()
        self._listeners: Mapping[Key, Listener] = {}
        self._open: dict[Key, ListenerServer] = {}
        self._loop = LoopThread("balancer")
        self._session: aiohttp.ClientSession | None = None
        self._ports: ListenerPorts
        self._sync_lock: asyncio.Lock

    def start(self) -> None:
        """Start the event loop; the first listeners open at the next tick."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ports = ListenerPorts(self._folder)
        self._loop.start()
        self._loop.submit(self._prepare()).result()

    def stop(self) -> None:
        """Close all listeners."""
        self._loop.stop(first=self._close)

    def tick(self) -> bool:
        """Take over the listeners of the account; returns False, as the account stays as it is."""
        listeners = read_listeners()
        if listeners != self._listeners:
            self._listeners = listeners
            self._loop.submit(self._sync(listeners))
        return False

    def ports_of(self, balancer: str) -> dict[int, int]:
        """Return the local port of each open port of a load balancer."""
        return {key[1]: server.port for key, server in list(self._open.items()) if key[0] == balancer}

    def urls(self) -> dict[str, str]:
        """Return the URL of each open load balancer, by its name; with HTTPS where it has a listener for it."""
        servers = sorted(self._open.items(), key=lambda item: item[1].listener.scheme)
        return {key[0]: f"{server.listener.scheme}://localhost:{server.port}/" for key, server in servers}

    def address(self, balancer: str) -> str:
        """Return local host and port of a load balancer's HTTPS listener, also before it opens."""
        server = self._open.get((balancer, HTTPS))
        return f"localhost:{server.port if server else self._ports.reserve(balancer, HTTPS)}"

    def create_forwarder(self, request: web.BaseRequest, listener: Listener, port: int) -> RequestForwarder:
        """Return what forwards a request to a target."""
        assert self._session
        return RequestForwarder(self._health, self._session, request, listener, port, self._counts)

    async def _prepare(self) -> None:
        self._sync_lock = asyncio.Lock()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
        )
        self._session._retry_connection = False  # a connection that the target closed is 502, also on AWS

    async def _sync(self, listeners: Mapping[Key, Listener]) -> None:
        async with self._sync_lock:
            for key in [key for key in self._open if not _can_stay(self._open[key].listener, listeners.get(key))]:
                await self._open.pop(key).close()
            self._write_certificates(listeners)  # before they are needed: a client may connect at once
            for key, listener in listeners.items():
                try:
                    await self._open_or_change(key, listener)
                except (OSError, ssl.SSLError, ValueError):
                    log.exception("%s cannot listen for port %s", *key)

    async def _open_or_change(self, key: Key, listener: Listener) -> None:
        if key in self._open:
            self._open[key].change(listener)
            return
        server = ListenerServer(self, listener)
        await server.open(self._ports)
        self._open[key] = server
        log.info("%s listens at %s://localhost:%s/", listener.balancer, listener.scheme, server.port)

    def _write_certificates(self, listeners: Mapping[Key, Listener]) -> None:
        """Write each load balancer's certificate for clients, such as `curl --cacert`."""
        certificates = {key[0]: one.certificate for key, one in listeners.items() if one.certificate}
        for stale in [file for file in self._folder.glob("*.pem") if file.stem not in certificates]:
            stale.unlink()
        for name, certificate in certificates.items():
            write_atomically(self._folder / f"{name}.pem", certificate.chain)

    async def _close(self) -> None:
        async with self._sync_lock:
            await asyncio.gather(*[server.close() for server in self._open.values()])
            self._open.clear()
        if self._session:
            await self._session.close()


def _can_stay(current: Listener, wanted: Listener | None) -> bool:
    return wanted is not None and current.scheme == wanted.scheme
