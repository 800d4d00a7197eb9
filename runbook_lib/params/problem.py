"""A problem of a parameter file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """A problem with one field; *at* is the path of the field in the file."""

    at: tuple[Any, ...]
    value: Any
    why: str
