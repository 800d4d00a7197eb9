"""What a load balancer answers by itself: errors, redirects and fixed responses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

SERVER = "awselb/2.0"
PAGE = (
    "<html>\r\n<head><title>{line}</title></head>\r\n<body>\r\n"
    "<center><h1>{line}</h1></center>\r\n</body>\r\n</html>\r\n"
)
WORDS = {503: "Service Temporarily Unavailable", 504: "Gateway Time-out", 408: "Request Time-out"}


def page(status: int, **headers: str) -> web.Response:
    """A status with the page that an Application Load Balancer shows for it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    """
    words = WORDS.get(status) or HTTPStatus(status).phrase
    body = PAGE.format(line=f"{status} {words}").encode()
    told = {"Server": SERVER, "Content-Type": "text/html", **headers}
    return web.Response(status=status, reason=words, body=body, headers=told)


def fixed(config: Mapping[str, Any]) -> web.Response:
    """The answer that a listener's action holds.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_FixedResponseActionConfig.html
    """
    told = {"Server": SERVER, "Content-Type": config.get("ContentType") or "text/plain"}
    body = (config.get("MessageBody") or "").encode()
    return web.Response(status=int(config["StatusCode"]), body=body, headers=told)


def redirect(config: Mapping[str, Any], request: web.BaseRequest, scheme: str, port: int, local: Any) -> web.Response:
    """A redirect to where the client finds it: `local` knows this machine's port for each of the balancer's.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
    """
    asked = urlsplit(f"//{request.headers.get('Host', '')}")
    path, _, query = request.raw_path.partition("?")
    parts = {
        "#{protocol}": scheme,
        "#{host}": asked.hostname or "localhost",
        "#{port}": str(port),
        "#{path}": path.removeprefix("/"),
        "#{query}": query,
    }
    wanted = _filled(config["Port"], parts)
    to_itself = config["Host"] == "#{host}" and wanted.isdigit()
    wanted = str(local(int(wanted)) or wanted) if to_itself else wanted
    protocol, host = _filled(config["Protocol"], parts).lower(), _filled(config["Host"], parts)
    place = f"{protocol}://{host}:{wanted}{_filled(config['Path'], parts)}"
    asks = _filled(config["Query"], parts)
    return page(int(config["StatusCode"].removeprefix("HTTP_")), Location=f"{place}?{asks}" if asks else place)


def _filled(text: str, parts: Mapping[str, str]) -> str:
    for name, value in parts.items():
        text = text.replace(name, value)
    return text
