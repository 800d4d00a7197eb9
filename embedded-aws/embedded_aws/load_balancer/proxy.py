"""The load balancers' listeners on ports of this machine: HTTPS to the instances' applications."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from threading import RLock

import aiohttp
from aiohttp import web

from embedded_aws.load_balancer import responses as answers
from embedded_aws.load_balancer.event_loop import LoopThread
from embedded_aws.load_balancer.forward import CONNECT_SECONDS, Errand
from embedded_aws.load_balancer.health import Health
from embedded_aws.load_balancer.listeners import Door, doors
from embedded_aws.load_balancer.ports import Ports
from embedded_aws.load_balancer.rules import action_for, target_group_of
from embedded_aws.load_balancer.tls import presents

END_SECONDS = 2.0  # for the requests that are under way at the end

# Of a request line, and of a header field.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
LONGEST_LINE = 16_384

# Connections to targets are used again for a while that is shorter than theirs.
KEPT_SECONDS = 55.0

log = logging.getLogger(__name__)

HTTPS = 443

Key = tuple[str, int]


class Listening:
    """An open door: its socket, and whom it serves."""

    def __init__(self, proxy: Proxy, door: Door) -> None:
        self.door, self._proxy = door, proxy
        self._server: asyncio.Server | None = None
        self._http: web.Server | None = None
        self._context: ssl.SSLContext | None = None
        self.port = 0

    async def open(self, ports: Ports) -> None:
        """Begin to listen."""
        front = self._front() if self.door.certificate else None
        opened = ports.bind(self.door.balancer, self.door.port)
        self.port = opened.getsockname()[1]
        self._http = web.Server(
            self._serve,
            handler_cancellation=True,
            keepalive_timeout=self.door.idle_seconds,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            auto_decompress=False,
            access_log=None,
        )
        self._server = await asyncio.get_running_loop().create_server(self._http, sock=opened, ssl=front)

    def change(self, door: Door) -> None:
        """Serve as this says from the next request on, and with its certificate from the next connection on."""
        if door.certificate and door.certificate != self.door.certificate:
            self._context = presents(door.certificate)
        self.door = door

    async def close(self) -> None:
        """Listen no more, and end what is open."""
        if self._server and self._http:
            self._server.close()
            await self._http.shutdown(END_SECONDS)

    def _front(self) -> ssl.SSLContext:
        """What a connection begins with; it goes on with the certificate of that moment."""
        assert self.door.certificate
        self._context = presents(self.door.certificate)
        front = presents(self.door.certificate)
        front.sni_callback = self._present
        return front

    def _present(self, connection: ssl.SSLObject, name: str | None, front: ssl.SSLContext) -> None:
        if self._context:
            connection.context = self._context

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        action = action_for(self.door, request)
        if not request.raw_path.startswith("/"):
            return answers.page(400)
        if action["Type"] == "redirect":
            config = action["RedirectConfig"]
            return answers.redirect(config, request, self.door.scheme, self.door.port, self._local)
        if action["Type"] == "fixed-response":
            return answers.fixed(action["FixedResponseConfig"])
        if action["Type"] != "forward":
            return answers.page(501)
        return await self._proxy.errand(request, self.door, self.port).run(target_group_of(action))

    def _local(self, port: int) -> int | None:
        return self._proxy.ports_of(self.door.balancer).get(port)


class Proxy:
    """Opens a door on this machine for every listener that the internet can reach, and closes it again.

    Args:
        lock: Guards moto's backends; `tick` is called with it held.
        health: Says which target has the next request.
        folder: Where the ports and the certificates are kept: `<balancer's name>.pem` is what a client may trust.
    """

    def __init__(self, lock: RLock, health: Health, folder: Path) -> None:
        self.lock, self._health, self._folder = lock, health, folder
        self._wanted: Mapping[Key, Door] = {}
        self._open: dict[Key, Listening] = {}
        self._loop = LoopThread("balancer")
        self._session: aiohttp.ClientSession | None = None
        self._ports: Ports
        self._one: asyncio.Lock

    def start(self) -> None:
        """Begin; the first doors open with the next tick."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ports = Ports(self._folder)
        self._loop.start()
        self._loop.give(self._prepare()).result()

    def stop(self) -> None:
        """Close all doors."""
        self._loop.stop(first=self._close)

    def tick(self) -> bool:
        """Take note of the listeners; it never changes the account itself."""
        wanted = doors()
        if wanted != self._wanted:
            self._wanted = wanted
            self._loop.give(self._follow(wanted))
        return False

    def ports_of(self, balancer: str) -> dict[int, int]:
        """This machine's port of each of a load balancer's, as far as they are open now."""
        return {key[1]: found.port for key, found in list(self._open.items()) if key[0] == balancer}

    def urls(self) -> dict[str, str]:
        """Where each load balancer that is open is to be found, by its name; by HTTPS where it speaks that."""
        found = sorted(self._open.items(), key=lambda item: item[1].door.scheme)
        return {key[0]: f"{door.door.scheme}://localhost:{door.port}/" for key, door in found}

    def address(self, balancer: str) -> str:
        """Host and port of a load balancer for HTTPS, also before its door opens."""
        opened = self._open.get((balancer, HTTPS))
        return f"localhost:{opened.port if opened else self._ports.promised(balancer, HTTPS)}"

    def errand(self, request: web.BaseRequest, door: Door, port: int) -> Errand:
        """What brings a request to a target."""
        assert self._session
        return Errand(self._health, self._session, request, door, port)

    async def _prepare(self) -> None:
        self._one = asyncio.Lock()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
        )

    async def _follow(self, wanted: Mapping[Key, Door]) -> None:
        async with self._one:
            for key in [key for key in self._open if not _stays(self._open[key].door, wanted.get(key))]:
                await self._open.pop(key).close()
            for key, door in wanted.items():
                try:
                    await self._arrange(key, door)
                except (OSError, ssl.SSLError, ValueError):
                    log.exception("%s cannot listen for port %s", *key)
            self._tell_certificates()

    async def _arrange(self, key: Key, door: Door) -> None:
        if key in self._open:
            self._open[key].change(door)
            return
        listening = Listening(self, door)
        await listening.open(self._ports)
        self._open[key] = listening
        log.info("%s is open at %s://localhost:%s/", door.balancer, door.scheme, listening.port)

    def _tell_certificates(self) -> None:
        """Write each balancer's certificate where a client finds it: `curl --cacert`."""
        found = {key[0]: open_.door.certificate for key, open_ in self._open.items() if open_.door.certificate}
        for stale in [file for file in self._folder.glob("*.pem") if file.stem not in found]:
            stale.unlink()
        for name, certificate in found.items():
            draft = self._folder / f"{name}.pem.new"
            draft.write_text(certificate.chain)
            draft.replace(self._folder / f"{name}.pem")

    async def _close(self) -> None:
        async with self._one:
            await asyncio.gather(*[listening.close() for listening in self._open.values()])
            self._open.clear()
        if self._session:
            await self._session.close()


def _stays(present: Door, wanted: Door | None) -> bool:
    return wanted is not None and present.scheme == wanted.scheme
