"""Print tables to standard output: fitted to a terminal, plain and unwrapped in a pipe or a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Column, Table

from ..formatting import one_line

NAME_WIDTH = 12
"""Columns for the name at the beginning of a line, e.g. of a notebook."""
_UNLIMITED = 10_000


def print_renderable(renderable: RenderableType, *, max_width: int = _UNLIMITED) -> None:
    """Print something of rich without trailing spaces; in colour on a terminal only, unless NO_COLOR is set.

    Args:
        max_width: Columns to use at most, also where there is room for more.
    """
    terminal = sys.stdout.isatty()
    console = Console(
        force_terminal=terminal, width=None if terminal else _UNLIMITED, highlight=False, markup=False, emoji=False
    )
    with console.capture() as capture:
        console.print(renderable, width=min(max_width, console.width))
    for line in capture.get().splitlines():
        click.echo(line.rstrip())


def print_table(rows: Iterable[Sequence[str]], *widths: int, indent: int = 0) -> None:
    """Print rows of texts in columns, each on one line; on a terminal a long text is wrapped within its column.

    Args:
        widths: The least widths of the columns.
        indent: Spaces before each row.
    """
    table = Table.grid(*(Column(min_width=width, overflow="fold") for width in widths), padding=(0, 1), pad_edge=False)
    for row in rows:
        table.add_row(*map(one_line, row))
    print_renderable(Padding(table, (0, 0, 0, indent)))
