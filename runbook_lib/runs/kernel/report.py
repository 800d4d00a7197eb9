"""What a verb returns and an operator reads: as text, as HTML, and alive while AWS settles."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape

from ...engine.plan import ACTION_SYMBOLS, Action, Change, Plan, render_change
from ...formatting import elapsed
from ...resources.base import Resource

_REFRESH = 1.0
_COLOUR = {"+": "#1a7f37", "~": "#9a6700", "-": "#cf222e", "!": "#cf222e", "✓": "#1a7f37", "✗": "#cf222e"}
_FEW = 24


@dataclass
class Row:
    """One resource's line: what happens to it and how far that is."""

    sign: str
    key: str
    notes: tuple[str, ...] = ()
    state: str = ""
    took: float | None = None


@dataclass
class Report:
    """A title, a line for each resource, and what to make of it.

    Shown once it is returned by the last line of a cell; a live one is on the screen from
    its beginning and what is saved is its last state.
    """

    title: str
    rows: list[Row] = field(default_factory=list)
    closing: str = ""
    plan: Plan | None = None
    folded: bool = False
    _screen: Callable[[dict[str, str], bool], None] | None = field(default=None, repr=False)
    _drawn: float = field(default=0.0, repr=False)
    _shown: bool = field(default=False, repr=False)

    @classmethod
    def of(cls, plan: Plan, title: str, closing: str = "", *, folded: bool = False, whole: bool = False) -> Report:
        """The report of a plan; what is kept is only counted, and what is new described if *whole*."""
        rows = [_row(lines, ACTION_SYMBOLS[c.action], c.key) for c in plan.changes if (lines := _said(c, whole))]
        return cls(title, rows, closing, plan, folded)

    def live(self) -> Report:
        """Put it on the screen now, where there is one that can be updated."""
        self._screen = _screen()
        self._draw(first=True)
        return self

    def watch(self, resource: Resource, state: str, took: float) -> None:
        """Take note of how far a resource is."""
        row = next((r for r in self.rows if r.key == resource.key), None)
        if row is None:
            row = Row("…", resource.key)
            self.rows.append(row)
        news = row.state != state
        row.state, row.took = state, took
        if news or time.monotonic() - self._drawn > _REFRESH:
            self._draw()

    def close(self, closing: str) -> Report:
        """Say how it ended."""
        self.closing = closing
        self._draw()
        return self

    def __str__(self) -> str:
        return "\n".join([self.title, *(line for row in self.rows for line in _lines(row)), *self._closing()])

    __repr__ = __str__

    def html(self) -> str:
        """As a table that reads well on a light and on a dark page."""
        body = "".join(_cells(row) for row in self.rows)
        table = f'<table style="font-size:90%">{body}</table>' if body else ""
        if table and (self.folded or len(self.rows) > _FEW):
            opened = "" if self.folded else " open"
            table = f"<details{opened}><summary>{len(self.rows)} lines</summary>{table}</details>"
        closing = "".join(f'<div style="margin-top:.3em">{escape(line)}</div>' for line in self._closing())
        return f"<div><b>{escape(self.title)}</b>{table}{closing}</div>"

    def _closing(self) -> list[str]:
        return self.closing.splitlines()

    def _bundle(self) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.html()}

    def _draw(self, *, first: bool = False) -> None:
        if self._screen:
            self._screen(self._bundle(), first)
            self._drawn, self._shown = time.monotonic(), True

    def _ipython_display_(self) -> None:
        if self._shown:  # it is on the screen already; a second mention shows it again
            self._shown = False
            return
        from IPython.display import display

        display(self._bundle(), raw=True)


def _said(change: Change, whole: bool) -> list[str]:
    return list(render_change(change, whole=whole)) if change.action is not Action.KEEP or change.reason else []


def _row(lines: Iterable[str], sign: str, key: str) -> Row:
    head, *notes = lines
    reason = head.partition(key)[2].strip()
    return Row(sign, key, tuple(n.strip() for n in ([reason] if reason else []) + notes))


def _lines(row: Row) -> list[str]:
    took = f"  {elapsed(row.took)}" if row.took is not None else ""
    head = f"  {row.sign} {row.key:<44} {row.state}{took}".rstrip()
    return [head, *(f"      {note}" for note in row.notes)]


def _cells(row: Row) -> str:
    colour = _COLOUR.get(row.sign, "inherit")
    notes = "".join(f'<div style="opacity:.75">{escape(note)}</div>' for note in row.notes)
    took = escape(elapsed(row.took)) if row.took is not None else ""
    left = 'style="text-align:left"'
    return (
        f'<tr><td {left}><b style="color:{colour}">{escape(row.sign)}</b></td>'
        f"<td {left}><code>{escape(row.key)}</code>{notes}</td>"
        f'<td {left}>{escape(row.state)}</td><td style="text-align:right">{took}</td></tr>'
    )


def _screen() -> Callable[[dict[str, str], bool], None] | None:
    """Draws in the running notebook; there may be none."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython
    from IPython.display import display, update_display

    if getattr(get_ipython(), "kernel", None) is None:
        return None
    place = f"report-{time.monotonic_ns()}"

    def draw(bundle: dict[str, str], first: bool) -> None:
        (display if first else update_display)(bundle, raw=True, display_id=place)

    return draw
