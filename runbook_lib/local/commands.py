"""`runbook local …`: the embedded AWS by hand."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from runbook_lib.errors import LocalError
from runbook_lib.local import process
from runbook_lib.local.faults.commands import COMMANDS, trouble
from runbook_lib.local.folder import Address, Folder
from runbook_lib.local.root import root_option
from runbook_lib.local.settings import REGION, code_version


@click.group()
def local() -> None:
    """The embedded AWS, for rehearsals on this machine."""


@local.command()
@root_option
def up(root: Path) -> None:
    """Start it, where it is not running."""
    click.echo(_line(process.ensure(root)))


@local.command()
@root_option
@click.option("--forget", is_flag=True, help="Delete the saved account, too: the next start is an empty one.")
def down(root: Path, forget: bool) -> None:
    """End it; its account is saved for the next start."""
    ended = process.stop(root)
    click.echo("The embedded AWS has ended." if ended else "The embedded AWS was not running.")
    if forget:
        process.forget(root)
        click.echo("Its account is deleted.")


@local.command()
@root_option
def status(root: Path) -> None:
    """Say whether it runs, and where."""
    address = process.find(root)
    click.echo(_line(address) if address else "The embedded AWS is not running.")
    if (unsaved := Folder(root).unsaved).exists():
        click.echo(f"Its account cannot be saved: {unsaved.read_text()}. See `runbook local logs`.")
    if address and address.code != code_version():
        click.echo("It runs other code than is installed: the next command that needs it restarts it.")
    elif address:
        for line in trouble(address):
            click.echo(line)


@local.command()
@root_option
@click.option("--lines", default=50, show_default=True, help="How many of the last lines.")
def logs(root: Path, lines: int) -> None:
    """Show the last lines of its log."""
    log = Folder(root).log
    if not log.exists():
        raise LocalError(f"there is no log at {log}", fix="start the embedded AWS: `runbook local up`")
    for line in log.read_text(errors="replace").splitlines()[-lines:]:
        click.echo(line)


@local.command()
@root_option
def env(root: Path) -> None:
    """Print what points stock AWS clients at it: eval "$(runbook local env)"."""
    connection = process.ensure(root).connection
    exports = {
        "AWS_ENDPOINT_URL": connection.endpoint_url,
        "AWS_ACCESS_KEY_ID": connection.access_key,
        "AWS_SECRET_ACCESS_KEY": connection.secret_key,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
    for name, value in exports.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo("unset AWS_PROFILE AWS_SESSION_TOKEN")


def _line(address: Address) -> str:
    where = f"The embedded AWS answers at {address.url} (process {address.process.pid})."
    return f"{where}\n{address.notice}" if address.notice else where


for command in COMMANDS:
    local.add_command(command)
