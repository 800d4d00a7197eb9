"""One JSON object a line on standard output, each with the id of the request that it belongs to."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, has_request_context, request

#: What a trace id may look like: a log line must not be forged through a header.
SAFE_ID = re.compile(r"[A-Za-z0-9=;:._/+-]{1,128}")

#: Gunicorn's own words on a request, up to what they quote of it.
QUOTES = re.compile(r"((?:Invalid|Error handling) request [^'\"?]*)['\"?].*", re.DOTALL)

log = logging.getLogger("shiftlog")


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON; extras given as ``extra={"fields": {...}}`` become keys of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **getattr(record, "fields", {}),
        }
        if has_request_context() and "request_id" in g:
            line["request_id"] = g.request_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _message(record: logging.LogRecord) -> str:
    """Without what gunicorn quotes of a request that it refuses or fails: queries and headers are people's own."""
    message = record.getMessage()
    return QUOTES.sub(r"\1...", message) if record.name == "gunicorn.error" else message


def logging_config() -> dict[str, Any]:
    """For gunicorn and for ``python -m``: everything goes to standard output, gunicorn's own words included."""
    quiet = {"level": "WARNING", "handlers": ["out"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "shiftlog.logs.JsonFormatter"}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
        "root": {"level": "INFO", "handlers": ["out"]},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["out"], "propagate": False},
            "gunicorn.access": quiet,
            "botocore": quiet,
            "alembic": quiet,
        },
    }


def request_id() -> str:
    """The load balancer's id for this request, or another proxy's, or a new one."""
    for header in ("X-Amzn-Trace-Id", "X-Request-Id"):
        given = request.headers.get(header, "")
        if SAFE_ID.fullmatch(given):
            return given
    return uuid.uuid4().hex


def install(app: Flask) -> None:
    """Give each request its id, and a line in the log once it is answered."""

    @app.before_request
    def begin() -> None:
        g.request_id, g.began = request_id(), time.monotonic()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        quiet = request.path == "/healthz" and response.status_code < 400
        log.log(logging.DEBUG if quiet else logging.INFO, "request", extra={"fields": _facts(response)})
        return response


def _facts(response: Response) -> dict[str, Any]:
    """No query string: what people search for is nobody else's business."""
    return {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "milliseconds": round((time.monotonic() - g.began) * 1000, 1),
        "client": request.remote_addr,
    }
