"""Render the plans of a run as Markdown, for a review in a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..formatting import pluralize
from ..journal.summary import Summary
from .plan_text import change_lines

MAX_LENGTH = 20_000
"""Characters: one comment of GitHub, of at most 65,536, holds the plans of three environments."""
_TITLES = {"apply": "Plan", "destroy": "Plan to destroy", "rollback": "Plan to roll back"}


def plan_markdown(env: str, run: str, summaries: Sequence[Summary], *, verb: str = "apply", to: str = "") -> str:
    """Render the plans with the fingerprints that approve them; without the changes when they are too long.

    Args:
        verb: ``apply``, ``destroy`` or ``rollback``: what the plans are for.
        to: The revision that was asked for, of a rollback.
    """
    text = "\n".join(_lines(env, run, summaries, verb, to)) + "\n"
    if len(text) <= MAX_LENGTH:
        return text
    short = "\n".join(_lines(env, run, summaries, verb, to, with_changes=False))
    return f"{short}\n\nThe list of changes is too long for a comment: see the evidence of {run}.\n"


def _lines(
    env: str, run: str, summaries: Sequence[Summary], verb: str, to: str, *, with_changes: bool = True
) -> Iterator[str]:
    changing = [summary for summary in summaries if summary.changes]
    total = sum(summary.changes for summary in summaries)
    count = pluralize(total, "change") if total else "nothing to do"
    yield f"### {_TITLES[verb]} for `{env}`: {count}"
    yield ""
    yield "| notebook | fingerprint | what it would do |"
    yield "|---|---|---|"
    for summary in summaries:
        fingerprint = "none: it is blocked" if summary.is_blocked else f"`{summary.fingerprint}`"
        yield f"| {summary.notebook} | {fingerprint} | {summary.plan_text} |"
    for summary in changing if with_changes else ():
        yield from ("", f"<details><summary>{summary.notebook}</summary>", "", "````diff")
        for change in summary.planned_changes:
            # Every line is indented or begins with a symbol: backticks at its beginning would end the code block.
            lines = change_lines(change, summary)
            yield from (f"{' ' * line.indent}{line.text}" for line in lines)
        yield from ("````", "", "</details>")
    yield ""
    if blocked := [summary.notebook for summary in summaries if summary.is_blocked]:
        yield f"**Blocked: this plan cannot be applied.** See `!` in {', '.join(blocked)}. Run: `{run}`."
    elif changing:
        approved = " ".join(f"--approved {summary.fingerprint}" for summary in changing)
        more = f" --confirm {env}" if verb == "destroy" else f" --to {to}" if to else ""
        yield f"To make exactly these changes: `runbook {verb} --env {env}{more} {approved}`. Run: `{run}`."
    else:
        yield f"Run: `{run}`."
