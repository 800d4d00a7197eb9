"""The ``runbook`` command: prints errors without a traceback, and loads a subcommand when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from io import TextIOWrapper
from typing import Any

import click

from ..errors import RunbookError, WrongUsage

PLUGINS = "runbook.commands"
"""The group of entry points through which other packages add commands, e.g. ``local``."""
COMMANDS = {
    "adopt": ("adopt", "Give something the tags by which it is this environment's."),
    "app": ("application", "Look at the application in webapp/ before it is deployed."),
    "apply": ("verbs", "Create and update what the parameters describe, and verify it."),
    "approve": ("evidence", "Sign an approval of the plans of a run."),
    "bundle": ("application", "Pack webapp/ as 04_deploy does."),
    "destroy": ("verbs", "Destroy the environment: 04 first, 01 last."),
    "drift": ("drift", "Show what is not as the parameters say, who did it, and what mends it."),
    "evidence": ("evidence", "Show, verify and compare the evidence of runs."),
    "init": ("init", "Write a project into DIR: notebooks, parameters, a small application, workflows."),
    "lock": ("application", "Lock the Python packages that the application needs."),
    "logs": ("logs", "Print what the application's processes wrote, on all servers."),
    "permissions": ("permissions", "Print the IAM policy that a verb needs, as JSON."),
    "plan": ("verbs", "Show what an apply would do."),
    "rollback": ("verbs", "Deploy the last revision that really worked, or another."),
    "unlock": ("unlock", "Release the environment's lock in place of the run that holds it."),
    "verify": ("verbs", "Compare what AWS shows with the parameters."),
}
"""The module of each command, and how its help begins: loading all that the commands use takes a second."""


class ErrorGroup(click.Group):
    """A click group that prints a RunbookError without a traceback, and offers the commands of plug-ins."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of our commands and of the plug-ins'."""
        return sorted({*COMMANDS, *(point.name for point in entry_points(group=PLUGINS))})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a command when it is used; ``None`` when there is none of that name."""
        command: click.Command | None = None
        if name in COMMANDS:
            command = getattr(import_module(f".{COMMANDS[name][0]}", __package__), name)
        for point in () if command else entry_points(group=PLUGINS, name=name):
            command = point.load()
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands into the overview."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._rows(context)))

    def _rows(self, context: click.Context) -> Iterator[tuple[str, str]]:
        """Each command, and how its help begins."""
        for name in self.list_commands(context):
            if name in COMMANDS:
                yield name, COMMANDS[name][1]
            elif command := self.get_command(context, name):
                yield name, command.get_short_help_str(limit=100)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Refuse what is in no name of a file: a shell cannot pass it, but a program that calls this can."""
        if any("\0" in each for each in args):
            raise click.UsageError("An argument has a null character; write it without.", context)
        return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> Any:
        """Run a command. An error of ours ends it with its message: exit code 2 for wrong usage, 1 for others.

        So does one about a file of the operator's.
        """
        for stream in (sys.stdout, sys.stderr):  # a pipe's encoding on Windows lacks the symbols of a plan
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(context)
        except RunbookError as error:
            from .console import print_text  # rich takes long to load

            print_text(f"{type(error).__name__}: {error}", error=True)
            sys.exit(2 if isinstance(error, WrongUsage) else 1)
        except OSError as error:
            if error.filename is None:
                raise
            from .console import print_text

            what = f"{error.strerror or type(error).__name__}: {error.filename}"
            print_text(f"{what}\n  → Correct the path, its permissions or the disk, then run this again.", error=True)
            sys.exit(1)


@click.group(cls=ErrorGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="runbook-lib", prog_name="runbook")
def main() -> None:
    """Plan, apply, verify and destroy an environment by running its notebooks with papermill.

    Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 changes (plan --detailed-exitcode, drift).
    """
