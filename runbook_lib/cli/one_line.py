"""A type for options whose values go into the evidence: one line of printable text."""

from __future__ import annotations

from typing import Any

import click


class _OneLine(click.ParamType[str]):
    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value, or refuse it: with a line break or an escape it would look like something else."""
        text = str(value)
        if not text.isprintable():
            self.fail(f"{text!a} has line breaks or control characters. Write one line of printable text.", param, ctx)
        return text


ONE_LINE = _OneLine()
