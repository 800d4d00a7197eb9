"""What machines ask: /healthz (the process is up), /readyz (all behind it works), /version (which revision it is)."""

from __future__ import annotations

from typing import Any

from flask import Flask
from redis.exceptions import RedisError

from shiftlog.database import LOSSES
from shiftlog.schema import Standing, standing
from shiftlog.services import Services, services

Part = dict[str, Any]


def install(app: Flask) -> None:
    """Three addresses that answer JSON."""
    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/readyz", view_func=readyz)
    app.add_url_rule("/version", view_func=version)


def healthz() -> Part:
    """Asks nothing: a target group that saw a lost database here would replace every healthy instance."""
    return {"ok": True}


def readyz() -> tuple[Part, int]:
    """Each part with its state; 503 when one is not well. No details: anybody may ask."""
    parts = {**_database(services()), "cache": _cache(services())}
    ready = all(part["ok"] for part in parts.values())
    return {"ready": ready, "parts": parts}, 200 if ready else 503


def version() -> Part:
    """The digest of the bundle's content, and the commit where the builder told it."""
    settings = services().settings
    return {"revision": settings.revision, "commit": settings.commit or None}


def _database(behind: Services) -> dict[str, Part]:
    if behind.engine is None:
        none = {"ok": True, "state": "not configured"}
        return {"database": none, "migrations": none}
    try:
        with behind.engine.connect() as connection:
            found = standing(connection)
    except LOSSES:
        return {"database": {"ok": False, "state": "unreachable"}, "migrations": {"ok": False, "state": "unknown"}}
    migrations = {"ok": found is not Standing.BEHIND, "state": found.value}
    return {"database": {"ok": True, "state": "answers"}, "migrations": migrations}


def _cache(behind: Services) -> Part:
    if behind.sessions is None:
        return {"ok": True, "state": "not configured"}
    try:
        behind.sessions.ready()
    except RedisError:
        return {"ok": False, "state": "unreachable"}
    return {"ok": True, "state": "answers"}
