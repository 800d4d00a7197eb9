"""The picture of when everything in a run was done: one line for each change, and what made the run so long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from ...formatting import elapsed
from ...journal.timeline import Span, Timeline
from .svg import Box, Svg
from .theme import Styles, TextStyle

WIDTH, MARGIN = 1100, 12
KEYS, LEFT, RIGHT = 40, 348, 986
HEAD, ROW, BAR = 92, 19, 10
PART = 30
MIN_BAR_WIDTH = 2.5
"""As wide as what was too short to be seen."""
MARKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
SIGNS = {"create": "+", "update": "~", "delete": "-"}

FACES: Mapping[str, TextStyle] = {
    "title": TextStyle(17, bold=True),
    "name": TextStyle(12.5, bold=True),
    "key": TextStyle(11.5),
    "chain": TextStyle(11.5, bold=True),
    "dim": TextStyle(11, colour="dim"),
    "good": TextStyle(11.5, bold=True, colour="good"),
    "bad": TextStyle(11.5, bold=True, colour="bad"),
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


def picture(timeline: Timeline) -> Svg:
    """Draw the changes of a run, notebook by notebook, to scale."""
    return _Drawing(timeline).drawn()


class _Drawing:
    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._critical = {id(span): moment for span, moment in timeline.critical}
        self._parts: dict[str, list[Span]] = {}
        for span in sorted(timeline.spans, key=lambda span: span.notebook):  # and as they began
            self._parts.setdefault(span.notebook or "not known by which notebook", []).append(span)
        self._rows: dict[int, float] = {}
        y = float(HEAD)
        for spans in self._parts.values():
            y += PART
            for span in spans:
                self._rows[id(span)] = y
                y += ROW
            y += 6
        self._bottom = y
        ends = [at for span in timeline.spans for at in (span.started, span.sent, span.end)]
        self._longest = max(timeline.makespan, *ends, 0.0)
        count = len(timeline.spans)
        self._title = (
            f"{count} change{'s' if count != 1 else ''} in {elapsed(timeline.makespan)}"
            if count
            else "No change was written down in this run"
        )
        self._svg = Svg(
            "timeline", WIDTH, y + 6 if count else 44, title=self._title, words=alt_text(timeline),
            faces=FACES, styles=STYLES,
        )  # fmt: skip

    def drawn(self) -> Svg:
        svg = self._svg
        svg.text(MARGIN, 26, self._title, "title", room=WIDTH - 2 * MARGIN)
        if not self._parts:
            return svg
        self._legend()
        self._ruler()
        for part, spans in self._parts.items():
            with svg.group("part"):
                y = self._rows[id(spans[0])] - PART + 3
                svg.rect(Box(MARGIN, y, WIDTH - 2 * MARGIN, PART - 8), "box", rounded=4)
                svg.text(MARGIN + 10, y + 15.5, part, "name", room=WIDTH - 4 * MARGIN)
            for span in spans:
                self._row(span)
        self._chain()
        return svg

    def _legend(self) -> None:
        svg, x, y = self._svg, float(MARGIN), 42.0
        for look, told in (
            ("waits", "waits for what it needs"),
            ("acts", "is asked of AWS"),
            ("settles", "settles at AWS"),
        ):
            svg.rect(Box(x, y, 22, BAR), look, rounded=2)
            x += 28 + svg.text(x + 28, y + 9.5, told, "dim") + 16
        svg.path("open", "M", x, y + BAR / 2, "H", x + 22)
        x += 28 + svg.text(x + 28, y + 9.5, "was not seen to its end", "dim") + 16
        svg.path("critical", "M", x, y, "V", y + BAR, "H", x + 22)
        svg.text(x + 28, y + 9.5, [("the chain", "chain"), ("that made the run so long", "dim")], "dim")

    def _ruler(self) -> None:
        svg = self._svg
        for at in _marks(self._longest):
            x = self._x(at)
            svg.path("grid", "M", x, HEAD - 6, "V", self._bottom - 4)
            svg.text(x, HEAD - 12, f"{int(at) // 60}:{int(at) % 60:02d}", "dim", anchor="middle")
        svg.text(MARGIN, HEAD - 12, "minutes:seconds since the run began", "dim", room=LEFT - 2 * MARGIN - 20)

    def _row(self, span: Span) -> None:
        svg, y = self._svg, self._rows[id(span)]
        chained = id(span) in self._critical
        sign = ("✗", "bad") if not span.ok else (SIGNS.get(span.action, "·"), "good" if span.ok else "bad")
        with svg.group("change", _told(span)):
            svg.text(KEYS - 8, y + 13, *sign, anchor="end")
            svg.text(KEYS, y + 13, span.key, "chain" if chained else "key", room=LEFT - KEYS - 12)
            if chained:
                svg.path("mark", "M", MARGIN, y + 4.5, "L", MARGIN + 6, y + 9.5, "L", MARGIN, y + 14.5, "Z")
            self._bar(span, y + (ROW - BAR) / 2)
            room = WIDTH - MARGIN - RIGHT - 4
            svg.text(WIDTH - MARGIN, y + 13, _took(span), "dim" if span.ok else "bad", anchor="end", room=room)

    def _bar(self, span: Span, y: float) -> None:
        """Its parts one after the other; what was done is always to be seen."""
        began, acted, sent, end = (self._x(at) for at in (span.queued, span.started, span.sent, span.end))
        sent = max(sent, acted + MIN_BAR_WIDTH)
        if acted - began >= 0.5:
            self._svg.rect(Box(began, y + 2.5, acted - began, BAR - 5), "waits")
        self._svg.rect(Box(acted, y, sent - acted, BAR), "acts" if span.ok else "failed", rounded=1)
        if end - sent >= 0.5:
            self._svg.rect(Box(sent, y + 1.5, end - sent, BAR - 3), "settles")
        if span.settled is None and span.ok:
            last = max(sent, end)
            self._svg.path("open", "M", last + 1, y + BAR / 2, "H", last + 16)

    def _chain(self) -> None:
        """From each change of the chain to the next, at the moment when that could go."""
        for (span, moment), (other, _) in pairwise(self._timeline.critical):
            x, then = self._x(moment), self._x(max(other.started, moment))
            y, to = self._rows[id(span)] + ROW / 2, self._rows[id(other)] + ROW / 2
            self._svg.path("critical", "M", x, y, "V", to, "H", then)

    def _x(self, at: float) -> float:
        return LEFT + (RIGHT - LEFT) * at / self._longest if self._longest else LEFT


def alt_text(timeline: Timeline) -> str:
    """The same in words: how long each change took, and the chain."""
    return " ".join(_sentences(timeline))


def _sentences(timeline: Timeline) -> Iterator[str]:
    if not timeline.spans:
        yield "No change was written down."
    for span in timeline.spans:
        yield f"{_told(span)}."
    if timeline.critical:
        yield f"The chain that made the run so long: {', then '.join(span.key for span, _ in timeline.critical)}."


def _told(span: Span) -> str:
    steps = {"waited": span.started - span.queued, "asked": span.sent - span.started, "settled": span.end - span.sent}
    told = ", ".join(f"{name} {elapsed(step)}" for name, step in steps.items() if step >= 0.05)
    ending = "" if span.settled is not None else "; it was not seen to its end" if span.ok else "; it failed"
    return f"{span.action} {span.key} at {elapsed(span.queued)}{f': {told}' if told else ''}{ending}"


def _took(span: Span) -> str:
    if not span.ok:
        return "failed"
    return f"{'> ' if span.settled is None else ''}{elapsed(span.duration)}"


def _marks(longest: float) -> list[float]:
    """Moments for the ruler: round ones, and about ten."""
    step = next((mark for mark in MARKS if longest / mark <= 12), 14400)
    return [float(at) for at in range(0, int(longest) + 1, step)]
