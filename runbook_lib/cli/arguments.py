"""Types of the command's arguments: what completes them in a shell, what they may be, and what to give instead."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from .. import paths
from ..journal.reader import JOURNAL
from ..runs.runner import NOTEBOOKS


class _Name(click.ParamType[str]):
    """A name that the shell completes."""

    def names(self) -> Iterable[str]:
        """All names, sorted."""
        raise NotImplementedError

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in self.names() if name.startswith(incomplete)]


class EnvironmentName(_Name):
    """The name of a file in ``params/``."""

    name = "environment"

    def names(self) -> Iterable[str]:
        """Return the names of the files in ``params/``."""
        return sorted(path.stem for path in (paths.root() / "params").glob("*.yaml"))

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Say which environments there are."""
        return f"Use one of: {', '.join(self.names()) or 'none, since there is no params/ here'}."


class ConfirmedName(EnvironmentName):
    """The environment's name, given a second time."""

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Say what to write: the name that was given before."""
        return f"Give the environment's name again: --confirm {(ctx.params.get('env') if ctx else '') or 'ENV'}."


class NotebookName(_Name):
    """The name of a notebook."""

    name = "notebook"

    def names(self) -> Iterable[str]:
        """Return the names of the notebooks."""
        return NOTEBOOKS


class OneLine(click.ParamType[str]):
    """One line of printable text, for values that go into the evidence.

    Args:
        if_missing: What to write where it is required and not given.
    """

    name = "text"

    def __init__(self, if_missing: str = "") -> None:
        self._if_missing = if_missing

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Say what to write."""
        return self._if_missing

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value, or refuse it: with a line break or an escape it would look like something else."""
        text = str(value)
        if not text.isprintable():
            self.fail(f"{text!a} has line breaks or control characters. Write one line of printable text.", param, ctx)
        return text


class RunName(_Name):
    """A run's id; its folder or archive is accepted, too."""

    name = "run"

    def names(self) -> Iterable[str]:
        """Return the names of the runs in ``artifacts/``."""
        return sorted(path.parent.name for path in Path(paths.root() / "artifacts").glob(f"*/*/{JOURNAL}"))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete a path or an archive as a file, and anything else as a run."""
        if "/" in incomplete or incomplete.endswith(".zip"):
            return [CompletionItem(incomplete, type="file")]
        return super().shell_complete(ctx, param, incomplete)
