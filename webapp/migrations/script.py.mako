"""${message}."""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Forwards only, and so that the revision before still works: add first, remove one deployment later.

    Each step bears repetition: MySQL commits it at once, so whoever is killed before the version is noted leaves it
    done. Tables take if_not_exists=True, with their indexes inside; MySQL knows no such words for a column or an
    index on its own, so ask sa.inspect(op.get_bind()) whether it is there.
    """
    ${upgrades if upgrades else "pass"}
