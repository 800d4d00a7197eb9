"""The load balancer's own responses: error pages, redirects and fixed responses."""

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
REASONS = {503: "Service Temporarily Unavailable", 504: "Gateway Time-out", 408: "Request Time-out"}


def status_page(status: int, **headers: str) -> web.Response:
    """Return the page of an Application Load Balancer for a status.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    """
    reason = REASONS.get(status) or HTTPStatus(status).phrase
    body = PAGE.format(line=f"{status} {reason}").encode()
    fields = {"Server": SERVER, "Content-Type": "text/html", **headers}
    return web.Response(status=status, reason=reason, body=body, headers=fields)


def fixed_response(config: Mapping[str, Any]) -> web.Response:
    """Return the response of a fixed-response action.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_FixedResponseActionConfig.html
    """
    fields = {"Server": SERVER, "Content-Type": config.get("ContentType") or "text/plain"}
    body = (config.get("MessageBody") or "").encode()
    return web.Response(status=int(config["StatusCode"]), body=body, headers=fields)


def redirect(
    config: Mapping[str, Any], request: web.BaseRequest, scheme: str, port: int, local_port: Any
) -> web.Response:
    """Return a redirect that the client can follow: `local_port` maps ports of the load balancer to local ones.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
    """
    host_and_port = urlsplit(f"//{request.headers.get('Host', '')}")
    path, _, query = request.raw_path.partition("?")
    parts = {
        "#{protocol}": scheme,
        "#{host}": host_and_port.hostname or "localhost",
        "#{port}": str(port),
        "#{path}": path.removeprefix("/"),
        "#{query}": query,
    }
    target_port = _fill(config["Port"], parts)
    to_itself = config["Host"] == "#{host}" and target_port.isdigit()
    target_port = str(local_port(int(target_port)) or target_port) if to_itself else target_port
    protocol, host = _fill(config["Protocol"], parts).lower(), _fill(config["Host"], parts)
    location = f"{protocol}://{host}:{target_port}{_fill(config['Path'], parts)}"
    query_string = _fill(config["Query"], parts)
    return status_page(
        int(config["StatusCode"].removeprefix("HTTP_")),
        Location=f"{location}?{query_string}" if query_string else location,
    )


def _fill(text: str, parts: Mapping[str, str]) -> str:
    for name, value in parts.items():
        text = text.replace(name, value)
    return text
