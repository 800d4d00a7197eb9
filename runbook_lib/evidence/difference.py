"""What differs between the states that two runs have left behind, from their evidence alone."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..plan import shown
from .verify import read_events

State = Mapping[str, Mapping[str, Any]]


def difference(one: Path, two: Path) -> Iterator[str]:
    """Resource by resource, in the signs of a plan: ``+`` only the second has, ``-`` only the first, ``~`` both."""
    # A verified run has what AWS showed at its end, value by value; any other only its tables.
    before, after = verified(one), verified(two)
    if not (before and after):
        before, after = tabled(one), tabled(two)
    for key in sorted({*before, *after}):
        if key not in before:
            yield f"+ {key}"
        elif key not in after:
            yield f"- {key}"
        elif fields := list(_fields(before[key], after[key])):
            yield f"~ {key}"
            yield from fields


def verified(folder: Path) -> State:
    """What was there when the run was verified."""
    lines = (line for e in read_events(folder) if e["event"] == "inventory" for line in e["resources"])
    return {line["key"]: {name: value for name, value in line.items() if name != "key"} for line in lines}


def tabled(folder: Path) -> State:
    """What stands in the tables of a run; of what is not there, nothing."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((folder / "tables").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = row.pop("resource", None)
                if key and row.get("status") != "not there":
                    found[key] = found.get(key, {}) | dict(row)
    return found


def _fields(one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*one, *two}):
        if one.get(name) != two.get(name):
            yield f"      {name}: {shown(one.get(name))} → {shown(two.get(name))}"
