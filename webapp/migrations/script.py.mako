"""${message}."""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Forwards only, and so that the revision before still works: add first, remove one deployment later."""
    ${upgrades if upgrades else "pass"}
