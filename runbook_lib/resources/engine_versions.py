"""Versions of database and cache engines: what meets a desired version, and what AWS upgrades by itself."""

from __future__ import annotations

import re


def matches(version: str, wanted: str) -> bool:
    """Whether a version is the wanted one, or one of its minor versions: ``8.4.6`` matches ``8.4``."""
    return f"{version}.".startswith(f"{wanted}.")


def is_older(one: str, other: str) -> bool:
    """Whether a version is older than another, compared to the shorter one's precision."""
    a, b = _numbers(one), _numbers(other)
    precision = min(len(a), len(b))
    return a[:precision] < b[:precision]


def is_minor_upgrade(wanted: str, version: str, major: int) -> bool:
    """Whether AWS may have upgraded from *wanted* by itself: to a later version of the same major one.

    Args:
        major: How many numbers a major version has: two of MySQL (8.4), one of Valkey (8).
    """
    return _numbers(wanted)[:major] == _numbers(version)[:major] and is_older(wanted, version)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
