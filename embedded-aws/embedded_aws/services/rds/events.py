"""Events of databases with any message; moto has a fixed list."""

from __future__ import annotations

from typing import Any


def record_event(database: Any, message: str, category: str) -> None:
    """Record an event of a database.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
    """
    database.add_event("DB_INSTANCE_CREATE")
    event = database.backend.events[-1]
    event.message, event.event_categories = message, [category]
