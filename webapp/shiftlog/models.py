"""The tables, as the code of this revision knows them."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import DateTime, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

AUTHOR, TITLE, BODY = 40, 120, 4000  # longest, in characters


class Severity(StrEnum):
    """How bad it is."""

    NOTE = "note"
    WARNING = "warning"
    INCIDENT = "incident"
    RESOLVED = "resolved"


class Base(DeclarativeBase):
    """All tables of the application."""


class Entry(Base):
    """What somebody wrote into the log."""

    __tablename__ = "entries"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    author: Mapped[str] = mapped_column(String(AUTHOR))
    severity: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(TITLE))
    body: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime] = mapped_column(DateTime, default=lambda: datetime.now(UTC).replace(tzinfo=None))
