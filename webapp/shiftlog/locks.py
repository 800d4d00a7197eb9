"""A lock that all instances share: held in the database, so that it ends with whoever held it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine


@contextmanager
def lock(engine: Engine, name: str, seconds: int) -> Iterator[None]:
    """Wait until no other instance holds ``name``.

    Raises:
        TimeoutError: Another one held it all the time.
    """
    holding = _named(engine, name, seconds) if engine.dialect.name == "mysql" else _beside(engine)
    with holding:
        yield


@contextmanager
def _named(engine: Engine, name: str, seconds: int) -> Iterator[None]:
    """MySQL's own user-level lock: the server frees it when the connection ends, however it ends."""
    with engine.connect() as connection:
        if connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (name, seconds)).scalar() != 1:
            raise TimeoutError(f"another instance has held the lock {name!r} for {seconds} seconds")
        try:
            yield
        finally:
            connection.exec_driver_sql("DO RELEASE_LOCK(%s)", (name,))


@contextmanager
def _beside(engine: Engine) -> Iterator[None]:
    """SQLite is a file of this machine: a lock file beside it does."""
    path = Path(f"{engine.url.database or '/tmp/webapp'}.lock")
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
