"""A plan as Markdown, for whoever reviews it in a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..engine.plan import ACTION_SYMBOLS, Action
from ..formatting import format_value
from ..journal.summary import Summary

LONGEST = 20_000
"""Characters: GitHub takes comments of up to 65,536, and one comment tells the plans of three environments."""


def plan_markdown(env: str, run: str, found: Sequence[Summary]) -> str:
    """What a run in plan mode found, with the fingerprints by which it is approved."""
    text = "\n".join(_lines(env, run, found)) + "\n"
    if len(text) <= LONGEST:
        return text
    without = "\n".join(_lines(env, run, found, whole=False))
    return f"{without}\n\nThe changes are too many to be told here: see the evidence of {run}.\n"


def _lines(env: str, run: str, found: Sequence[Summary], *, whole: bool = True) -> Iterator[str]:
    changing = [each for each in found if each.changes]
    total = sum(each.changes for each in found)
    yield f"### Plan for `{env}`: {f'{total} changes' if total > 1 else '1 change' if total else 'nothing to do'}"
    yield ""
    yield "| notebook | fingerprint | what it would do |"
    yield "|---|---|---|"
    for each in found:
        yield f"| {each.notebook} | `{each.fingerprint}` | {each.plan_text} |"
    for each in changing if whole else ():
        yield from ("", f"<details><summary>{each.notebook}</summary>", "", "````diff")
        for change in each.planned_changes:
            yield from _told(change)
        yield from ("````", "", "</details>")
    yield ""
    if changing:
        approved = " ".join(f"--approved {each.fingerprint}" for each in changing)
        yield f"This and nothing else is done by `runbook apply --env {env} {approved}`. Run: `{run}`."
    else:
        yield f"Run: `{run}`."


def _told(change: Mapping[str, Any]) -> Iterator[str]:
    """A change in a block of code, which only a line that begins with backticks could end."""
    yield f"{ACTION_SYMBOLS[Action(change['action'])]} {change['key']}"
    if change["action"] in (Action.UPDATE, Action.BLOCKED):
        for name, (was, want) in sorted(change["fields"].items()):
            yield f"      {name}: {' '.join(format_value(was).split())} → {' '.join(format_value(want).split())}"
