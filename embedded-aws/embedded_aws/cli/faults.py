"""`runbook local fault …`, kill-instance, fail-zone, fail-over and restore: the control door by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from embedded_aws.cli.root_option import root_option
from embedded_aws.client import control as door
from embedded_aws.client import process
from embedded_aws.state_folder import Address
from runbook_lib.errors import LocalError, WrongUsage

HOOK = "hook"
KINDS = ("throttle", "error", "slow", "lost", "refuse", "fail")


@click.group()
def fault() -> None:
    """Let chosen calls, or hooks of a deployment, go wrong. See docs/game-days.md."""


@fault.command()
@root_option
@click.argument(
    "what",
    metavar="SERVICE:OPERATION|hook:EVENT",
    help="Whose calls, as boto3 names them, or which hook; patterns are allowed.",
)
@click.argument("kind", type=click.Choice(KINDS), help="How they go wrong; hooks fail.")
@click.option("--times", type=int, help="How many are hit; without it, all until it is cleared.")
@click.option("--skip", type=int, help="How many that match go through first.")
@click.option("--probability", type=float, help="Of each to be hit, above 0 and up to 1.")
@click.option("--seed", type=int, help="The same seed hits the same ones.")
@click.option("--seconds", type=float, help="slow: how long a call waits before it is executed.")
@click.option("--status", type=int, help="error: 500 or 503; refuse: the HTTP status.")
@click.option("--code", help="refuse: AWS's error code, such as AccessDenied.")
@click.option("--message", help="refuse: in AWS's words.")
@click.option("--instance", help="hook: on this instance only.")
@click.option("--zone", help="hook: on the instances of this zone only.")
def add(root: Path, what: str, kind: str, **more: Any) -> None:
    """Add a fault, such as: fault add ec2:CreateSubnet throttle --times 3, or: fault add hook:ValidateService fail."""
    first, colon, second = what.partition(":")
    if not colon or not first or not second:
        raise WrongUsage(
            f"{what!r} names no operation", fix="write ec2:CreateSubnet, 's3:Put*' or hook:ValidateService"
        )
    if (first == HOOK) != (kind == "fail"):
        raise WrongUsage(f"{kind} is no fault of {what}", fix="hooks fail, and nothing else does")
    named = {"hook": second} if first == HOOK else {"service": first, "operation": second}
    rule = {**named, "kind": kind, **{name: value for name, value in more.items() if value is not None}}
    for added in door.ask(process.running(root), "POST", "faults", rule)["faults"]:
        click.echo(_line(added))


@fault.command(name="list")
@root_option
def list_(root: Path) -> None:
    """Show the faults, and how many calls each has hit."""
    faults = door.ask(process.running(root), "GET", "faults")["faults"]
    for found in faults:
        click.echo(_line(found))
    if not faults:
        click.echo("There are no faults.")


@fault.command()
@root_option
@click.argument("numbers", nargs=-1, type=int, help="As `fault list` shows them.")
def clear(root: Path, numbers: tuple[int, ...]) -> None:
    """End these faults, by their numbers, or all."""
    sent = {"numbers": list(numbers)} if numbers else None
    ended = door.ask(process.running(root), "DELETE", "faults", sent)["faults"]
    click.echo(f"{len(ended)} faults have ended." if len(ended) != 1 else "One fault has ended.")


@click.command(name="kill-instance")
@root_option
@click.argument("instance", metavar="INSTANCE|any", help="Its id; any is one of an Auto Scaling group.")
def kill_instance(root: Path, instance: str) -> None:
    """Lose an instance: what runs on it is killed, and EC2's status checks of it fail."""
    found = door.ask(process.running(root), "POST", "kill-instance", {"instance": instance})
    how = "its processes are killed" if found["killed"] else "it had no processes"
    click.echo(f"{found['instance']} in {found['zone']} is lost: {how}.")


@click.command(name="fail-zone")
@root_option
@click.argument("zone", help="Such as us-west-2a.")
def fail_zone(root: Path, zone: str) -> None:
    """Lose an Availability Zone, with its instances and databases, until `restore`."""
    found = door.ask(process.running(root), "POST", "fail-zone", {"zone": zone})
    click.echo(f"{zone} is lost, with {', '.join(found['instances']) or 'no instance'}.")


@click.command(name="fail-over")
@root_option
@click.argument("database", help="Its identifier, such as local-database.")
def fail_over(root: Path, database: str) -> None:
    """Reboot a Multi-AZ database into its standby."""
    found = door.ask(process.running(root), "POST", "fail-over", {"database": database})
    click.echo(f"{database} fails over from {found['from']} to {found['to']}.")


@click.command()
@root_option
def restore(root: Path) -> None:
    """End all trouble: faults, and instances and zones that are lost."""
    found = door.ask(process.running(root), "POST", "restore")
    told = [f"{name} {', '.join(found[name])}" for name in ("zones", "instances") if found[name]]
    told += [f"{len(found['faults'])} faults"] if found["faults"] else []
    click.echo(f"Restored: {'; '.join(told)}." if told else "There was nothing to restore.")


COMMANDS = (fault, kill_instance, fail_zone, fail_over, restore)


def trouble(address: Address) -> Iterator[str]:
    """What goes wrong on request at the moment, a line each."""
    try:
        found = door.ask(address, "GET", "faults")
    except LocalError as error:
        yield f"What goes wrong on request is not known: {error.what}."
        return
    yield from (f"Fault {_line(one)}" for one in found["faults"])
    yield from (f"{zone} is lost, until `runbook local restore`." for zone in found["zones"])
    yield from (f"{instance} is lost." for instance in found["instances"])


def _line(found: dict[str, Any]) -> str:
    """Such as: 3 ec2:Create* throttle, 2 of 5 times, after 1."""
    rule = found["rule"]
    details = [f"{rule['seconds']:g} s"] if "seconds" in rule else []
    details += [str(rule[name]) for name in ("code", "status") if name in rule]
    times = f"{found['hit']} of {rule['times']} hit" if "times" in rule else f"{found['hit']} hit"
    skip = f", after {rule['skip']}" if rule["skip"] else ""
    chance = f", with probability {rule['probability']:g} (seed {rule['seed']})" if rule["probability"] < 1 else ""
    return f"{found['number']} {found['what']} {' '.join([rule['kind'], *details])}: {times}{skip}{chance}"
