"""The rows of docs/notebook-tools.md: each is the claim of a test, which is the one that shows it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

Test = TypeVar("Test", bound=Callable[..., object])


class Row(NamedTuple):
    """What a tool does with the notebooks.

    Args:
        use: A flag, a function or a command of the tool.
        result: What happens, in a few words.
        test: The test that shows it.
    """

    tool: str
    use: str
    result: str
    test: str


ROWS: list[Row] = []


def shows(tool: str, use: str, result: str) -> Callable[[Test], Test]:
    """Say what a test shows about a tool; a test may say it of several uses."""

    def add(test: Test) -> Test:
        ROWS.append(Row(tool, use, result, test.__name__))
        return test

    return add


def read_rows(package: str = "tests.tools") -> list[Row]:
    """The rows of all tests of the package, by tool and use."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")
    return sorted(set(ROWS), key=lambda row: (row.tool.lower(), row.use.lstrip("-"), row.result))


def as_markdown(rows: list[Row]) -> str:
    """One table for each tool."""
    return "\n".join(_table(tool, [row for row in rows if row.tool == tool]) for tool in _tools(rows))


def _tools(rows: list[Row]) -> Iterator[str]:
    yield from dict.fromkeys(row.tool for row in rows)


def _table(tool: str, rows: list[Row]) -> str:
    lines = [f"| {_cell(row.use)} | {_cell(row.result)} | `{row.test}` |" for row in rows]
    return "\n".join([f"## {tool}\n", "| use | what happens | shown by |", "|---|---|---|", *lines]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
