"""Render the plans of a run as Markdown, for a review in a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..journal.summary import Summary
from .plan_text import change_lines

MAX_LENGTH = 20_000
"""Characters: one comment of GitHub, of at most 65,536, holds the plans of three environments."""


def plan_markdown(env: str, run: str, summaries: Sequence[Summary], *, verb: str = "apply") -> str:
    """Render the plans with the fingerprints that approve them; without the changes when they are too long.

    Args:
        verb: ``apply`` or ``destroy``: what the plans are for.
    """
    text = "\n".join(_lines(env, run, summaries, verb)) + "\n"
    if len(text) <= MAX_LENGTH:
        return text
    short = "\n".join(_lines(env, run, summaries, verb, with_changes=False))
    return f"{short}\n\nThe list of changes is too long for a comment: see the evidence of {run}.\n"


def _lines(env: str, run: str, summaries: Sequence[Summary], verb: str, *, with_changes: bool = True) -> Iterator[str]:
    changing = [summary for summary in summaries if summary.changes]
    total = sum(summary.changes for summary in summaries)
    title = "Plan" if verb == "apply" else "Plan to destroy"
    yield f"### {title} for `{env}`: {f'{total} changes' if total > 1 else '1 change' if total else 'nothing to do'}"
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
        confirm = f" --confirm {env}" if verb == "destroy" else ""
        yield f"To {verb} exactly these changes: `runbook {verb} --env {env}{confirm} {approved}`. Run: `{run}`."
    else:
        yield f"Run: `{run}`."
