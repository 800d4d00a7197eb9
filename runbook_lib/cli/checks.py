"""Print what verify found: one table of the claims, and one of the security controls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from ..journal.reader import Event
from ..stacks.checks.check import check_symbol, count_results, is_control, shown_finding
from .console import print_table


def print_checks(checks: Iterable[Event]) -> None:
    """Print the checks of a run: first the claims, then the controls, each with what it came to and why."""
    given: list[tuple[str, bool, Any]] = [(str(e.get("claim")), bool(e.get("ok")), e.get("found")) for e in checks]
    claims = [(claim, ok, found) for claim, ok, found in given if not is_control(found)]
    controls = [(claim, ok, found) for claim, ok, found in given if is_control(found)]
    if claims:
        click.echo(f"Claims: {count_results(_result(ok, found) for _, ok, found in claims)}")
        print_table([(check_symbol(ok, found), _text(claim, ok, found)) for claim, ok, found in claims], 1, 0, indent=2)
    if controls:
        click.echo(f"Controls: {count_results(_result(ok, found) for _, ok, found in controls)}")
        rows = [
            (check_symbol(ok, found), found["control"], found["severity"],
             _text(claim.removeprefix(found["control"]).strip(), ok, found))
            for claim, ok, found in controls
        ]  # fmt: skip
        print_table(rows, 1, 16, 8, 0, indent=2)


def _result(ok: bool, found: object) -> str:
    given = found.get("result") if isinstance(found, dict) else None
    return str(given or ("pass" if ok else "fail"))


def _text(claim: str, ok: bool, found: object) -> str:
    """The claim, and why it holds or not; ids that were looked at are in the evidence."""
    lines = found["why"] if isinstance(found, dict) and "why" in found else shown_finding(ok, found)
    return f"{claim}: {'; '.join(lines)}" if lines else claim
