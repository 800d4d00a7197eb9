"""The commands for the application: check, lock and pack it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from .. import paths
from ..formatting import pluralize
from ..params import load, params_file
from ..paths import checkout
from ..runs.start import check_webapp, pack_webapp, unpack_webapp
from ..stacks.application.check import describe
from ..stacks.application.lock import make_lock
from .arguments import EnvironmentName
from .console import print_table, print_text

_webapp_option = click.option(
    "--webapp", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Its folder, instead of webapp/."
)
_env_option = click.option(
    "--env", type=EnvironmentName(), metavar="ENV", help="For the servers of this environment: a file in params/."
)


@click.group()
def app() -> None:
    """Look at the application in webapp/ before it is deployed."""


@app.command("check")
@_webapp_option
@_env_option
def check_application(webapp: Path | None, env: str | None) -> None:
    """Check everything that can be known before a deployment.  Exits with 1 when there is a problem."""
    params = load(params_file(paths.root(), env)) if env else None
    contents = check_webapp(params, webapp)
    print_table(describe(contents), 2, 16, 0)
    if contents.left_out:
        click.echo("Left out:")
        print_table([(each.name, each.why) for each in contents.left_out], 24, 0, indent=2)
    problems = sum(each.is_problem for each in contents.findings)
    if problems:
        print_text(f"✗ {pluralize(problems, 'problem')}: correct what is marked with ✗.", error=True)
        sys.exit(1)


@click.command()
@_webapp_option
@_env_option
def lock(webapp: Path | None, env: str | None) -> None:
    """Lock the Python packages that the application needs.  Writes requirements.txt with hashes.

    They stand in requirements.in, or in pyproject.toml under project.dependencies. A requirements.txt without hashes
    becomes requirements.in. The newest versions are locked that these files allow.
    """
    params = load(params_file(paths.root(), env)) if env else None
    architectures = (params.compute.architecture,) if params else ()
    written = make_lock(webapp or checkout() / "webapp", checkout() / ".runbook" / "wheels", architectures)
    if written.renamed:
        click.echo(f"requirements.txt had no hashes: it is {written.source} now.")
    click.echo(f"{written.path}: {pluralize(written.packages, 'package')}, {pluralize(written.wheels, 'wheel')}.")


@click.command()
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the unpacked bundle into this folder instead, e.g. a checkout of a deployment branch.",
)
def bundle(into: Path | None) -> None:
    """Pack webapp/ as 04_deploy does.  The same content gives the same file, byte for byte."""
    if into:
        revision = unpack_webapp(into)
        click.echo(f"Revision {revision} is in {into}.")
        return
    packed = pack_webapp(paths.root())
    click.echo(replace(packed, left_out=(), warnings=()))
    click.echo(packed.path)
    click.echo("\n  ".join(("Packed:", *packed.packed)))
    if packed.left_out:
        click.echo("Left out:")
        print_table([(each.name, each.why) for each in packed.left_out], 24, 0, indent=2)
    print_table([("!", each.place, f"{each.what} → {each.fix}") for each in packed.warnings], 1, 16, 0)
