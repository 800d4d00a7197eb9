"""The instance metadata service, version 2: for each host on a loopback port of its own.

On AWS it has the address 169.254.169.254, which needs root to be set up here. SDKs and the AWS CLI take its address
from the variable AWS_EC2_METADATA_SERVICE_ENDPOINT:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html,
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from embedded_aws import ports
from embedded_aws.account import backends
from embedded_aws.event_loop import LoopThread
from embedded_aws.hosts.metadata import Metadata, read_metadata
from embedded_aws.ticker import run_each

END_SECONDS = 1.0
TOKEN_HEADER = "X-aws-ec2-metadata-token"
TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
MAX_TTL = 21_600
TOKEN_PATH = "/latest/api/token"
THIS_MACHINE = ("127.0.0.1", "localhost")


class InstanceEndpoint:
    """The service of one instance."""

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self._tokens: dict[str, float] = {}

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        host = request.headers.get("Host", "").partition(":")[0]
        # A forwarded request comes from outside of the instance, and a foreign host or an origin from a web page.
        if "X-Forwarded-For" in request.headers or "Origin" in request.headers or host not in THIS_MACHINE:
            return _error(403)
        if not self.metadata.enabled:
            return _error(403)
        if request.path == TOKEN_PATH:
            return self._issue_token(request) if request.method == "PUT" else _error(405)
        if request.method not in ("GET", "HEAD"):
            return _error(405)
        if not self._is_authorized(request.headers.get(TOKEN_HEADER)):
            return _error(401)
        version, _, path = request.path.strip("/").partition("/")
        if not version:
            return _text("latest")
        content = self.metadata.answer(path) if version == "latest" else None
        return _error(404) if content is None else _text(content)

    def _issue_token(self, request: web.BaseRequest) -> web.Response:
        ttl = request.headers.get(TTL_HEADER, "")
        if not (ttl.isascii() and ttl.isdigit() and 1 <= int(ttl) <= MAX_TTL):
            return _error(400)
        now = time.monotonic()
        self._tokens = {token: end for token, end in self._tokens.items() if end > now}
        token = secrets.token_urlsafe(40)
        self._tokens[token] = now + int(ttl)
        return _text(token, **{TTL_HEADER: ttl})

    def _is_authorized(self, token: str | None) -> bool:
        if token is None:
            return not self.metadata.token_required
        return self._tokens.get(token, 0.0) > time.monotonic()


class MetadataService:
    """The services of all hosts, from `start` to `stop`. `open` and `tick` need the lock of the account."""

    def __init__(self) -> None:
        self._loop = LoopThread("metadata")
        self._open: dict[str, tuple[InstanceEndpoint, asyncio.Server, web.Server]] = {}

    def start(self) -> None:
        """Start the event loop."""
        self._loop.start()

    def stop(self) -> None:
        """Close all endpoints; the hosts must have ended."""
        for instance_id in list(self._open):
            self.close(instance_id)
        self._loop.stop()

    def open(self, instance: Any, folder: Path) -> str:
        """Begin to answer an instance, at the port that it had before; returns the URL."""
        file = folder / "metadata.json"
        try:
            before = int(json.loads(file.read_text(encoding="utf-8"))["port"])
        except (FileNotFoundError, ValueError, KeyError):
            before = 0
        endpoint = InstanceEndpoint(read_metadata(instance))
        listening = ports.listen(before)
        port: int = listening.getsockname()[1]
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"port": port}), encoding="utf-8")
        server = self._loop.submit(_serve(endpoint, listening)).result()
        self._open[instance.id] = (endpoint, *server)
        return f"http://{ports.ADDRESS}:{port}"

    def close(self, instance_id: str) -> None:
        """Stop to answer an instance."""
        if opened := self._open.pop(instance_id, None):
            self._loop.submit(_end(*opened[1:])).result()

    def tick(self) -> bool:
        """Take over what the account says about the instances; returns False, as the account stays as it is."""
        known = {one.id: one for ec2 in backends.existing("ec2") for one in ec2.all_instances() if one.id in self._open}
        run_each(known.values(), self._refresh)
        return False

    def _refresh(self, instance: Any) -> None:
        if opened := self._open.get(instance.id):
            opened[0].metadata = read_metadata(instance)


async def _serve(endpoint: InstanceEndpoint, listening: Any) -> tuple[asyncio.Server, web.Server]:
    http = web.Server(partial(_handle, endpoint), access_log=None)
    return await asyncio.get_running_loop().create_server(http, sock=listening), http


async def _handle(endpoint: InstanceEndpoint, request: web.BaseRequest) -> web.StreamResponse:
    return await endpoint.answer(request)


async def _end(server: asyncio.Server, http: web.Server) -> None:
    server.close()
    await http.shutdown(END_SECONDS)


def _text(content: str, **headers: str) -> web.Response:
    return web.Response(text=content, content_type="text/plain", headers={"Server": "EC2ws", **headers})


def _error(status: int) -> web.Response:
    return web.Response(status=status, headers={"Server": "EC2ws"})
