"""What runs under the embedded AWS, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def lines_of(status: Mapping[str, Any]) -> Iterator[str]:
    """The lines of `runbook local status`, from what the control door answers."""
    if not status:
        yield "Nothing runs under the account: deployments are simulated."
        return
    for site in status["sites"]:
        yield f"Site         {site['url']}  behind {site['balancer']}  {site['standing']}".rstrip()
        if site["certificate"]:
            yield f"             curl --cacert {site['certificate']} {site['url']}"
    yield from _table("Instances", status["instances"], ("id", "zone", "group", "state", "health"))
    yield from _table("Deployments", status["deployments"], ("id", "group", "status", "creator", "error"))
    yield from _table("Databases", status["databases"], ("name", "status", "endpoint", "what"))
    if status["caches"]:
        yield from _table("Caches", status["caches"], ("name", "status", "endpoint", "what"))


def _table(title: str, rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> Iterator[str]:
    """A title beside rows whose columns stand under each other."""
    if not rows:
        yield f"{title:<12} none"
    widths = [max(len(row[column]) for row in rows) for column in columns] if rows else []
    for number, row in enumerate(rows):
        cells = (row[column].ljust(width) for column, width in zip(columns, widths, strict=True))
        yield f"{title if number == 0 else '':<12} {'  '.join(cells)}".rstrip()
