"""A small application to begin with: it says who answers, and whether its database can be reached.

Python's standard library only, and nothing is written. Replace it with yours; the Procfile says how it is started.
"""

import http.server
import json
import os
import socket
import urllib.parse

GREETING = "everybody may read"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers `/healthz`, `/version`, `/readyz`, and a page that names the server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answer."""
        where, scheme = os.environ, os.environ.get("DATABASE_URL", "").partition(":")[0]
        if self.path == "/healthz":
            self.answer(200, "ok")
        elif self.path == "/version":
            self.answer(200, json.dumps({"revision": where["REVISION"]}))
        elif self.path == "/readyz":
            reached = can_reach_database(where.get("DATABASE_URL", ""))
            self.answer(200 if reached else 503, json.dumps({"database": reached}))
        elif self.path == "/":
            self.answer(200, f"Served by {where['INSTANCE_ID']} in {where['ZONE']}: {GREETING}. Database: {scheme}.")
        else:
            self.answer(404, "not found")

    def answer(self, status, text):
        """Send a text."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Log nothing."""


def can_reach_database(url):
    """Whether a server greets at the database's address, as MySQL does before anything is sent."""
    parts = urllib.parse.urlsplit(url)
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=2) as connection:
            return connection.recv(1) != b""
    except OSError:
        return False


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
