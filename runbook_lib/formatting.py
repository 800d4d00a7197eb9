"""Numbers, durations, times and values as text."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any


def elapsed(seconds: float) -> str:
    """``4.2 s``, ``2 min 05 s``."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def pluralize(of: int, what: str) -> str:
    """``1 change``, ``2 changes``."""
    return f"{of} {what}" if of == 1 else f"{of} {what}s"


def format_time(at: str) -> str:
    """A time as people write it; what is none is shown as it is."""
    try:
        return f"{datetime.fromisoformat(at):%Y-%m-%d at %H:%M:%S} UTC"
    except ValueError:
        return at


def one_line(text: str) -> str:
    """A text from elsewhere as one line: a terminal, or a reader, takes none of it for something else.

    Line breaks and tabs become spaces; other control characters, and those that turn the direction of writing, are
    shown as their escapes.
    """
    return "".join(character if character.isprintable() else _visible(character) for character in text)


def _visible(character: str) -> str:
    return " " if character.isspace() else character.encode("unicode_escape").decode()


FIELD_LABELS = {
    "kept": "has_value",
    "least": "min_size",
    "most": "max_size",
    "strangers": "other_rules",
}
"""What is shown for fields that AWS, or a reader, calls otherwise.  Plans, journals and tables of the evidence keep the
field's own name: fingerprints and approvals depend on it."""


def label_field(name: str) -> str:
    """The name of a resource's field, for a reader: as AWS names it."""
    return FIELD_LABELS.get(name, name)


def format_whole(value: Any) -> str:
    """One value on one line, as YAML writes it: a text as it is, ``true``, ``false``, ``null``, a list as JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def format_value(value: Any) -> str:
    """The same, cut after 160 characters."""
    text = format_whole(value)
    return text if len(text) <= 160 else f"{text[:157]}…"


def format_finding(found: Any) -> list[str]:
    """What a check found, as lines: one for each name of a mapping, else one for all."""
    if isinstance(found, dict):
        return [f"{name}: {'; '.join(format_finding(value)) or 'none'}" for name, value in found.items()]
    if isinstance(found, (list, tuple)):
        text = ", ".join(line for value in found for line in format_finding(value))
        return [text] if text else []
    return [] if found in (None, "") else [str(found)]
