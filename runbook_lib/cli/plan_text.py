"""Render the plan of a notebook as lines of text, for a terminal, a log and a pull request."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult

from ..engine.plan import ACTION_SYMBOLS, Action
from ..formatting import label_field, one_line
from ..journal.summary import Summary
from .console import SYMBOL_STYLES, WrappedText

INLINE = 72
"""Characters of a value, or of an old and a new one, on the line of its field; more get lines of their own."""
CONTEXT = 1
"""Unchanged lines that are shown around the changed ones of a long value."""


class Line(NamedTuple):
    """One line of a plan: its indent in columns, its text, and the symbol that gives it its colour."""

    indent: int
    text: str
    symbol: str = ""


class RenderedPlan:
    """The plan of a notebook for rich: wrapped between words to the width that there is, never cut."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in plan_lines(self._summary):
            yield WrappedText(" " * line.indent + line.text, style=SYMBOL_STYLES.get(line.symbol, "none"))


def plan_lines(summary: Summary) -> Iterator[Line]:
    """The lines of a plan: what changes, grouped by the parts of the stack, and how much stays as it is."""
    yield Line(0, f"{summary.notebook}: {summary.plan_text}")
    changes = summary.planned_changes
    order = {part: index for index, part in enumerate(dict.fromkeys(summary.parts.values()))}

    def part_of(change: Mapping[str, Any]) -> str:
        return summary.parts.get(change["key"], "")

    for part, group in groupby(sorted(changes, key=lambda change: order.get(part_of(change), -1)), part_of):
        if part:
            yield Line(2, f"{one_line(part.replace('_', ' '))}:")
        for change in group:
            yield from change_lines(change, summary, indent=4 if part else 2)
    changing = {change["key"] for change in changes}
    for key, reason in summary.reasons.items():
        if key not in changing:
            yield Line(2, f"= {one_line(key)}  ({one_line(reason)})", "=")
    if unchanged := summary.plan_counts.get("keep"):
        yield Line(2, f"= {unchanged} unchanged", "=")


def change_lines(change: Mapping[str, Any], summary: Summary, *, indent: int = 0) -> Iterator[Line]:
    """The lines of one change: symbol and key, why, and each field with its value, or with old and new value."""
    action = Action(change["action"])
    symbol = ACTION_SYMBOLS[action]
    reason, differences = summary.reasons.get(change["key"], ""), summary.differences.get(change["key"], {})
    first, *more = [one_line(line) for line in reason.splitlines()] or [""]
    note = f"  ({first}{'' if more else ')'}" if reason else ""
    yield Line(indent, f"{symbol} {one_line(change['key'])}{note}", symbol)
    # A reason may hold what a script wrote: indented, no line of it looks like one of the plan.
    yield from (Line(indent + 8, f"{line}{')' if number == len(more) else ''}") for number, line in enumerate(more, 1))
    for name, (old, new) in sorted(change["fields"].items()):
        if action in (Action.CREATE, Action.DELETE):
            yield from _value_lines(label_field(name), new if action is Action.CREATE else old, indent + 6)
        else:
            yield from _difference_lines(label_field(name), old, new, indent + 6)
            for line in differences.get(name, ()):
                shown = line if line.isprintable() else json.dumps(line, ensure_ascii=False)
                yield Line(indent + 8, shown, line[:1].strip())


def _value_lines(name: str, value: Any, indent: int) -> Iterator[Line]:
    text = inline(value)
    if len(text) <= INLINE or not isinstance(value, (str, list, dict)):
        yield Line(indent, f"{name}: {text}")
    else:
        yield Line(indent, f"{name}:")
        yield from (Line(indent + 2, line) for line in _block(value))


def _difference_lines(name: str, old: Any, new: Any, indent: int) -> Iterator[Line]:
    was, now = inline(old), inline(new)
    if len(was) + len(now) <= INLINE:
        yield Line(indent, f"{name}: {was} → {now}")
        return
    yield Line(indent, f"{name}:")
    difference = difflib.unified_diff(_block(old), _block(new), lineterm="", n=CONTEXT)
    for line in list(difference)[2:]:
        if line.startswith("@@"):
            continue
        yield Line(indent + 2, f"{line[:1]} {line[1:]}", line[:1].strip())


def inline(value: Any) -> str:
    """A value on one line, as YAML writes it; control characters are escaped."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if value and value.isprintable() else json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {inline(inner)}' for name, inner in value.items())}}}"
    return str(value)


def _block(value: Any) -> list[str]:
    """A value on as many lines as it needs: an item, an entry or a line of text on each."""
    if isinstance(value, Mapping):
        return [line for name, inner in value.items() for line in _entry(f"{name}:", inner)]
    if isinstance(value, list):
        return [line for inner in value for line in _entry("-", inner)]
    if isinstance(value, str) and "\n" in value:
        return [line if line.isprintable() else json.dumps(line, ensure_ascii=False) for line in value.splitlines()]
    return [inline(value)]


def _entry(head: str, value: Any) -> list[str]:
    text = inline(value)
    if len(text) <= INLINE or not isinstance(value, (list, Mapping)) or not value:
        return [f"{head} {text}"]
    return [head, *(f"  {line}" for line in _block(value))]
