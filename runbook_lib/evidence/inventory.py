"""What runs now, line by line, as the journal keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plan import Sightings, names_for, plain
from ..stack import Stack


def inventory(stack: Stack, seen: Sightings) -> list[dict[str, Any]]:
    """What is there of a stack: ids, states and settings, with names instead of ids."""
    return [
        {"key": r.key, "id": found.id, "status": found.status, **_plain(found.state, names_for(r, seen)),
         "detail": _plain(found.facts, {})}
        for r in stack if (found := seen[r])
    ]  # fmt: skip


def _plain(values: Mapping[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {name: plain(value, names) for name, value in values.items()}
