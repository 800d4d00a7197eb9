"""Calls spoiled on their way in or out, outside of the account's lock: a slow call stops no other."""

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
Answer = tuple[str, list[tuple[str, str]], bytes]
Carry = Callable[[Environ], Answer]

#: Says in an answer which fault it is of: the error itself is AWS's, word for word.
FAULT_HEADER = "X-Local-Fault"

log = logging.getLogger(__name__)


class AnswerLost(ConnectionError):
    """There is no answer; the HTTP server takes any ConnectionError for a client that has gone."""


class Wire:
    """Stands between the front and AWS: does to each call what the rules say."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def __call__(self, environ: Environ, carry: Carry) -> Answer:
        """Answer a call, by having it carried to AWS or in another way."""
        if not self._faults.of_calls:
            return carry(environ)
        service = service_of(environ)
        operation = operation_of(environ, service, environ["wsgi.input"].getvalue())
        struck = self._faults.call(service, operation)
        if struck is None:
            return carry(environ)
        number, rule = struck
        log.info("fault %s: %s %s:%s", number, rule.kind, service, operation)
        if rule.kind == "slow":
            time.sleep(rule.seconds or 0)
            return carry(environ)
        if rule.kind == "lost":
            carry(environ)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise AnswerLost(f"fault {number}")
        code, message, status = error_of(rule, service)
        line, headers, body = answer_error(environ, service, code, message, status)
        return line, [*headers, (FAULT_HEADER, str(number))], body if environ["REQUEST_METHOD"] != "HEAD" else b""
