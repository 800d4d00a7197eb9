"""A timeline for people: one line for each change that took a while, in plain text of a hundred columns."""

from __future__ import annotations

from ..formatting import elapsed
from ..journal.timeline import Span, Timeline

KEY, BAR = 35, 44
MOST = 30
STEPS = 6
SHORT = 1.0
"""Seconds below which a change is only counted."""
_WAITS, _ACTS, _SETTLES = "·", "█", "─"


def render_timeline(timeline: Timeline) -> list[str]:
    """Its lines; none when nothing was done."""
    spans = timeline.spans
    if not spans:
        return []
    count = f"{len(spans)} change{'s' if len(spans) > 1 else ''} in {elapsed(timeline.makespan)}"
    long = sorted((span for span in spans if span.duration >= SHORT), key=lambda span: -span.duration)[:MOST]
    head = [f"Timeline: {count}"]
    if long:
        head[0] += f"   {_WAITS} waits  {_ACTS} acts  {_SETTLES} settles  * on the critical path"
        head.append(_ruler(timeline.makespan))
    critical = {id(span) for span, _ in timeline.critical}
    shown = sorted(long, key=lambda span: (span.queued, span.started))
    rows = [_row(span, timeline.makespan, "*" if id(span) in critical else " ") for span in shown]
    return head + rows + _rest(len(spans) - len(long), long) + _path(timeline)


def _ruler(makespan: float) -> str:
    """The seconds at each quarter of the bar."""
    marks = [f"{makespan * quarter / 4:.0f}" for quarter in range(5)]
    quarter = BAR // 4
    scale = "".join(mark.ljust(quarter) for mark in marks[:-1]) + f"{marks[-1]} s"
    return f"{'':{KEY + 3}}{scale}"


def _row(span: Span, makespan: float, mark: str) -> str:
    key = span.key if len(span.key) <= KEY else f"{span.key[: KEY - 1]}…"
    sign = "" if span.ok else " ✗"
    bar, start = _bar(span, makespan), span.end - span.duration
    return f"{mark} {key:<{KEY}} {bar:<{BAR}} {start:>6.1f} {_took(span)}{sign}".rstrip()


def _took(span: Span) -> str:
    """How long it took; of what nobody has seen to its end, at least so long."""
    return f"{'>' if span.settled is None and span.ok else '+'}{span.duration:.1f} s".rjust(9)


def _bar(span: Span, makespan: float) -> str:
    """Each part where it was; what was too short for a cell has one all the same, if it is what was done."""
    start, acted, sent, end = (_cell(at, makespan) for at in (span.queued, span.started, span.sent, span.end))
    first = min(acted, BAR - 1)
    last = max(sent, first + 1)
    return " " * start + _WAITS * (first - start) + _ACTS * (last - first) + _SETTLES * (end - last)


def _cell(at: float, makespan: float) -> int:
    return min(BAR, round(BAR * at / makespan)) if makespan > 0 else 0


def _rest(left: int, long: list[Span]) -> list[str]:
    if not left:
        return []
    than = "a second" if len(long) < MOST else elapsed(min(span.duration for span in long))
    return [f"  … and {left} that took less than {than}" if long else f"  each of them took less than {than}"]


def _path(timeline: Timeline) -> list[str]:
    """The longest steps of the chain, with the pauses between its changes."""
    steps: list[tuple[str, float]] = []
    before = 0.0
    for span, moment in timeline.critical:
        began = max(before, span.started)
        steps += [(f"(pause of {elapsed(began - before)})", began - before)]
        steps += [(f"{span.key} {elapsed(moment - began)}", moment - began)]
        before = max(before, moment)
    longest = sorted(range(len(steps)), key=lambda index: -steps[index][1])[:STEPS]
    told = [index for index in sorted(longest) if steps[index][1] >= SHORT]
    words: list[str] = []
    for index, (word, _) in enumerate(steps):
        words += [word] if index in told else ["…"] if words[-1:] != ["…"] and steps[index][1] > 0 else []
    return _wrapped("Critical path: ", words) if told else []


def _wrapped(head: str, steps: list[str]) -> list[str]:
    lines = [head + steps[0]]
    for step in steps[1:]:
        if len(lines[-1]) + len(step) + 3 > 100:
            lines.append(f"  → {step}")
        else:
            lines[-1] += f" → {step}"
    return lines
