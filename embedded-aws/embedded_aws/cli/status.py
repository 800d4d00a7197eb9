"""Format the status of the embedded AWS as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from embedded_aws.client.process import RunningServer
from runbook_lib.paths import for_shell

WIDTH = 80
"""Columns of a terminal; only one word that is longer, such as a path, takes more."""


def status_lines(status: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of `runbook local status`, from the control API's status."""
    if not status:
        yield "No processes are running for the account: deployments are simulated."
        return
    for site in status["sites"]:
        yield from _wrap(f"Site         {site['url']}  behind {site['balancer']}  {site['standing']}".rstrip())
        if site["certificate"]:
            yield from _curl_lines(site["certificate"], site["url"])
    yield from _table("Instances", status["instances"], ("id", "zone", "group", "state", "health"))
    yield from _table("Deployments", status["deployments"], ("id", "group", "status", "creator", "error"))
    yield from _table("Databases", status["databases"], ("name", "status", "endpoint", "what"))
    if status["caches"]:
        yield from _table("Caches", status["caches"], ("name", "status", "endpoint", "what"))


def server_lines(servers: Sequence[RunningServer]) -> Iterator[str]:
    """Yield the lines of `runbook local list`: a head and a line for each server; nothing without servers."""
    head = ("PROCESS", "USER", "SINCE", "MEMORY", "ROOT")
    rows = [head] if servers else []
    for server in servers:
        since = f"{datetime.fromtimestamp(server.process.began):%Y-%m-%d %H:%M}"
        gone = "" if server.root.exists() else "  (gone)"
        memory = f"{server.memory / 1_000_000:.0f} MB"
        rows.append((str(server.process.pid), server.user, since, memory, f"{server.root}{gone}"))
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))] if rows else []
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _curl_lines(certificate: str, url: str) -> Iterator[str]:
    """Yield the command that asks the site, on two lines where it is too long for one; a shell reads them as one."""
    line = f"{'':<12} curl --cacert {for_shell(certificate)} {url}"
    if len(line) <= WIDTH:
        yield line
    else:
        yield f"  curl --cacert {for_shell(certificate)} \\"
        yield f"    {url}"


def _table(title: str, rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> Iterator[str]:
    """Yield a title beside rows with aligned columns."""
    if not rows:
        yield f"{title:<12} none"
    widths = [max(len(row[column]) for row in rows) for column in columns] if rows else []
    for number, row in enumerate(rows):
        cells = (row[column].ljust(width) for column, width in zip(columns, widths, strict=True))
        yield from _wrap(f"{title if number == 0 else '':<12} {'  '.join(cells)}".rstrip())


def _wrap(line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, subsequent_indent=" " * 15, break_long_words=False, break_on_hyphens=False)
