"""A tiny application for a target to be: `python -m load_balancer.app NAME` says its port and serves.

What a path does:
    /healthz        answers with the status of its health
    /status/N       answers with status N
    /big/N          N bytes, of unknown length
    /drip           answers with `first`, and with `last` when it is let go
    /fields         header fields that come back as they are
    /lost           the connection is closed without an answer
    /half           ... in the middle of one
    /socket         a WebSocket that sends back every byte that arrives
    /refused        an answer to a WebSocket's request that is none
    /slow           waits until it is let go before it reads its body, and then tells only its length
    /wait           answers when it is let go, by `release`
    anything else   tells what has arrived
"""

from __future__ import annotations

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


class App:
    """One application on a port of its own, from `start` to `stop`."""

    def __init__(self, name):
        self.name, self.health, self.asked = name, 200, []
        self.entered, self.release, self.connections = Event(), Event(), []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"app": self}))
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # a load balancer hangs up on purpose
        self.port = self.http.server_port
        self._thread = Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self.release.set()
        self.http.shutdown()
        self.http.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits for 40 ms
    app: App

    def do_GET(self):
        first, _, rest = self.path.strip("/").partition("/")
        if first == "slow":
            return self._slow()
        body = self._body()
        if first == "healthz":
            self.app.asked.append(dict(self.headers))
            return self._answer(self.app.health, b"")
        deed = getattr(self, f"_{first}", None)
        return deed(rest) if deed else self._answer(200, self._told(body))

    do_POST = do_HEAD = do_PUT = do_GET  # noqa: N815 - the library's names

    def log_message(self, *arguments):
        """Log nothing."""

    def _body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _told(self, body):
        told = {"app": self.app.name, "method": self.command, "path": self.path, "headers": self.headers.items()}
        return json.dumps({**told, "length": len(body), "digest": hashlib.sha256(body).hexdigest()}).encode()

    def _answer(self, status, body, **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _status(self, status):
        self._answer(int(status), b"" if status in ("204", "304") else b"as asked")

    def _big(self, size):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        left, block = int(size), b"x" * 65_536
        while left:
            part = block[:left]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            left -= len(part)
        self.wfile.write(b"0\r\n\r\n")

    def _drip(self, _):
        self.send_response(200)
        self.send_header("Content-Length", "9")
        self.end_headers()
        self.wfile.write(b"first")
        self.app.release.wait(30)
        self.wfile.write(b"last")

    def _fields(self, _):
        self.send_response(200)
        for value in ("a=1; Secure", "b=2"):
            self.send_header("Set-Cookie", value)
        self.send_header("Keep-Alive", "timeout=5")
        self.send_header("Strict-Transport-Security", "max-age=31536000")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"\x1f\x8b\x00\x00")

    def _lost(self, _):
        self.app.asked.append("lost")
        self.close_connection = True

    def _half(self, _):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half")
        self.close_connection = True

    def _socket(self, _):
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "websocket")
        self.send_header("X-Told", json.dumps(dict(self.headers)))
        self.end_headers()
        self.close_connection = True
        self.app.connections.append(self.connection)
        self.wfile.write(b"hello")
        while data := self.rfile.read1(65_536):
            if data == b"bye":
                return
            self.wfile.write(data)

    def _refused(self, _):
        self._answer(403, b"no")

    def _slow(self):
        self.app.entered.set()
        self.app.release.wait(30)
        left = length = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 65_536)))
        self._answer(200, str(length).encode())

    def _wait(self, _):
        self.app.entered.set()
        self.app.release.wait(30)
        self._answer(200, self.app.name.encode())


if __name__ == "__main__":
    app = App(sys.argv[1])
    print(app.port, flush=True)  # noqa: T201 - whoever started it reads this
    app.http.serve_forever()
