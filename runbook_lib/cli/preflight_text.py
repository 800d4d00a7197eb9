"""Print the preflight of a plan: one table for all notebooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ..engine.preflight.row import FAILED, NOT_ASKED, PASSED, SYMBOLS
from ..journal.summary import Summary
from .console import print_table, print_text
from .timeline import WIDTH


def print_preflight(summaries: Sequence[Summary], *, counts_only: bool) -> bool:
    """Print the rows of all notebooks, each once; returns whether one failed.

    Args:
        counts_only: Whether to print how many passed only.
    """
    rows = [*dict.fromkeys(row for summary in summaries for row in summary.preflight)]
    if not rows:
        return False
    results = Counter(result for _, result, _, _ in rows)
    counts = ", ".join(f"{results[result]} {result}" for result in (PASSED, FAILED, NOT_ASKED) if results[result])
    print_text(f"preflight: {counts}")
    if not counts_only:
        print_table(_cells(rows), 1, 0, indent=2, max_width=WIDTH)
    return bool(results[FAILED])


def print_failed_rows(summaries: Iterable[Summary], told: str) -> None:
    """Print what failed in the preflight of notebooks that have stopped, unless their errors have *told* it."""
    rows = dict.fromkeys(row for summary in summaries for row in summary.preflight if row[1] == FAILED)
    if untold := [row for row in rows if not all(text in told for text in row[2:])]:
        print_text(f"preflight: {len(rows)} {FAILED}", error=True)
        for _, text in _cells(untold):
            print_text(f"  {SYMBOLS[FAILED]} {text}", error=True)


def _cells(rows: Iterable[tuple[str, str, str, str]]) -> Iterable[tuple[str, str]]:
    """Symbol and text of each row; what to do about one is said where it did not pass."""
    for name, result, finding, fix in rows:
        yield SYMBOLS.get(result, "?"), f"{name}: {finding}" + (f" → {fix}" if fix and result != PASSED else "")
