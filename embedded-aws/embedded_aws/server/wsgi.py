"""The front of the embedded AWS: who may come in, one call at a time, and errors in AWS's own shape."""

from __future__ import annotations

import hmac
import io
import json
import logging
from collections.abc import Callable, Iterable
from threading import RLock
from typing import Any

from embedded_aws.error_responses import answer_failure, is_no_such_operation
from embedded_aws.settings import CONTROL, TOKEN_HEADER

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]
Answer = tuple[str, list[tuple[str, str]], bytes]
Carry = Callable[[Environ], Answer]

CLOSED_WITHOUT_TOKEN = (CONTROL, "/moto-api")

log = logging.getLogger(__name__)


class Front:
    """A WSGI application around moto's.

    moto's backends are not safe for several threads: calls, and whatever else touches them,
    hold `lock`. `wrote` is called, under the lock, after each call that may have changed the account.
    `wire` is what a call passes on its way to AWS, without the lock.
    """

    def __init__(
        self,
        aws: App,
        control: Callable[[str, str, bytes], Answer],
        token: str,
        lock: RLock,
        wrote: Callable[[], None],
        wire: Callable[[Environ, Carry], Answer] = lambda environ, carry: carry(environ),
    ) -> None:
        self.lock = lock
        self._aws, self._control, self._token, self._wrote, self._wire = aws, control, token, wrote, wire

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one call."""
        status, headers, body = self._answer(environ)
        start_response(status, headers)
        return [body]

    def _answer(self, environ: Environ) -> Answer:
        refusal = refuse(environ, self._token)
        if refusal:
            return _told("403 Forbidden", refusal)
        if not _read_body(environ):  # outside the lock: a slow caller stops nobody else
            return _told("400 Bad Request", "The Content-Length is no number.")
        if environ["PATH_INFO"].startswith(CONTROL):
            name, sent = environ["PATH_INFO"].removeprefix(CONTROL), environ["wsgi.input"].getvalue()
            return self._control(environ["REQUEST_METHOD"], name, sent)
        return self._wire(environ, self._carry)

    def _carry(self, environ: Environ) -> Answer:
        with self.lock:
            answer = self._call_aws(environ)
            if may_write(environ):
                self._wrote()
        return answer

    def _call_aws(self, environ: Environ) -> Answer:
        response: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            response[:] = [status, headers]

        body_as_sent = environ["wsgi.input"].getvalue()
        try:
            body = b"".join(self._aws(environ, start_response))
            if not is_no_such_operation(response[0], response[1]):
                return response[0], response[1], body
            failure: Exception = NotImplementedError(response[0])
        except Exception as error:  # noqa: BLE001 - whatever moto raises, the caller gets an answer that it can read
            failure = error
        return answer_failure(environ, body_as_sent, failure)


def refuse(environ: Environ, token: str) -> str | None:
    """Why a request may not come in; None when it may.

    AWS clients send no Origin, and address us as 127.0.0.1 or localhost: anything else is a web page
    in the operator's browser that tries its luck with a port of this machine.
    """
    if "HTTP_ORIGIN" in environ or environ.get("HTTP_SEC_FETCH_SITE", "none") != "none":
        return "The embedded AWS does not answer web pages."
    port = environ["SERVER_PORT"]
    if environ.get("HTTP_HOST") not in {
        f"{name}{end}" for name in ("127.0.0.1", "localhost") for end in ("", f":{port}")
    }:
        return "The embedded AWS answers to 127.0.0.1 and localhost only."
    given = environ.get("HTTP_" + TOKEN_HEADER.upper().replace("-", "_"), "")
    # As bytes: of texts it compares ASCII only.
    if environ["PATH_INFO"].startswith(CLOSED_WITHOUT_TOKEN) and not hmac.compare_digest(
        given.encode(errors="replace"), token.encode()
    ):
        return f"The control door needs its token in the header {TOKEN_HEADER}."
    return None


def may_write(environ: Environ) -> bool:
    """Whether a call may have changed the account; in doubt, yes."""
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    operation = target or operation_in_form(environ)
    if operation:
        return not operation.startswith(("Describe", "Get", "List", "BatchGet", "Filter"))
    return environ["REQUEST_METHOD"] not in ("GET", "HEAD")


def operation_in_form(environ: Environ) -> str:
    """The Action of a query-protocol call, from its first hundred bytes; empty for others."""
    start = environ["wsgi.input"].getvalue()[:100] if hasattr(environ["wsgi.input"], "getvalue") else b""
    fields = dict(field.split(b"=", 1) for field in start.split(b"&") if b"=" in field)
    return fields.get(b"Action", b"").decode(errors="replace")


def _told(status: str, message: str) -> Answer:
    return status, [("Content-Type", "application/json")], json.dumps({"message": message}).encode()


def _read_body(environ: Environ) -> bool:
    """Have the whole body in memory; False where the caller does not say how long it is."""
    # A chunked body ends by itself; any other has the length it names.
    chunked = environ.pop("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
    length = environ.get("CONTENT_LENGTH") or "0"
    if not chunked and not (length.isascii() and length.isdecimal()):
        return False
    body = environ["wsgi.input"].read() if chunked else environ["wsgi.input"].read(int(length))
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    environ.pop("wsgi.input_terminated", None)
    return True
