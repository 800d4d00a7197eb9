"""What a request works with: the instance it runs on, the database, and the store of the sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import current_app
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shiftlog.errors import NoDatabase
from shiftlog.instance import Instance
from shiftlog.settings import Settings

if TYPE_CHECKING:
    from shiftlog.sessions import CacheSessions


@dataclass(frozen=True)
class Services:
    """One per application. ``standin`` names what takes the configured database's place, for development."""

    settings: Settings
    instance: Instance
    engine: Engine | None = None
    standin: str = ""
    sessions: CacheSessions | None = None

    def database(self) -> Session:
        """A session for a ``with`` block.

        Raises:
            NoDatabase: None is configured.
        """
        if self.engine is None:
            raise NoDatabase
        return Session(self.engine, expire_on_commit=False)

    @property
    def notice(self) -> str:
        """What every page says, where things are not as in production."""
        if self.engine is None:
            return "No database is configured: nothing can be written or read here."
        return f"{self.standin} is used instead of MySQL." if self.standin else ""


def services() -> Services:
    """Those of the running application."""
    return cast("Services", current_app.extensions["services"])
