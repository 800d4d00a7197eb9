"""The report that a verb returns to a notebook: text and HTML, updated on the screen while AWS works."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ...engine.plan import ACTION_SYMBOLS, Action, Change, Plan, render_change
from ...formatting import elapsed, pluralize
from ...journal.redaction.redactor import REDACTOR
from ...resources.base import Resource
from .html import render_html
from .shell import ENGINE, find_kernel_shell, send_to_engine

_REFRESH_SECONDS = 1.0
_WAITING_SHOWN = 3
"""How many of the resources that are waited for are named beside the progress bar."""
_MAX_OPEN_ROWS = 24
_FOLDED_SIGNS = {ACTION_SYMBOLS[Action.CREATE], ACTION_SYMBOLS[Action.KEEP]}


@dataclass
class Row:
    """One line of a report, about a resource or a check.

    Args:
        sign: The symbol of the action or of the result.
        key: The resource's key, or the check's claim.
        notes: Details, one a line.
        state, took: The resource's current state, and the seconds since its change began.
        polled_at: The time of the last look at it, while it is waited for; 0 otherwise.
        usual: How long AWS usually takes for it; empty for seconds.
        section: The table it belongs to, below the others; empty for the first.
    """

    sign: str
    key: str
    notes: tuple[str, ...] = ()
    state: str = ""
    took: float | None = None
    polled_at: float = 0.0
    usual: str = ""
    section: str = ""

    @property
    def duration(self) -> str:
        """*took* as text; empty when it is not known."""
        return elapsed(self.took) if self.took is not None else ""


@dataclass
class Report:
    """A title, a line for each resource, and closing lines.

    It is shown when it is the value of a cell's last line.  A live report is shown at once and
    updated in place; the notebook keeps its last state.
    """

    title: str
    rows: list[Row] = field(default_factory=list)
    closing: str = ""
    plan: Plan | None = None
    folded: bool = False
    links: Mapping[str, str] = field(default_factory=dict)
    _screen: Callable[[dict[str, str], bool], None] | None = field(default=None, repr=False)
    _drawn_at: float = field(default=0.0, repr=False)
    _is_shown: bool = field(default=False, repr=False)
    _is_running: bool = field(default=False, repr=False)
    _last_took: float = field(default=-1.0, repr=False)

    @classmethod
    def of(cls, plan: Plan, title: str, closing: str = "", *, folded: bool = False, whole: bool = False) -> Report:
        """Create the report of a plan, with a row for each change and for each resource kept for a reason.

        Args:
            folded: Whether the rows are hidden until somebody opens them.
            whole: Whether the fields of new resources are listed.
        """
        rows = [_row(lines, change) for change in plan.changes if (lines := _change_lines(change, whole))]
        return cls(title, rows, closing, plan, folded)

    def live(self) -> Report:
        """Show it now, in a notebook, and update it in place from now on."""
        global _live
        self._screen, self._is_running, _live = _create_screen(), True, self
        self._draw(first=True)
        return self

    def on_progress(self, resource: Resource, state: str, took: float) -> None:
        """Record the state of a resource in its row; adds a row for one that was not planned."""
        row = next((r for r in self.rows if r.key == resource.key), None)
        if row is None:
            row = Row("…", resource.key)
            self.rows.append(row)
        changed = row.state != state
        if took != self._last_took:  # a new turn: what is not reported in it is done
            self._last_took = took
            for other in self.rows:
                other.polled_at = 0.0
        row.state, row.took, row.polled_at = state, took, time.monotonic()
        row.usual = resource.usual_delete if row.sign == ACTION_SYMBOLS[Action.DELETE] else resource.usual_wait
        if changed or time.monotonic() - self._drawn_at > _REFRESH_SECONDS:
            self._draw()
            if (shell := find_kernel_shell()) is not None:
                send_to_engine(shell, waiting=self._waiting())

    def tick(self) -> None:
        """Count the seconds of what is waited for, between two looks at AWS."""
        now = time.monotonic()
        for row in self.rows:
            if row.polled_at and row.took is not None:
                row.took, row.polled_at = row.took + now - row.polled_at, now
        self._draw()

    def _progress(self) -> tuple[int, int, str]:
        """How many rows are done, of how many, and what is waited for."""
        done = sum(row.took is not None and not row.polled_at for row in self.rows)
        waiting = self._waiting()
        return done, len(self.rows), f" · {waiting}" if waiting else ""

    def _waiting(self) -> str:
        """What is waited for: each resource with its state, for how long, and the usual time; empty for nothing."""
        waiting = [row for row in self.rows if row.polled_at]
        texts = [
            f"{row.key} {row.state} {row.duration}{f', usually {row.usual}' if row.usual else ''}"
            for row in waiting[:_WAITING_SHOWN]
        ]
        if more := len(waiting) - len(texts):
            texts.append(f"{more} more")
        return "; ".join(texts)

    def close(self, closing: str) -> Report:
        """Set the closing lines; nothing is waited for any more."""
        global _live
        self.closing, self._is_running, _live = closing, False, None if _live is self else _live
        self._draw()
        return self

    def __str__(self) -> str:
        lines = [line for row in self._of_section("") for line in _text_lines(row)]
        for section in self._sections():
            lines += [section, *(line for row in self._of_section(section) for line in _text_lines(row))]
        done, of, waiting = self._progress()
        bar = [f"  [{'#' * (20 * done // of):<20}] {done} of {of}{waiting}"] if self._is_running and of else []
        return "\n".join([self.title, *bar, *lines, *self.closing.splitlines()])

    __repr__ = __str__

    def html(self) -> str:
        """The same as HTML."""
        head = render_html("progress", *self._progress()) if self._is_running else ""
        groups = self._groups(self._of_section(""))
        groups += [(section, self._of_section(section)) for section in self._sections()]
        tail = render_html("links", self.links) if self.links else ""
        return head + render_html("report", self.title, groups, self.closing.splitlines()) + tail

    def _sections(self) -> list[str]:
        return list(dict.fromkeys(row.section for row in self.rows if row.section))

    def _of_section(self, section: str) -> list[Row]:
        return [row for row in self.rows if row.section == section]

    def _groups(self, rows: list[Row]) -> list[tuple[str, list[Row]]]:
        """The rows in groups: the summary of a folded group, or an empty text, and its rows.

        A long list that shows no progress is folded by action and kind, so that what is changed, deleted or
        blocked is not lost among what is created.
        """
        if self.folded and rows:
            return [(pluralize(len(rows), "line"), rows)]
        if len(rows) <= _MAX_OPEN_ROWS or any(row.state for row in rows):
            return [("", rows)] if rows else []
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            groups.setdefault((row.sign, row.key.partition(".")[0] if row.sign in _FOLDED_SIGNS else ""), []).append(
                row
            )
        return [
            ("" if not kind else f"{sign} {own[0].key}" if len(own) == 1 else f"{sign} {len(own)} × {kind}", own)
            for (sign, kind), own in groups.items()
        ]

    def _bundle(self) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.html()}

    def _draw(self, *, first: bool = False) -> None:
        if self._screen:
            self._screen(self._bundle(), first)
            self._drawn_at, self._is_shown = time.monotonic(), True

    def _ipython_display_(self) -> None:
        if self._is_shown:  # by `live`; if the cell's value is this report again, it is shown again
            self._is_shown = False
            return
        from IPython.display import display

        display(self._bundle(), raw=True)


_live: Report | None = None
"""The report that is shown now, while its verb acts."""


def sleep_and_tick(seconds: float) -> None:
    """Sleep; meanwhile the report that is shown counts the seconds, where somebody may look at it."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _REFRESH_SECONDS))
        if _live is not None and ENGINE not in os.environ:
            _live.tick()


def _change_lines(change: Change, whole: bool) -> list[str]:
    return list(render_change(change, whole=whole)) if change.action is not Action.KEEP or change.reason else []


def _row(lines: Iterable[str], change: Change) -> Row:
    head, *notes = lines
    reason = head.partition(change.key)[2].strip()
    texts = (REDACTOR.redact_text(note.strip()) for note in ([reason] if reason else []) + notes)
    return Row(ACTION_SYMBOLS[change.action], change.key, tuple(texts))


def _text_lines(row: Row) -> list[str]:
    took = f"  {row.duration}" if row.duration else ""
    head = f"  {row.sign} {row.key:<44} {row.state}{took}".rstrip()
    return [head, *(f"      {note}" for note in row.notes)]


def _create_screen() -> Callable[[dict[str, str], bool], None] | None:
    """A function that shows a bundle in the running notebook and updates it there; ``None`` outside a notebook."""
    if find_kernel_shell() is None:
        return None
    from IPython.display import display, update_display

    display_id = f"report-{time.monotonic_ns()}"

    def draw(bundle: dict[str, str], first: bool) -> None:
        (display if first else update_display)(bundle, raw=True, display_id=display_id)

    return draw
