"""What a visitor sees when something is wrong: what it is, what to do, and the id to ask about."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, make_response, render_template, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from shiftlog.database import LOSSES, is_lost

RETRY_AFTER = 5  # seconds
WORDS = {
    400: ("This request is not valid", "Go back and try again."),
    403: ("That is not allowed", "Go back and load the page again."),
    404: ("There is no such page", "The entry may have been deleted. The log is still there."),
    405: ("This page does not support that", "Go back to the log."),
    413: ("That is too long", "An entry can have up to 4000 characters. Shorten it and try again."),
    500: ("Something went wrong on our side", "The error is logged. Try again; if it stays, report the id below."),
}
log = logging.getLogger("shiftlog")


class NoDatabase(Exception):
    """Something needs a database, and none is configured."""


def page(status: int, title: str, advice: str) -> Response:
    """An error page; for 503 with the time after which to try again."""
    again = status == 503 and request.method == "GET"
    body = render_template("error.html", title=title, advice=advice, again=again, request_id=g.get("request_id", ""))
    response = make_response(body, status)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def database_lost() -> Response:
    """The page for the time without a database."""
    return page(503, "The log cannot be reached just now", "Its database does not answer. Entries that were saved "
                "are safe. Load this page again in a moment.")  # fmt: skip


def sessions_lost() -> Response:
    """The page for what needs a session while there is no store of sessions."""
    return page(503, "Signing in does not work just now", "The session store does not answer. "
                "The log can still be read. Try again in a moment.")  # fmt: skip


def install(app: Flask) -> None:
    """A page for each kind of failure; nothing of the inside is shown."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(NoDatabase, lambda _: page(503, "There is no database", "None is configured here."))
    app.register_error_handler(RedisError, lambda _: sessions_lost())
    for kind in LOSSES:
        app.register_error_handler(kind, _database)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    title, advice = WORDS.get(status, (error.name, "Go back to the log."))
    if status == 403 and error.description and "form" in error.description:
        advice = error.description
    response = page(status, title, advice)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _database(error: Exception) -> Response:
    if is_lost(error):
        log.warning("the database is lost: %s", getattr(error, "orig", None) or error)
        return database_lost()
    log.error("the database refused", exc_info=error)
    return page(500, *WORDS[500])
