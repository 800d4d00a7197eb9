"""The option of all `runbook local …`: which embedded AWS is meant."""

from __future__ import annotations

from pathlib import Path

import click

import runbook_lib

REPOSITORY = Path(runbook_lib.__file__).parent.parent

root_option = click.option(
    "--root",
    envvar="RUNBOOK_ROOT",
    type=click.Path(file_okay=False, path_type=Path),
    default=REPOSITORY,
    help="The directory whose .runbook/local/ holds the state; by default this repository.",
)
