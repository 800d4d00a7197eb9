"""Who is signed in: in a signed cookie, or in Valkey or Redis where that is configured."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import ssl
import time
from typing import Any

import redis
from flask import Flask, Request, Response
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from werkzeug.datastructures import CallbackDict

from shiftlog import errors
from shiftlog.config import Cache
from shiftlog.security import is_secure, prefixed

LIFETIME = 12 * 3600  # seconds: one shift
COOL_DOWN = 2.0  # seconds in which a store that just failed is not asked again, so that pages stay quick

log = logging.getLogger("shiftlog.sessions")


def store(config: Cache) -> redis.Redis:
    """A client with short time-outs, which tries a second time at most: a page must not hang on its session.

    The second time is for a connection that the store has closed meanwhile.
    """
    options: dict[str, Any] = {}
    if config.tls:
        options = {
            "ssl": True, "ssl_ca_certs": config.tls_ca or None, "ssl_include_verify_flags": [ssl.VERIFY_X509_STRICT],
        }  # fmt: skip
    return redis.Redis(
        host=config.host, port=config.port, socket_timeout=1.0, socket_connect_timeout=1.0,
        health_check_interval=15, retry=Retry(NoBackoff(), 1), **options,
    )  # fmt: skip


class CookieSessions(SecureCookieSessionInterface):
    """Flask's signed cookie, for this host alone and over HTTPS alone."""

    def get_cookie_name(self, app: Flask) -> str:
        """The prefix makes browsers refuse the cookie from anywhere else."""
        return prefixed("session")

    def get_cookie_secure(self, app: Flask) -> bool:
        """Plain HTTP is for development."""
        return is_secure()


class CacheSession(CallbackDict[str, Any], SessionMixin):
    """A session kept on the server. ``unavailable`` is true when the store could not be asked."""

    def __init__(self, key: str, initial: dict[str, Any], *, new: bool = False, unavailable: bool = False) -> None:
        super().__init__(initial, lambda _: setattr(self, "modified", True))
        self.key, self.new, self.unavailable, self.modified = key, new, unavailable, False


class CacheSessions(SessionInterface):
    """Sessions that every instance sees: signing in survives the loss of the instance that did it."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._resting_until = 0.0

    get_cookie_name = CookieSessions.get_cookie_name
    get_cookie_secure = CookieSessions.get_cookie_secure

    def open_session(self, app: Flask, request: Request) -> CacheSession:
        """The stored session of the cookie; an empty one, marked, while the store is lost."""
        key = request.cookies.get(self.get_cookie_name(app), "")
        if not key:
            return CacheSession(secrets.token_urlsafe(32), {}, new=True)
        try:
            found = self._ask("get", _name(key))
        except RedisError:
            return CacheSession(key, {}, unavailable=True)
        stored = _object(found) if found is not None else None
        if stored is None:  # also an id that we never gave out: it must not become one
            return CacheSession(secrets.token_urlsafe(32), {}, new=True)
        return CacheSession(key, stored)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write what changed. An id is new after each sign-in, so that one planted before is worth nothing."""
        response.vary.add("Cookie")
        if not isinstance(session, CacheSession) or not session.modified or session.unavailable:
            return
        try:
            key = self._write(session)
        except RedisError:
            _replace(response, errors.sessions_lost())
            return
        age = LIFETIME if key else 0
        response.set_cookie(
            self.get_cookie_name(app), key, max_age=age, secure=is_secure(), httponly=True, samesite="Lax", path="/"
        )

    def ready(self) -> None:
        """Raises RedisError when the store does not answer, even while it rests."""
        self._client.ping()

    def _write(self, session: CacheSession) -> str:
        """The session's new id, or nothing where nothing is left of it."""
        self._ask("delete", _name(session.key))
        if not session:
            return ""
        key = secrets.token_urlsafe(32)
        self._ask("set", _name(key), json.dumps(dict(session)), ex=LIFETIME)
        return key

    def _ask(self, command: str, *args: Any, **options: Any) -> Any:
        """One command; after a failure the store rests for a moment, and questions fail at once."""
        if time.monotonic() < self._resting_until:
            raise redis.exceptions.ConnectionError("the session store failed just now")
        try:
            return getattr(self._client, command)(*args, **options)
        except RedisError as error:
            self._resting_until = time.monotonic() + COOL_DOWN
            log.warning("the session store is lost: %s", type(error).__name__)
            raise


def _object(text: bytes) -> dict[str, Any] | None:
    """Nothing where it is no session of ours, whoever wrote it: signing in again makes one."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _replace(response: Response, by: Response) -> None:
    """Flask saves a session when its answer is made: too late to raise, not to say something else."""
    response.status_code = by.status_code
    response.set_data(by.get_data())
    response.headers.pop("Location", None)
    response.headers["Retry-After"] = by.headers["Retry-After"]


def _name(key: str) -> str:
    """Whoever reads the store learns no session id."""
    return "session:" + hashlib.sha256(key.encode()).hexdigest()
