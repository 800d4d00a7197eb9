"""The shift log: a shared notebook of incidents, small enough to read and shaped for production."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from shiftlog import errors, health, logs, security, views
from shiftlog.aws import Aws
from shiftlog.config import Config, read
from shiftlog.credentials import Credentials
from shiftlog.database import mysql_engine, url_engine
from shiftlog.instance import discover
from shiftlog.services import Services
from shiftlog.sessions import LIFETIME, CacheSessions, CookieSessions, store
from shiftlog.settings import load


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """Build the application from its environment; it starts also while database and cache are away.

    Raises:
        ConfigError, AwsError: It does not know what to work with.
    """
    settings = load(environ)
    aws = Aws(settings)
    config = read(settings, aws)
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=config.session_key,
        PUBLIC_URL=config.public_url,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=LIFETIME),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=64 * 1024,
        MAX_FORM_MEMORY_SIZE=64 * 1024,
        MAX_FORM_PARTS=20,
    )
    services = Services(settings=settings, instance=discover(settings), **_connected(app, config, aws))
    app.extensions["services"] = services
    for part in (logs, security, errors, health, views):
        part.install(app)
    # One proxy stands in front, and nothing else can reach us: its word on client and scheme counts.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]
    return app


def _connected(app: Flask, config: Config, aws: Aws) -> dict[str, object]:
    """Clients for what is configured. None of them connects before it is used."""
    engine, standin, sessions = None, "", None
    if config.database_url:
        engine = url_engine(config.database_url)
        standin = "SQLite" if engine.dialect.name == "sqlite" else "A database given by hand"
    elif database := config.database:
        engine = mysql_engine(database, Credentials(lambda: database.read_login(aws)))
    if config.cache:
        sessions = CacheSessions(store(config.cache))
    app.session_interface = sessions or CookieSessions()
    return {"engine": engine, "standin": standin, "sessions": sessions}
