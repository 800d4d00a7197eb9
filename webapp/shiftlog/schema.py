"""The database's schema: bring it to this revision, and tell how it stands to it."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from shiftlog.settings import BUNDLE


class Standing(StrEnum):
    """The database's schema, seen from this revision."""

    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"  # a later revision is being deployed, or was rolled back: ours must work with it all the same


def standing(connection: Connection) -> Standing:
    """Compare the database's version with the migrations that this revision knows."""
    at = MigrationContext.configure(connection).get_current_revision()
    head, known = _versions()
    if at == head:
        return Standing.CURRENT
    return Standing.BEHIND if at is None or at in known else Standing.AHEAD


def migrate(engine: Engine) -> str:
    """Apply what is missing; never go back. Returns what was done, in words."""
    with engine.begin() as connection:
        found = standing(connection)
        if found is not Standing.BEHIND:
            return f"the schema is {found}: nothing to migrate"
        before = MigrationContext.configure(connection).get_current_revision()
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return f"the schema went from {before or 'nothing'} to {_versions()[0]}"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(BUNDLE / "migrations").replace("%", "%%"))
    return config


@cache
def _versions() -> tuple[str | None, frozenset[str]]:
    """The newest migration, and all of them."""
    scripts = ScriptDirectory.from_config(_config())
    return scripts.get_current_head(), frozenset(script.revision for script in scripts.walk_revisions())
