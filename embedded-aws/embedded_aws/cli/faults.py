"""`runbook local fault …`, kill-instance, fail-zone, fail-over and restore: game days from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from embedded_aws.cli.root_option import root_option
from embedded_aws.client import control, process
from embedded_aws.state_folder import Address
from runbook_lib.errors import LocalError, WrongUsage

HOOK = "hook"
KINDS = ("throttle", "error", "slow", "lost", "refuse", "fail")


@click.group()
def fault() -> None:
    """Let chosen calls, or hooks of a deployment, fail. See docs/game-days.md."""


@fault.command()
@root_option
@click.argument(
    "what",
    metavar="SERVICE:OPERATION|hook:EVENT",
    help="Which calls, by boto3's names, or which hook; patterns are allowed.",
)
@click.argument("kind", type=click.Choice(KINDS), help="How they fail; for hooks: fail.")
@click.option("--times", type=int, help="How many are hit; by default all, until it is cleared.")
@click.option("--skip", type=int, help="How many matches pass first.")
@click.option("--probability", type=float, help="The probability that a match is hit, above 0 and up to 1.")
@click.option("--seed", type=int, help="The same seed hits the same matches.")
@click.option("--seconds", type=float, help="slow: the delay before a call is executed.")
@click.option("--status", type=int, help="error: 500 or 503; refuse: the HTTP status.")
@click.option("--code", help="refuse: AWS's error code, such as AccessDenied.")
@click.option("--message", help="refuse: AWS's error message.")
@click.option("--instance", help="hook: on this instance only.")
@click.option("--zone", help="hook: on the instances of this zone only.")
def add(root: Path, what: str, kind: str, **options: Any) -> None:
    """Add a fault, such as: fault add ec2:CreateSubnet throttle --times 3, or: fault add hook:ValidateService fail."""
    first, colon, second = what.partition(":")
    if not colon or not first or not second:
        raise WrongUsage(
            f"{what!r} is not an operation or a hook", fix="write ec2:CreateSubnet, 's3:Put*' or hook:ValidateService"
        )
    if (first == HOOK) != (kind == "fail"):
        raise WrongUsage(f"{kind} does not apply to {what}", fix="use fail for hooks, another kind for operations")
    target = {"hook": second} if first == HOOK else {"service": first, "operation": second}
    rule = {**target, "kind": kind, **{name: value for name, value in options.items() if value is not None}}
    for one in control.call(process.require_running(root), "POST", "faults", rule)["faults"]:
        click.echo(_line(one))


@fault.command(name="list")
@root_option
def list_(root: Path) -> None:
    """Show the faults, and how many calls each has hit."""
    faults = control.call(process.require_running(root), "GET", "faults")["faults"]
    for one in faults:
        click.echo(_line(one))
    if not faults:
        click.echo("There are no faults.")


@fault.command()
@root_option
@click.argument("numbers", nargs=-1, type=int, help="As `fault list` shows them.")
def clear(root: Path, numbers: tuple[int, ...]) -> None:
    """Clear these faults, by their numbers, or all."""
    payload = {"numbers": list(numbers)} if numbers else None
    cleared = control.call(process.require_running(root), "DELETE", "faults", payload)["faults"]
    click.echo(f"{len(cleared)} faults are cleared." if len(cleared) != 1 else "One fault is cleared.")


@click.command(name="kill-instance")
@root_option
@click.argument("instance", metavar="INSTANCE|any", help="Its id; any is one of an Auto Scaling group.")
def kill_instance(root: Path, instance: str) -> None:
    """Lose an instance: its processes are killed, and EC2's status checks of it fail."""
    result = control.call(process.require_running(root), "POST", "kill-instance", {"instance": instance})
    how = "its processes are killed" if result["killed"] else "it had no processes"
    click.echo(f"{result['instance']} in {result['zone']} is lost: {how}.")


@click.command(name="fail-zone")
@root_option
@click.argument("zone", help="Such as us-west-2a.")
def fail_zone(root: Path, zone: str) -> None:
    """Lose an Availability Zone, with its instances and databases, until `restore`."""
    result = control.call(process.require_running(root), "POST", "fail-zone", {"zone": zone})
    click.echo(f"{zone} is lost, with {', '.join(result['instances']) or 'no instance'}.")


@click.command(name="fail-over")
@root_option
@click.argument("database", help="Its identifier, such as local-database.")
def fail_over(root: Path, database: str) -> None:
    """Reboot a Multi-AZ database into its standby."""
    result = control.call(process.require_running(root), "POST", "fail-over", {"database": database})
    click.echo(f"{database} fails over from {result['from']} to {result['to']}.")


@click.command()
@root_option
def restore(root: Path) -> None:
    """End all faults and outages."""
    result = control.call(process.require_running(root), "POST", "restore")
    restored = [f"{name} {', '.join(result[name])}" for name in ("zones", "instances") if result[name]]
    restored += [f"{len(result['faults'])} faults"] if result["faults"] else []
    click.echo(f"Restored: {'; '.join(restored)}." if restored else "There was nothing to restore.")


COMMANDS = (fault, kill_instance, fail_zone, fail_over, restore)


def fault_lines(address: Address) -> Iterator[str]:
    """Yield a line for each active fault and outage."""
    try:
        active = control.call(address, "GET", "faults")
    except LocalError as error:
        yield f"The active faults are not known: {error.what}."
        return
    yield from (f"Fault {_line(one)}" for one in active["faults"])
    yield from (f"{zone} is lost, until `runbook local restore`." for zone in active["zones"])
    yield from (f"{instance} is lost." for instance in active["instances"])


def _line(fault: dict[str, Any]) -> str:
    """Format a fault, such as: 3 ec2:Create* throttle: 2 of 5 hit, after 1."""
    rule = fault["rule"]
    details = [f"{rule['seconds']:g} s"] if "seconds" in rule else []
    details += [str(rule[name]) for name in ("code", "status") if name in rule]
    times = f"{fault['hit']} of {rule['times']} hit" if "times" in rule else f"{fault['hit']} hit"
    skip = f", after {rule['skip']}" if rule["skip"] else ""
    chance = f", with probability {rule['probability']:g} (seed {rule['seed']})" if rule["probability"] < 1 else ""
    return f"{fault['number']} {fault['what']} {' '.join([rule['kind'], *details])}: {times}{skip}{chance}"
