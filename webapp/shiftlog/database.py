"""The way to the database: TLS, a small pool, fresh credentials after a rotation, and what counts as 'lost'."""

from __future__ import annotations

import ssl
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shiftlog.aws import AwsError
from shiftlog.config import MySQL
from shiftlog.credentials import Credentials

ACCESS_DENIED = 1045
#: MySQL's and MariaDB's codes for 'not now': too many connections, shutting down, unreachable, connection lost,
#: killed, locked for too long, deadlock, read-only after a failover.
NOT_NOW = {1040, 1045, 1053, 1129, 1205, 1213, 1290, 1836, 1927, 2002, 2003, 2006, 2013, 2014, 3100, 4031}

#: What a lost database can raise; `is_lost` tells it from a mistake of ours.
LOSSES = (DBAPIError, PoolTimeout, AwsError)


def mysql_engine(config: MySQL, credentials: Credentials, *, name: str | None = None, read_timeout: int = 10) -> Engine:
    """An engine that asks ``credentials`` at each connect; ``name=""`` connects to no database in particular."""
    connect_args: dict[str, Any] = {"charset": "utf8mb4", "connect_timeout": 3, "read_timeout": read_timeout}
    if config.tls:
        connect_args["ssl"] = trust(config.tls_ca)
    address = make_url("mysql+pymysql://").set(
        host=config.host, port=config.port, database=config.name if name is None else name
    )
    engine = create_engine(
        address, connect_args=connect_args, hide_parameters=True,
        pool_size=4, max_overflow=8, pool_timeout=5, pool_pre_ping=True, pool_recycle=300,
    )  # fmt: skip
    _log_in_with(engine, credentials)
    return engine


def url_engine(url: str) -> Engine:
    """Development's stand-in for the configured database."""
    return create_engine(url, hide_parameters=True, pool_pre_ping=True)


def trust(ca: str = "") -> ssl.SSLContext:
    """Certificates and host names are always checked, strictly: against ``ca`` alone, or the system's roots."""
    context = ssl.create_default_context(cafile=ca or None)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # what RFC 5280 asks for; Python's default only from 3.13
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _log_in_with(engine: Engine, credentials: Credentials) -> None:
    """Any refused login reads the secret again: RDS rotates passwords while we run."""

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, args: list[Any], given: dict[str, Any]) -> Any:
        return credentials.connect(
            lambda login: dialect.connect(*args, **{**given, "user": login.username, "password": login.password}),
            lambda error: error.args[:1] == (ACCESS_DENIED,),
        )


def is_lost(error: Exception) -> bool:
    """Whether the database is away for now, so that trying again later makes sense."""
    if isinstance(error, PoolTimeout | AwsError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return code in NOT_NOW or (isinstance(error, OperationalError) and not isinstance(code, int))
