"""Tells Alembic which connection to use: the one that shiftlog.schema holds."""

from alembic import context
from shiftlog.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
