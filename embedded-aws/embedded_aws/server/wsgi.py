"""The WSGI application: checks who calls, lets one call at a time into moto, and returns errors in AWS's format."""

from __future__ import annotations

import hmac
import io
import json
import logging
from collections.abc import Callable, Iterable
from threading import RLock
from typing import Any
from uuid import uuid4

from embedded_aws.account import backends
from embedded_aws.error_responses import answer_failure, is_no_such_operation
from embedded_aws.settings import ACCOUNT, CONTROL, TOKEN_HEADER

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]
Response = tuple[str, list[tuple[str, str]], bytes]
Forward = Callable[[Environ], Response]

CLOSED_WITHOUT_TOKEN = (CONTROL, "/moto-api")

log = logging.getLogger(__name__)


class WsgiApp:
    """A WSGI application around moto's.

    Args:
        lock: Guards moto's backends, which are not thread-safe: whoever uses them holds it.
        on_change: Called with the lock held after each call that may have changed the account.
        middleware: Gets each AWS call, and the function that forwards it to moto; called without the lock.
        record: Called with the lock held, with each call that may have changed the account, and its answer.
        account_of: Called with the lock held; returns the account that a call is for.
    """

    def __init__(
        self,
        aws: App,
        control: Callable[[str, str, bytes], Response],
        token: str,
        lock: RLock,
        on_change: Callable[[], None],
        middleware: Callable[[Environ, Forward], Response] = lambda environ, forward: forward(environ),
        record: Callable[[Environ, bytes], None] = lambda environ, body: None,
        account_of: Callable[[Environ], str] = lambda environ: ACCOUNT,
    ) -> None:
        self.lock, self._account_of = lock, account_of
        self._aws, self._control, self._token = aws, control, token
        self._on_change, self._middleware, self._record = on_change, middleware, record

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one call."""
        status, headers, body = self._answer(environ)
        start_response(status, headers)
        return [body]

    def _answer(self, environ: Environ) -> Response:
        if reason := rejection_reason(environ, self._token):
            return _respond("403 Forbidden", reason)
        if not _read_body(environ):  # without the lock: a slow caller blocks nobody else
            return _respond("400 Bad Request", "The Content-Length is not a number.")
        if environ["PATH_INFO"].startswith(CONTROL):
            name, body = environ["PATH_INFO"].removeprefix(CONTROL), environ["wsgi.input"].getvalue()
            return self._control(environ["REQUEST_METHOD"], name, body)
        with self.lock:
            account = self._account_of(environ)
        with backends.in_account(account):
            return self._middleware(environ, self._forward)

    def _forward(self, environ: Environ) -> Response:
        with self.lock:
            response = self._call_aws(environ)
            if may_write(environ):
                self._on_change()
                if response[0].startswith("2"):
                    self._record(environ, response[2])
        return response

    def _call_aws(self, environ: Environ) -> Response:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            started[:] = [status, headers]

        body_as_sent = environ["wsgi.input"].getvalue()
        try:
            body = b"".join(self._aws(environ, start_response))
            if not is_no_such_operation(environ["REQUEST_METHOD"], started[0], started[1]):
                return started[0], *_with_request_id(started[1], body)
            failure: Exception = NotImplementedError(started[0])
        except Exception as error:  # noqa: BLE001 - whatever moto raises, the caller gets an error that it can parse
            failure = error
        return answer_failure(environ, body_as_sent, failure)


def _with_request_id(headers: list[tuple[str, str]], body: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Give a response of EC2 an id of its own, a UUID: moto writes the word "request-id" into all of them.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/making-api-requests.html
    """
    placeholder = b"<requestId>request-id</requestId>"
    if placeholder not in body:
        return headers, body
    body = body.replace(placeholder, f"<requestId>{uuid4()}</requestId>".encode(), 1)
    others = [(name, value) for name, value in headers if name.lower() != "content-length"]
    return [*others, ("Content-Length", str(len(body)))], body


def rejection_reason(environ: Environ, token: str) -> str | None:
    """Return why a request is rejected; None when it is accepted.

    AWS clients send no Origin, and use the host 127.0.0.1 or localhost: anything else may be a web page in the
    operator's browser that attacks local ports.
    """
    if "HTTP_ORIGIN" in environ or environ.get("HTTP_SEC_FETCH_SITE", "none") != "none":
        return "The embedded AWS does not answer web pages."
    port = environ["SERVER_PORT"]
    if environ.get("HTTP_HOST") not in {
        f"{name}{end}" for name in ("127.0.0.1", "localhost") for end in ("", f":{port}")
    }:
        return "The embedded AWS answers to 127.0.0.1 and localhost only."
    sent_token = environ.get("HTTP_" + TOKEN_HEADER.upper().replace("-", "_"), "")
    # As bytes: it compares only ASCII strings.
    if environ["PATH_INFO"].startswith(CLOSED_WITHOUT_TOKEN) and not hmac.compare_digest(
        sent_token.encode(errors="replace"), token.encode()
    ):
        return f"The control API needs its token in the header {TOKEN_HEADER}."
    return None


def may_write(environ: Environ) -> bool:
    """Whether a call may have changed the account; when unclear, True."""
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    operation = target or operation_in_form(environ)
    if operation:
        return not operation.startswith(("Describe", "Get", "List", "BatchGet", "Filter"))
    return environ["REQUEST_METHOD"] not in ("GET", "HEAD")


def operation_in_form(environ: Environ) -> str:
    """Return the Action of a query-protocol call, from its first hundred bytes; empty for other protocols."""
    start = environ["wsgi.input"].getvalue()[:100] if hasattr(environ["wsgi.input"], "getvalue") else b""
    fields = dict(field.split(b"=", 1) for field in start.split(b"&") if b"=" in field)
    return fields.get(b"Action", b"").decode(errors="replace")


def _respond(status: str, message: str) -> Response:
    return status, [("Content-Type", "application/json")], json.dumps({"message": message}).encode()


def _read_body(environ: Environ) -> bool:
    """Read the whole body into memory; False where its length is not known."""
    # A chunked body marks its own end.
    chunked = environ.pop("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
    length = environ.get("CONTENT_LENGTH") or "0"
    if not chunked and not (length.isascii() and length.isdecimal()):
        return False
    body = environ["wsgi.input"].read() if chunked else environ["wsgi.input"].read(int(length))
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    environ.pop("wsgi.input_terminated", None)
    return True
