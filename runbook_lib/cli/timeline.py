"""Draw the timeline of a run as text: one line for each change that took long, and the critical path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from ..formatting import elapsed, pluralize
from ..journal.timeline import Span, Timeline

WIDTH = 100
"""Columns that the timeline takes at most."""
MAX_ROWS = 10
MAX_STEPS = 6
"""Steps of the critical path that are named: the longest."""
MIN_SECONDS = 1.0
"""Shorter changes are only counted."""
_MIN_BAR_WIDTH = 12
_WAITS, _ACTS, _SETTLES = "·", "█", "─"


def render_timeline(timeline: Timeline) -> RenderableType:
    """Draw a timeline for rich, to the width that there is; empty when nothing was changed."""
    spans = timeline.spans
    if not spans:
        return Group()
    parts: list[RenderableType] = [Text(f"Timeline: {pluralize(len(spans), 'change')} in {elapsed(timeline.makespan)}")]
    longest = sorted((span for span in spans if span.duration >= MIN_SECONDS), key=lambda span: -span.duration)[
        :MAX_ROWS
    ]
    if longest:
        parts.append(Text(f"  {_WAITS} waits  {_ACTS} acts  {_SETTLES} settles  * on the critical path"))
        parts.append(_chart(timeline, longest))
    parts += _counted(len(spans) - len(longest), longest)
    if steps := _critical_path(timeline):
        path = Table.grid(padding=(0, 1))
        path.add_row("Critical path:", Text(" → ".join(steps)))
        parts.append(path)
    return Group(*parts)


class _Scaled:
    """A text that is drawn to the width of its column.

    Args:
        draw: Draws the text for a width in columns.
    """

    def __init__(self, draw: Callable[[int], Text]) -> None:
        self._draw = draw

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._draw(options.max_width)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(_MIN_BAR_WIDTH, options.max_width)


def _chart(timeline: Timeline, spans: list[Span]) -> Table:
    """A row for each span in the order in which they began: mark, key, bar, start, duration and failure."""
    table = Table.grid(
        Column(min_width=1),
        Column(no_wrap=True, overflow="ellipsis"),
        Column(ratio=1),
        Column(justify="right", no_wrap=True),
        Column(justify="right", no_wrap=True),
        Column(min_width=1),
        padding=(0, 1),
        pad_edge=False,
        expand=True,
    )
    table.add_row("", "", _Scaled(partial(_ruler, timeline.makespan)))
    critical = {id(span) for span, _ in timeline.critical}
    for span in sorted(spans, key=lambda span: (span.queued, span.started)):
        table.add_row(
            "*" if id(span) in critical else "",
            Text(span.key, style="bold" if id(span) in critical else ""),
            _Scaled(partial(_bar, span, timeline.makespan)),
            f"{span.end - span.duration:.1f}",
            _duration(span),
            "" if span.ok else "✗",
        )
    return table


def _ruler(makespan: float, width: int) -> Text:
    """The seconds at each quarter of a bar."""
    marks = [f"{makespan * quarter / 4:.0f}" for quarter in range(5)]
    end = f"{marks[-1]} s"
    scale = "".join(mark.ljust(width // 4) for mark in marks[:-1])
    return Text(scale[: width - len(end)].ljust(width - len(end)) + end)


def _bar(span: Span, makespan: float, width: int) -> Text:
    """The phases of a change to scale; sending it takes one column at least."""

    def column(at: float) -> int:
        return min(width, round(width * at / makespan)) if makespan > 0 else 0

    queued, end = column(span.queued), column(span.end)
    started = min(column(span.started), width - 1)
    sent = max(column(span.sent), started + 1)
    return Text.assemble(
        " " * queued,
        (_WAITS * (started - queued), "dim"),
        (_ACTS * (sent - started), "green" if span.ok else "red"),
        (_SETTLES * (end - sent), "cyan"),
    )


def _duration(span: Span) -> str:
    """The seconds a change took; ``>`` when nobody saw its end."""
    return f"{'>' if span.settled is None and span.ok else '+'}{span.duration:.1f} s"


def _counted(count: int, longest: list[Span]) -> Iterator[Text]:
    """A line about the changes without a row."""
    if count:
        limit = "a second" if len(longest) < MAX_ROWS else elapsed(min(span.duration for span in longest))
        yield Text(
            f"  … and {count} that took less than {limit}" if longest else f"  each of them took less than {limit}"
        )


def _critical_path(timeline: Timeline) -> list[str]:
    """The longest changes on the critical path; others are replaced by an ellipsis."""
    steps: list[tuple[str, float]] = []
    before = 0.0
    for span, moment in timeline.critical:
        began = max(before, span.started)
        steps.append((f"{span.key} {elapsed(moment - began)}", moment - began))
        before = max(before, moment)
    by_duration = sorted(range(len(steps)), key=lambda index: -steps[index][1])
    named = {index for index in by_duration[:MAX_STEPS] if steps[index][1] >= MIN_SECONDS}
    if not named:
        return []
    words: list[str] = []
    for index, (text, seconds) in enumerate(steps):
        if index in named:
            words.append(text)
        elif words[-1:] != ["…"] and seconds > 0:
            words.append("…")
    return words
