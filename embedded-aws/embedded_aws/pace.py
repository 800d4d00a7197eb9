"""The pace: the factor by which AWS's durations are multiplied. 0 makes everything instant, 1 takes AWS's own time."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from runbook_lib.errors import WrongUsage

VARIABLE = "RUNBOOK_LOCAL_PACE"
MAX_FACTOR = 10.0  # above it a database takes an hour, and its callers time out
TIMINGS = Path(__file__).with_name("timings.yaml")


@dataclass
class _Current:
    factor: float | None = None
    instant_until: float = 0.0


_current = _Current()


def current_factor() -> float:
    """Return the factor for AWS's durations in this process."""
    return _current.factor or 0.0


def set_factor(factor: float) -> None:
    """Use this pace from now on."""
    _current.instant_until, _current.factor = instant_until(), factor


def instant_until() -> float:
    """Return when the pace was last 0, in seconds since the epoch: transitions that started before it are complete."""
    return time.time() if _current.factor == 0 else _current.instant_until


def duration(kind: str, verb: str = "create") -> float:
    """Return how many seconds an operation takes at the current pace."""
    return _timings()[verb][kind] * current_factor()


def parse(text: str) -> float:
    """Parse a pace.

    Raises:
        WrongUsage: It is not a number from 0 to MAX_FACTOR.
    """
    try:
        pace = float(text)
    except ValueError:
        pace = math.nan
    if not 0 <= pace <= MAX_FACTOR:
        raise WrongUsage(
            f"The pace {text!r} is not a number from 0 to {MAX_FACTOR:g}.",
            fix="Use 0 to make everything ready at once, 1 for AWS's own durations, 0.02 for a fiftieth of them.",
        )
    return pace


def from_environment(environment: Mapping[str, str]) -> float | None:
    """Return the pace that the environment sets; None when it sets none.

    Raises:
        WrongUsage: The value is not a pace.
    """
    text = environment.get(VARIABLE, "")
    try:
        return parse(text) if text else None
    except WrongUsage as error:
        raise WrongUsage(f"{VARIABLE}: {error.what}", fix=error.fix) from None


def describe(pace: float) -> str:
    """Describe a pace in one sentence."""
    if pace == 0:
        return "Pace 0: everything is ready at once."
    return f"Pace {pace:g}: what takes AWS a minute takes {60 * pace:.3g} s here."


@cache
def _timings() -> dict[str, dict[str, float]]:
    timings: dict[str, dict[str, float]] = yaml.safe_load(TIMINGS.read_text(encoding="utf-8"))
    return timings
