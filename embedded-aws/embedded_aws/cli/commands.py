"""`runbook local …`: start, end and inspect the embedded AWS."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from embedded_aws import pace as pace_module
from embedded_aws.cli.faults import COMMANDS, fault_lines
from embedded_aws.cli.root_option import root_option
from embedded_aws.cli.status import server_lines, status_lines
from embedded_aws.client import control, process
from embedded_aws.settings import code_version
from embedded_aws.state_folder import Address, StateFolder, not_saved
from runbook_lib.errors import LocalError, WrongUsage


@click.group()
def local() -> None:
    """The embedded AWS, for rehearsals on this machine."""
    process.require_system()


@local.command()
@root_option
@click.option(
    "--pace",
    metavar="FACTOR",
    help="The factor for AWS's durations: 0 makes everything ready at once, 1 takes as long as AWS. It is kept for the "
    f"next start. Also {pace_module.VARIABLE}.",
)
def up(root: Path, pace: str | None) -> None:
    """Start it, if it is not running; with --pace, set the pace. Fails when its account cannot be loaded or saved."""
    address = process.ensure(root, None if pace is None else pace_module.parse(pace))
    click.echo(_summary(root, address))
    _require_saved(root)


@local.command()
@root_option
@click.option("--forget", is_flag=True, help="Also delete the saved account and the pace.")
@click.option("--all", "every", is_flag=True, help="End each one of yours on this machine: `runbook local list`.")
def down(root: Path, forget: bool, every: bool) -> None:
    """End it; its account is saved for the next start. Fails when the account could not be saved."""
    if every:
        _down_all(forget)
        return
    ended = process.stop(root)
    click.echo("The embedded AWS has ended." if ended else "The embedded AWS was not running.")
    if ended and not forget:
        _require_saved(root)
    if forget:
        process.forget(root)
        click.echo("Its account is deleted.")


def _down_all(forget: bool) -> None:
    if forget:
        raise WrongUsage(
            "--all ends servers, and deletes no account.", fix="delete one: `runbook local down --forget --root DIR`"
        )
    servers = process.stop_all()
    for server in servers:
        click.echo(f"The embedded AWS of {server.root} has ended.")
    if not servers:
        click.echo("No embedded AWS was running.")
    for server in servers:
        _require_saved(server.root)


@local.command(name="list")
def list_servers() -> None:
    """List every embedded AWS that runs on this machine: its root, its user, since when, its process and memory."""
    servers = process.list_running()
    if not servers:
        click.echo("No embedded AWS is running.")
    for line in server_lines(servers):
        click.echo(line)


@local.command()
@root_option
def status(root: Path) -> None:
    """Show whether it is running, where, and what is in its account. Fails when that cannot be saved."""
    address = process.find(root)
    click.echo(_summary(root, address) if address else "The embedded AWS is not running.")
    if address and address.code != code_version():
        click.echo("It runs another version than the installed one: the next command that needs it restarts it.")
    elif address:
        for line in (*status_lines(control.call(address, "POST", "status")), *fault_lines(address)):
            click.echo(line)
    _require_saved(root)


@local.command(name="open")
@root_option
def open_site(root: Path) -> None:
    """Open the rehearsed application in a browser."""
    sites = control.call(process.require_running(root), "POST", "status").get("sites", [])
    if not sites:
        raise LocalError(
            "no load balancer is listening", fix="apply the environment first: `runbook apply --env local`"
        )
    click.echo(sites[0]["url"])
    click.echo(f"Its certificate is not publicly trusted. Browsers warn until you trust {sites[0]['certificate']}.")
    click.launch(sites[0]["url"])


@local.command()
@root_option
@click.option("--lines", type=click.IntRange(min=1), default=50, show_default=True, help="How many lines to show.")
def logs(root: Path, lines: int) -> None:
    """Show the last lines of its log."""
    log = StateFolder(root).log
    if not log.exists():
        raise LocalError(f"there is no log at {log}", fix="start the embedded AWS: `runbook local up`")
    for line in log.read_text(errors="replace").splitlines()[-lines:]:
        click.echo(line)


@local.command()
@root_option
def env(root: Path) -> None:
    """Print shell commands that configure AWS clients for it: eval "$(runbook local env)"."""
    connection = process.ensure(root).connection
    _, region = StateFolder(root).read_place()
    exports = {
        "AWS_ENDPOINT_URL": connection.endpoint_url,
        "AWS_ACCESS_KEY_ID": connection.access_key,
        "AWS_SECRET_ACCESS_KEY": connection.secret_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    for name, value in exports.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo("unset AWS_PROFILE AWS_SESSION_TOKEN")


def _require_saved(root: Path) -> None:
    if reason := StateFolder(root).read_unsaved():
        raise not_saved(reason)


def _summary(root: Path, address: Address) -> str:
    where = f"The embedded AWS is running at {address.url} (process {address.process.pid})."
    return "\n".join(filter(None, [where, pace_module.describe(StateFolder(root).read_pace()), address.notice]))


for command in COMMANDS:
    local.add_command(command)
