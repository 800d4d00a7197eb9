"""A client's connection: its requests, one after the other."""

from __future__ import annotations

import logging
from typing import Any

from moto.server import MotoRequestHandler

WITHOUT_BODY = {"204", "304"}

log = logging.getLogger(__name__)


class RequestHandler(MotoRequestHandler):  # type: ignore[misc]
    """Keeps the connection open for the next request, as AWS does; werkzeug would close it after each.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-smart-config-defaults.html (clients reuse connections)
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # the head and the body of a response leave together

    def run_wsgi(self) -> None:
        """Answer one request; each response has its length, so its end is known on an open connection."""
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ = self.make_environ()
        sent = environ["wsgi.input"]
        head: list[Any] = ["500 Internal Server Error", []]

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            head[:] = [status, headers]

        try:
            body = b"".join(self.server.app(environ, start_response))
        except ConnectionError:
            raise  # a response that is lost on purpose, or a client that has gone
        except Exception:
            log.exception("%s %s failed", self.command, self.path)
            body = b""
        code, _, reason = head[0].partition(" ")
        self.send_response(int(code), reason)
        has_body = self.command != "HEAD" and code not in WITHOUT_BODY
        for name, value in head[1]:
            if not has_body or name.lower() != "content-length":
                self.send_header(name, value)
        if has_body:
            self.send_header("Content-Length", str(len(body)))
        if environ["wsgi.input"] is sent:
            self.send_header("Connection", "close")  # nobody has read the body: it would be taken for a request
        self.end_headers()
        if has_body:
            self.wfile.write(body)
        self.wfile.flush()

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Log server errors only: polling would fill the disk."""
        if str(code).startswith("5"):
            super().log_request(code, size)
