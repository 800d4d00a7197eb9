"""Format the status of the embedded AWS as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runbook_lib.paths import for_shell


def status_lines(status: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of `runbook local status`, from the control API's status."""
    if not status:
        yield "No processes are running for the account: deployments are simulated."
        return
    for site in status["sites"]:
        yield f"Site         {site['url']}  behind {site['balancer']}  {site['standing']}".rstrip()
        if site["certificate"]:
            yield f"             curl --cacert {for_shell(site['certificate'])} {site['url']}"
    yield from _table("Instances", status["instances"], ("id", "zone", "group", "state", "health"))
    yield from _table("Deployments", status["deployments"], ("id", "group", "status", "creator", "error"))
    yield from _table("Databases", status["databases"], ("name", "status", "endpoint", "what"))
    if status["caches"]:
        yield from _table("Caches", status["caches"], ("name", "status", "endpoint", "what"))


def _table(title: str, rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> Iterator[str]:
    """Yield a title beside rows with aligned columns."""
    if not rows:
        yield f"{title:<12} none"
    widths = [max(len(row[column]) for row in rows) for column in columns] if rows else []
    for number, row in enumerate(rows):
        cells = (row[column].ljust(width) for column, width in zip(columns, widths, strict=True))
        yield f"{title if number == 0 else '':<12} {'  '.join(cells)}".rstrip()
