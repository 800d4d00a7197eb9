"""Show how far each notebook of a run is: a bar for each on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from ..formatting import elapsed
from ..runs.runner import OnEvent, Progress

_BAR_FROM = 100
"""Columns from which there is room for a bar beside what is waited for."""


class _Cells(MofNCompleteColumn):
    """How many cells have ended, of how many; nothing before the notebook has begun."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.started else Text()


class _Time(TimeElapsedColumn):
    """How long the notebook has run; nothing before it has begun."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.started else Text()


@contextmanager
def show_progress(notebooks: Sequence[str]) -> Iterator[OnEvent]:
    """Show the progress of a run while the block runs; gives the function that takes its events."""
    console = Console(stderr=True)
    if not sys.stderr.isatty() or console.is_dumb_terminal:
        yield _line_printer()
        return
    columns: tuple[ProgressColumn, ...] = (
        TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, overflow="fold")),
        *((BarColumn(bar_width=console.width // 8),) if console.width >= _BAR_FROM else ()),
        _Cells(),
        _Time(),
    )
    bars = Bars(*columns, console=console, expand=True, redirect_stdout=False)
    try:
        with suppress(OSError):  # the terminal was closed: the run goes on, or is interrupted by a signal
            bars.start()
        yield _bar_updater(bars, notebooks)
    finally:
        with suppress(OSError):
            bars.stop()


def _bar_updater(bars: Bars, notebooks: Sequence[str]) -> OnEvent:
    tasks = {name: bars.add_task(f"{name} waiting", total=1, start=False) for name in notebooks}

    def update(progress: Progress) -> None:
        cell = progress.cell if progress.state == "done" else max(0, progress.cell - 1)
        step = progress.waiting or progress.section if progress.state == "running" else progress.state
        description = f"{progress.notebook} {step}"
        task = tasks[progress.notebook]
        if progress.state == "running":
            bars.start_task(task)  # each notebook has its own time
        elif progress.state != "waiting":
            bars.stop_task(task)
        with suppress(OSError):
            bars.update(task, total=progress.of or 1, completed=cell, description=description, refresh=True)

    return update


def _line_printer() -> OnEvent:
    last: dict[str, tuple[str, str, float]] = {}

    def print_line(progress: Progress) -> None:
        current = (progress.state, progress.section, progress.quiet)
        if last.get(progress.notebook) == current:
            return
        last[progress.notebook] = current
        step = f"{progress.cell}/{progress.of} {progress.section}" if progress.of else "starting"
        if progress.state != "running":
            step = progress.state
        if progress.quiet:
            step += f" … {elapsed(progress.quiet)}{f': {progress.waiting}' if progress.waiting else ''}"
        click.echo(f"{datetime.now():%H:%M:%S} {progress.notebook:<12} {step}")

    return print_line
