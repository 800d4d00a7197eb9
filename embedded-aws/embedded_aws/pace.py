"""The pace of a rehearsal: 0 has everything ready at once, 1 takes AWS's own time, 0.02 a fiftieth of it."""

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
MOST = 10.0  # from there on a database takes an hour and whoever waits for it gives up
TIMINGS = Path(__file__).with_name("timings.yaml")


@dataclass
class _Present:
    factor: float | None = None
    hurried: float = 0.0


_present = _Present()


def factor() -> float:
    """What AWS's durations are multiplied by in this process."""
    return _present.factor or 0.0


def use(pace: float) -> None:
    """Go on at this pace."""
    _present.hurried, _present.factor = at_once_until(), pace


def at_once_until() -> float:
    """Until when (seconds since the epoch) this process had everything ready at once; what began before is over."""
    return time.time() if _present.factor == 0 else _present.hurried


def seconds(kind: str, verb: str = "create") -> float:
    """How many seconds it takes here, at the present pace."""
    return _timings()[verb][kind] * factor()


def parse(text: str) -> float:
    """A pace as somebody wrote it.

    Raises:
        WrongUsage: It is none.
    """
    try:
        pace = float(text)
    except ValueError:
        pace = math.nan
    if not 0 <= pace <= MOST:
        raise WrongUsage(
            f"The pace {text!r} is not a number from 0 to {MOST:g}.",
            fix="0 has everything ready at once, 1 takes as long as AWS, 0.02 a fiftieth of that.",
        )
    return pace


def asked(environment: Mapping[str, str]) -> float | None:
    """The pace that the environment asks for; None when it asks for none.

    Raises:
        WrongUsage: It asks for something that is no pace.
    """
    text = environment.get(VARIABLE, "")
    try:
        return parse(text) if text else None
    except WrongUsage as error:
        raise WrongUsage(f"{VARIABLE}: {error.what}", fix=error.fix) from None


def told(pace: float) -> str:
    """A pace for people."""
    if pace == 0:
        return "Pace 0: everything is ready at once."
    return f"Pace {pace:g}: what takes AWS a minute takes {60 * pace:.3g} s here."


@cache
def _timings() -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = yaml.safe_load(TIMINGS.read_text(encoding="utf-8"))
    return found
