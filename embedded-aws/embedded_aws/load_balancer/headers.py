"""Which header fields a load balancer passes on, and which it adds."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from multidict import CIMultiDict, CIMultiDictProxy

from embedded_aws.load_balancer.listeners import Door

# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
    *("te", "trailer", "transfer-encoding", "upgrade"),
}

THIS_MACHINE = ("localhost", "127.0.0.1")

# "Elastic Load Balancing requires that message header names conform to the regular expression [-A-Za-z0-9]+":
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
VALID = re.compile(r"[-A-Za-z0-9]+")


def passed_on(headers: CIMultiDictProxy[str], also: Iterable[str] = ()) -> CIMultiDict[str]:
    """The fields that are meant for the other end, all others being about one connection."""
    named = {name.strip().lower() for value in headers.getall("Connection", []) for name in value.split(",")}
    dropped = HOP_BY_HOP | named | set(also)
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in dropped)


def to_target(headers: CIMultiDictProxy[str], client: str, door: Door, port: int) -> CIMultiDict[str]:
    """A request's fields as its target gets them; Host stays as the client has sent it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
    """
    told = passed_on(headers, also=("expect",))
    if door.drops_invalid:
        told = CIMultiDict((name, value) for name, value in told.items() if VALID.fullmatch(name))
    _forwarded_for(told, client, door.forwarded_for)
    told["X-Forwarded-Proto"] = door.scheme
    told["X-Forwarded-Port"] = str(port)
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
    told.setdefault("X-Amzn-Trace-Id", f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}")
    return told


def to_client(headers: CIMultiDictProxy[str], host: str) -> CIMultiDict[str]:
    """An answer's fields as the client gets them.

    One thing is held back that AWS passes: a browser that trusts our certificate would keep to HTTPS on every port
    of localhost, and no longer open the notebooks beside us. HSTS knows hosts, not ports:
    https://www.rfc-editor.org/rfc/rfc6797#section-8.3
    """
    ours = (urlsplit(f"//{host}").hostname or "") in THIS_MACHINE
    return passed_on(headers, also=("strict-transport-security",) if ours else ())


def _forwarded_for(told: CIMultiDict[str], client: str, mode: str) -> None:
    if mode == "remove":
        told.popall("X-Forwarded-For", None)
    elif mode == "append":
        told["X-Forwarded-For"] = ", ".join([*told.getall("X-Forwarded-For", []), client])


def body_follows(headers: Mapping[str, str]) -> bool:
    """Whether a request has a body."""
    return headers.get("Content-Length", "0") != "0" or "chunked" in headers.get("Transfer-Encoding", "").lower()
