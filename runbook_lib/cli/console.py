"""Print texts and tables: fitted to a terminal between words, plain and unwrapped in a pipe or a log."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Sequence

import click
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from ..formatting import one_line

NAME_WIDTH = 12
"""Columns for the name at the beginning of a line, e.g. of a notebook."""
_UNLIMITED = 10_000


SYMBOL_STYLES = {"+": "green", "~": "yellow", "-": "red", "!": "bold red", "=": "dim", "✗": "red"}
"""The colours of the symbols that lines begin with."""


class WrappedText:
    """A line of text for rich: wrapped between words to the width that there is, and never cut.

    A word that is longer than the width, such as an ARN, is not broken: where a terminal breaks it, it is still copied
    as one.

    Args:
        head: What the first line begins with; the text starts after it.
        hanging: How far the lines after the first are indented, further than the first.
        style: The style of the text.
    """

    def __init__(self, text: str, *, head: Text | None = None, hanging: int = 4, style: str = "none") -> None:
        self._text, self._head, self._style = one_line(text.lstrip()), head or Text(), style
        self._margin = " " * (len(text) - len(text.lstrip()))
        self._following = self._margin + " " * hanging

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        begin = len(self._head)
        lines = textwrap.wrap(
            self._text, options.max_width, initial_indent=" " * begin + self._margin,
            subsequent_indent=self._following, break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        for number, line in enumerate(lines or [" " * begin]):
            text = Text.assemble(self._head, (line[begin:], self._style)) if number == 0 else Text(line, self._style)
            text.no_wrap, text.overflow = True, "ignore"
            yield text


def print_renderable(renderable: RenderableType, *, max_width: int = _UNLIMITED, error: bool = False) -> None:
    """Print something of rich without trailing spaces; in colour on a terminal only, unless NO_COLOR is set.

    Args:
        max_width: Columns to use at most, also where there is room for more.
        error: Whether to print to standard error instead of standard output.
    """
    terminal = (sys.stderr if error else sys.stdout).isatty()
    console = Console(
        force_terminal=terminal, width=None if terminal else _UNLIMITED, highlight=False, markup=False, emoji=False,
        stderr=error,
    )  # fmt: skip
    with console.capture() as capture:
        console.print(renderable, width=min(max_width, console.width), crop=False)
    for line in capture.get().splitlines():
        click.echo(line.rstrip(), err=error)


def print_text(text: str, *, error: bool = False) -> None:
    """Print lines of text; on a terminal they are wrapped between words, and a line that begins with ✗ is red.

    Args:
        error: Whether to print to standard error instead of standard output.
    """
    for line in text.split("\n"):
        print_renderable(WrappedText(line, style=SYMBOL_STYLES["✗"] if line.startswith("✗") else "none"), error=error)


def print_table(rows: Iterable[Sequence[str]], *widths: int, indent: int = 0, max_width: int = _UNLIMITED) -> None:
    """Print rows of texts in columns; the last column is wrapped between words where it is too long.

    Args:
        widths: The least widths of the columns.
        indent: Spaces before each row.
        max_width: Columns to use at most, also in a pipe or a log.
    """
    texts = [[one_line(cell) for cell in row] for row in rows]
    fitted = [max(width, *(len(row[i]) for row in texts)) for i, width in enumerate(widths[:-1])] if texts else []
    for *cells, last in texts:
        head = Text(" " * indent)
        for cell, width in zip(cells, fitted, strict=True):
            head.append(cell, SYMBOL_STYLES.get(cell, "none")).append(" " * (width - len(cell) + 1))
        print_renderable(WrappedText(last, head=head, hanging=len(head)), max_width=max_width)
