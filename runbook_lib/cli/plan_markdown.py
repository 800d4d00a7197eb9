"""Render the plans of a run as Markdown, for a review in a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..engine.plan import ACTION_SYMBOLS, Action
from ..formatting import format_value
from ..journal.summary import Summary

MAX_LENGTH = 20_000
"""Characters: one comment of GitHub, of at most 65,536, holds the plans of three environments."""


def plan_markdown(env: str, run: str, summaries: Sequence[Summary]) -> str:
    """Render the plans with the fingerprints that approve them; without the changes when they are too long."""
    text = "\n".join(_lines(env, run, summaries)) + "\n"
    if len(text) <= MAX_LENGTH:
        return text
    short = "\n".join(_lines(env, run, summaries, with_changes=False))
    return f"{short}\n\nThe list of changes is too long for a comment: see the evidence of {run}.\n"


def _lines(env: str, run: str, summaries: Sequence[Summary], *, with_changes: bool = True) -> Iterator[str]:
    changing = [summary for summary in summaries if summary.changes]
    total = sum(summary.changes for summary in summaries)
    yield f"### Plan for `{env}`: {f'{total} changes' if total > 1 else '1 change' if total else 'nothing to do'}"
    yield ""
    yield "| notebook | fingerprint | what it would do |"
    yield "|---|---|---|"
    for summary in summaries:
        yield f"| {summary.notebook} | `{summary.fingerprint}` | {summary.plan_text} |"
    for summary in changing if with_changes else ():
        yield from ("", f"<details><summary>{summary.notebook}</summary>", "", "````diff")
        for change in summary.planned_changes:
            yield from _change_lines(change)
        yield from ("````", "", "</details>")
    yield ""
    if changing:
        approved = " ".join(f"--approved {summary.fingerprint}" for summary in changing)
        yield f"To apply exactly these changes: `runbook apply --env {env} {approved}`. Run: `{run}`."
    else:
        yield f"Run: `{run}`."


def _change_lines(change: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a change; no line begins with backticks, which would end the code block."""
    yield f"{ACTION_SYMBOLS[Action(change['action'])]} {change['key']}"
    if change["action"] in (Action.UPDATE, Action.BLOCKED):
        for name, (was, want) in sorted(change["fields"].items()):
            yield f"      {name}: {' '.join(format_value(was).split())} → {' '.join(format_value(want).split())}"
