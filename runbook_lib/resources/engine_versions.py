"""Versions of a database engine, such as ``8.4.6``, compared."""

from __future__ import annotations

import re


def matches(version: str, wanted: str) -> bool:
    """Whether a version is the wanted one, or one of it: 8.4.6 of 8.4."""
    return f"{version}.".startswith(f"{wanted}.")


def is_minor_upgrade(wanted: str, version: str) -> bool:
    """Whether RDS may have upgraded from *wanted* by itself: to a later version of the same major one, as MySQL 8.4.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.MySQL.Minor.html
    """
    return wanted.split(".")[:2] == version.split(".")[:2] and is_older(wanted, version)


def is_older(one: str, other: str) -> bool:
    """Whether a version is older than another, compared to the shorter one's precision."""
    a, b = ([int(number) for number in re.findall(r"\d+", version)] for version in (one, other))
    precision = min(len(a), len(b))
    return a[:precision] < b[:precision]
