"""Which header fields a load balancer forwards, and which it adds."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from multidict import CIMultiDict, CIMultiDictProxy

from embedded_aws.load_balancer.listeners import Listener

# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
    *("te", "trailer", "transfer-encoding", "upgrade"),
}

THIS_MACHINE = ("localhost", "127.0.0.1")

# "Elastic Load Balancing requires that message header names conform to the regular expression [-A-Za-z0-9]+":
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
VALID = re.compile(r"[-A-Za-z0-9]+")


def end_to_end(headers: CIMultiDictProxy[str], also: Iterable[str] = ()) -> CIMultiDict[str]:
    """Return the end-to-end fields; all others are about one connection."""
    named = {name.strip().lower() for value in headers.getall("Connection", []) for name in value.split(",")}
    dropped = HOP_BY_HOP | named | set(also)
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in dropped)


def to_target(headers: CIMultiDictProxy[str], client: str, listener: Listener, port: int) -> CIMultiDict[str]:
    """Return a request's fields as the target gets them; Host stays as the client sent it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
    """
    fields = end_to_end(headers, also=("expect",))
    if listener.drops_invalid_headers:
        fields = CIMultiDict((name, value) for name, value in fields.items() if VALID.fullmatch(name))
    _forwarded_for(fields, client, listener.forwarded_for_mode)
    fields["X-Forwarded-Proto"] = listener.scheme
    fields["X-Forwarded-Port"] = str(port)
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
    fields.setdefault("X-Amzn-Trace-Id", f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}")
    return fields


def to_client(headers: CIMultiDictProxy[str], host: str) -> CIMultiDict[str]:
    """Return a response's fields as the client gets them.

    Unlike AWS, HSTS is dropped for localhost: a browser that trusts our certificate would use HTTPS for every port of
    localhost, and could no longer open the notebooks there. HSTS applies to hosts, not to ports:
    https://www.rfc-editor.org/rfc/rfc6797#section-8.3
    """
    is_local = (urlsplit(f"//{host}").hostname or "") in THIS_MACHINE
    return end_to_end(headers, also=("strict-transport-security",) if is_local else ())


def _forwarded_for(fields: CIMultiDict[str], client: str, mode: str) -> None:
    if mode == "remove":
        fields.popall("X-Forwarded-For", None)
    elif mode == "append":
        fields["X-Forwarded-For"] = ", ".join([*fields.getall("X-Forwarded-For", []), client])


def has_body(headers: Mapping[str, str]) -> bool:
    """Whether a request has a body."""
    return headers.get("Content-Length", "0") != "0" or "chunked" in headers.get("Transfer-Encoding", "").lower()
