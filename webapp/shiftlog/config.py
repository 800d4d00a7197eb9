"""What the application works with: database, cache, session key and public address, from one SSM parameter."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shiftlog.aws import Aws
from shiftlog.settings import Settings


class ConfigError(Exception):
    """The configuration lacks something: the message says what and where."""


@dataclass(frozen=True)
class MySQL:
    """The database: where it is, and which secrets open it."""

    host: str
    port: int
    name: str
    app_secret: str
    tls: bool = True
    tls_ca: str = ""
    user: str = ""

    def read_login(self, aws: Aws) -> dict[str, Any]:
        """User and password as they are now."""
        login = aws.secret(self.app_secret)
        return {**login, "username": self.user} if self.user else login


@dataclass(frozen=True)
class Cache:
    """Valkey or Redis."""

    host: str
    port: int = 6379
    tls: bool = True
    tls_ca: str = ""


@dataclass(frozen=True)
class Config:
    """``database_url`` stands in for ``database``, for development; with neither, pages say that there is none."""

    session_key: str = field(repr=False)
    database: MySQL | None = None
    database_url: str = field(default="", repr=False)
    cache: Cache | None = None
    public_url: str = ""


def read(settings: Settings, aws: Aws) -> Config:
    """Read the parameter that the settings name, and the session secret that it names.

    Raises:
        ConfigError: Something is missing.
        AwsError: AWS does not have it, or does not let us.
    """
    if not settings.config:
        return Config(settings.session_key or secrets.token_hex(32), database_url=settings.database_url)
    said = aws.parameter(settings.config)
    key = str(_needed(aws.secret(str(_needed(said, "session_secret", settings.config))), "key", "the session secret"))
    if len(key) < 16:
        raise ConfigError("the key in the session secret is too short: it takes at least 16 characters")
    return Config(
        session_key=key,
        database=None
        if settings.database_url
        else _mysql(said.get("database"), f"{settings.config} database", settings.database_ca),
        database_url=settings.database_url,
        cache=_cache(said.get("cache"), f"{settings.config} cache"),
        public_url=said.get("public_url") or "",
    )


def _mysql(said: Mapping[str, Any] | None, where: str, ca: str) -> MySQL | None:
    if not said:
        return None
    return MySQL(
        host=_needed(said, "host", where),
        port=int(said.get("port") or 3306),
        name=_needed(said, "name", where),
        app_secret=_needed(said, "app_secret", where),
        tls=bool(said.get("tls", True)),
        tls_ca=said.get("tls_ca") or ca,
        user=said.get("user") or "",
    )


def _cache(said: Mapping[str, Any] | None, where: str) -> Cache | None:
    if not said:
        return None
    tls, tls_ca = bool(said.get("tls", True)), said.get("tls_ca") or ""
    return Cache(host=_needed(said, "host", where), port=int(said.get("port") or 6379), tls=tls, tls_ca=tls_ca)


def _needed(said: Mapping[str, Any], name: str, where: str) -> Any:
    if not said.get(name):
        raise ConfigError(f"{where} has no {name!r}")
    return said[name]
