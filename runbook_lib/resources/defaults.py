"""Settings that no parameter names: as AWS makes them they stay, and what somebody changed is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def unusual(observed: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of *defaults* that AWS shows with another value; one that AWS leaves out is as it should be."""
    return {
        name: observed[name]
        for name, default in defaults.items()
        if observed.get(name) is not None and observed[name] != default
    }
