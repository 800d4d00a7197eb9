"""Fault injection: calls fail as the fault rules say. The lock is not held, so a slow call does not block others."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from typing import Any

from embedded_aws.error_responses import answer_error, operation_of, service_of
from embedded_aws.faults.errors import error_of
from embedded_aws.faults.store import Faults

Environ = dict[str, Any]
Response = tuple[str, list[tuple[str, str]], bytes]
Forward = Callable[[Environ], Response]

#: Names the fault in a response: the error itself is exactly AWS's.
FAULT_HEADER = "X-Local-Fault"

log = logging.getLogger(__name__)


class ResponseLost(ConnectionError):
    """The response is dropped; the HTTP server takes any ConnectionError for a client that has gone."""


class FaultInjector:
    """WSGI-like middleware in front of AWS: applies the fault rules to each call."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def __call__(self, environ: Environ, forward: Forward) -> Response:
        """Answer a call: forward it to AWS, or apply the first fault that hits it."""
        if not self._faults.has_call_rules:
            return forward(environ)
        service = service_of(environ)
        operation = operation_of(environ, service, environ["wsgi.input"].getvalue())
        hit = self._faults.hit_call(service, operation)
        if hit is None:
            return forward(environ)
        number, rule = hit
        log.info("fault %s: %s %s:%s", number, rule.kind, service, operation)
        if rule.kind == "slow":
            time.sleep(rule.seconds or 0)
            return forward(environ)
        if rule.kind == "lost":
            forward(environ)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ResponseLost(f"fault {number}")
        code, message, status = error_of(rule, service)
        line, headers, body = answer_error(environ, service, code, message, status)
        return line, [*headers, (FAULT_HEADER, str(number))], body if environ["REQUEST_METHOD"] != "HEAD" else b""
