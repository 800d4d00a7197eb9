"""The option --root of all `runbook local …`: which embedded AWS is meant."""

from __future__ import annotations

from pathlib import Path

import click

from runbook_lib.paths import checkout

root_option = click.option(
    "--root",
    envvar="RUNBOOK_ROOT",
    type=click.Path(file_okay=False, path_type=Path),
    default=checkout,
    help="The directory whose .runbook/local/ holds the state; by default this repository.",
)
