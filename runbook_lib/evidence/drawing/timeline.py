"""The drawing of a run's timeline: one line for each change, and the critical path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from ...formatting import elapsed
from ...journal.timeline import Span, Timeline
from .svg import Box, Svg
from .theme import Styles, TextStyle

WIDTH, MARGIN = 1100, 12
KEYS_LEFT, BARS_LEFT, BARS_RIGHT = 40, 348, 986
MAX_BARS_LEFT = 620
"""Long names push the bars to the right, up to here."""
TOP, ROW_HEIGHT, BAR_HEIGHT = 92, 19, 10
NOTEBOOK_HEIGHT = 30
MIN_BAR_WIDTH = 2.5
"""In pixels: a shorter bar could not be seen."""
RULER_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
ACTION_SYMBOLS = {"create": "+", "update": "~", "delete": "-"}

TEXT_STYLES: Mapping[str, TextStyle] = {
    "title": TextStyle(17, bold=True),
    "name": TextStyle(12.5, bold=True),
    "key": TextStyle(11.5),
    "chain": TextStyle(11.5, bold=True),
    "dim": TextStyle(11, color="dim"),
    "good": TextStyle(11.5, bold=True, color="good"),
    "bad": TextStyle(11.5, bold=True, color="bad"),
}
STYLES: Styles = {
    ".grid": {"stroke": "faint", "fill": "none"},
    ".part rect": {"fill": "area", "stroke": "none"},
    ".waits": {"fill": "waits"},
    ".acts": {"fill": "acts"},
    ".settles": {"fill": "settles"},
    ".failed": {"fill": "bad"},
    ".open": {"fill": "none", "stroke": "settles", "stroke-width": "2", "stroke-dasharray": "2 2"},
    ".critical": {"fill": "none", "stroke": "accent", "stroke-width": "1.6"},
    ".mark": {"fill": "accent"},
}


def draw_timeline(timeline: Timeline) -> Svg:
    """Draw the changes of a run, notebook by notebook, to scale."""
    return _Drawing(timeline).draw()


class _Drawing:
    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._critical = {id(span): time for span, time in timeline.critical}
        self._by_notebook: dict[str, list[Span]] = {}
        for span in sorted(timeline.spans, key=lambda span: span.notebook):  # stable: by their start within a notebook
            self._by_notebook.setdefault(span.notebook or "not known by which notebook", []).append(span)
        self._rows: dict[int, float] = {}
        y = float(TOP)
        for spans in self._by_notebook.values():
            y += NOTEBOOK_HEIGHT
            for span in spans:
                self._rows[id(span)] = y
                y += ROW_HEIGHT
            y += 6
        self._bottom = y
        names = (TEXT_STYLES["chain"].width(span.key) for span in timeline.spans)
        self._bars_left = min(MAX_BARS_LEFT, max(BARS_LEFT, KEYS_LEFT + 12 + max(names, default=0)))
        ends = [at for span in timeline.spans for at in (span.started, span.sent, span.end)]
        self._longest = max(timeline.makespan, *ends, 0.0)
        count = len(timeline.spans)
        self._title = (
            f"{count} change{'s' if count != 1 else ''} in {elapsed(timeline.makespan)}"
            if count
            else "No change was written down in this run"
        )
        self._svg = Svg(
            "timeline", WIDTH, y + 6 if count else 44, title=self._title, description=describe_timeline(timeline),
            text_styles=TEXT_STYLES, styles=STYLES,
        )  # fmt: skip

    def draw(self) -> Svg:
        svg = self._svg
        svg.text(MARGIN, 26, self._title, "title", room=WIDTH - 2 * MARGIN)
        if not self._by_notebook:
            return svg
        self._legend()
        self._ruler()
        for notebook, spans in self._by_notebook.items():
            with svg.group("part"):
                y = self._rows[id(spans[0])] - NOTEBOOK_HEIGHT + 3
                svg.rect(Box(MARGIN, y, WIDTH - 2 * MARGIN, NOTEBOOK_HEIGHT - 8), "box", rounded=4)
                svg.text(MARGIN + 10, y + 15.5, notebook, "name", room=WIDTH - 4 * MARGIN)
            for span in spans:
                self._row(span)
        self._critical_path()
        svg.list_cut_texts(MARGIN, "dim")
        return svg

    def _legend(self) -> None:
        svg, x, y = self._svg, float(MARGIN), 42.0
        for css_class, text in (
            ("waits", "waits for what it needs"),
            ("acts", "is asked of AWS"),
            ("settles", "settles at AWS"),
        ):
            svg.rect(Box(x, y, 22, BAR_HEIGHT), css_class, rounded=2)
            x += 28 + svg.text(x + 28, y + 9.5, text, "dim") + 16
        svg.path("open", "M", x, y + BAR_HEIGHT / 2, "H", x + 22)
        x += 28 + svg.text(x + 28, y + 9.5, "was not seen to its end", "dim") + 16
        svg.path("critical", "M", x, y, "V", y + BAR_HEIGHT, "H", x + 22)
        svg.text(x + 28, y + 9.5, [("the chain", "chain"), ("that made the run so long", "dim")], "dim")

    def _ruler(self) -> None:
        svg = self._svg
        for at in _ruler_marks(self._longest):
            x = self._x(at)
            svg.path("grid", "M", x, TOP - 6, "V", self._bottom - 4)
            svg.text(x, TOP - 12, f"{int(at) // 60}:{int(at) % 60:02d}", "dim", anchor="middle")
        svg.text(MARGIN, TOP - 12, "minutes:seconds since the run began", "dim", room=self._bars_left - 2 * MARGIN - 20)

    def _row(self, span: Span) -> None:
        svg, y = self._svg, self._rows[id(span)]
        is_critical = id(span) in self._critical
        symbol = ("✗", "bad") if not span.ok else (ACTION_SYMBOLS.get(span.action, "·"), "good" if span.ok else "bad")
        with svg.group("change", _describe(span)):
            svg.text(KEYS_LEFT - 8, y + 13, *symbol, anchor="end")
            room = self._bars_left - KEYS_LEFT - 12
            svg.text(KEYS_LEFT, y + 13, span.key, "chain" if is_critical else "key", room=room)
            if is_critical:
                svg.path("mark", "M", MARGIN, y + 4.5, "L", MARGIN + 6, y + 9.5, "L", MARGIN, y + 14.5, "Z")
            self._bar(span, y + (ROW_HEIGHT - BAR_HEIGHT) / 2)
            room = WIDTH - MARGIN - BARS_RIGHT - 4
            svg.text(WIDTH - MARGIN, y + 13, _duration(span), "dim" if span.ok else "bad", anchor="end", room=room)

    def _bar(self, span: Span, y: float) -> None:
        """Draw the phases of a change: waiting, requests to AWS, waiting until it is ready."""
        began, acted, sent, end = (self._x(at) for at in (span.queued, span.started, span.sent, span.end))
        sent = max(sent, acted + MIN_BAR_WIDTH)
        if acted - began >= 0.5:
            self._svg.rect(Box(began, y + 2.5, acted - began, BAR_HEIGHT - 5), "waits")
        self._svg.rect(Box(acted, y, sent - acted, BAR_HEIGHT), "acts" if span.ok else "failed", rounded=1)
        if end - sent >= 0.5:
            self._svg.rect(Box(sent, y + 1.5, end - sent, BAR_HEIGHT - 3), "settles")
        if span.settled is None and span.ok:
            last = max(sent, end)
            self._svg.path("open", "M", last + 1, y + BAR_HEIGHT / 2, "H", last + 16)

    def _critical_path(self) -> None:
        """Draw a line from each change of the critical path to the next, at the time when that could start."""
        for (span, time), (other, _) in pairwise(self._timeline.critical):
            x, until = self._x(time), self._x(max(other.started, time))
            y, to = self._rows[id(span)] + ROW_HEIGHT / 2, self._rows[id(other)] + ROW_HEIGHT / 2
            self._svg.path("critical", "M", x, y, "V", to, "H", until)

    def _x(self, at: float) -> float:
        return (
            self._bars_left + (BARS_RIGHT - self._bars_left) * at / self._longest if self._longest else self._bars_left
        )


def describe_timeline(timeline: Timeline) -> str:
    """The text alternative: how long each change took, and the critical path."""
    return " ".join(_sentences(timeline))


def _sentences(timeline: Timeline) -> Iterator[str]:
    if not timeline.spans:
        yield "No change was written down."
    for span in timeline.spans:
        yield f"{_describe(span)}."
    if timeline.critical:
        yield f"The chain that made the run so long: {', then '.join(span.key for span, _ in timeline.critical)}."


def _describe(span: Span) -> str:
    steps = {"waited": span.started - span.queued, "asked": span.sent - span.started, "settled": span.end - span.sent}
    text = ", ".join(f"{name} {elapsed(step)}" for name, step in steps.items() if step >= 0.05)
    ending = "" if span.settled is not None else "; it was not seen to its end" if span.ok else "; it failed"
    return f"{span.action} {span.key} at {elapsed(span.queued)}{f': {text}' if text else ''}{ending}"


def _duration(span: Span) -> str:
    if not span.ok:
        return "failed"
    return f"{'> ' if span.settled is None else ''}{elapsed(span.duration)}"


def _ruler_marks(longest: float) -> list[float]:
    """Seconds to mark on the ruler: round values, at most twelve."""
    step = next((mark for mark in RULER_STEPS if longest / mark <= 12), 14400)
    return [float(at) for at in range(0, int(longest) + 1, step)]
