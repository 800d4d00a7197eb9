"""The command that releases the environment's lock in place of the run that holds it."""

from __future__ import annotations

from dataclasses import asdict

import click

from .. import paths
from ..errors import WrongUsage
from ..evidence.folder import RunFolder
from ..formatting import elapsed
from ..journal.process import ProcessIdentity
from ..params import load
from ..runs.finish import finish_run
from ..runs.lock import RENEWAL
from ..runs.start import aws_client, check_endpoint, environment_lock, new_run, run_metadata, sign_in
from .arguments import EnvironmentName, OneLine


@click.command()
@click.option("--env", type=EnvironmentName(), required=True, help="A file in params/.")
@click.option(
    "--reason",
    type=OneLine('Write why, e.g. --reason "the build machine was switched off".'),
    required=True,
    help="Why the run that holds it cannot release it; for the evidence.",
)
@click.option("--mfa-token", default="", help="The code of the MFA device, if the profile needs one.")
def unlock(env: str, reason: str, mfa_token: str) -> None:
    """Release the environment's lock in place of the run that holds it.

    Prints who holds it, and records that with the reason as evidence.  Make sure first that the run has ended: if its
    process still lives, its next renewal fails, and it is refused every write from then on.
    """
    if not reason.strip():
        raise WrongUsage("The reason is empty.", fix="Give it as one line of text.")
    root = paths.root()
    params = load(root / "params" / f"{env}.yaml")
    check_endpoint(params, root)
    run = new_run("unlock")
    sign_in(params, root, run, mfa_token)
    current = environment_lock(params, aws_client(params, root, run), "", lambda *a, **k: None).read()
    if current is None:
        click.echo(f"Nobody holds the lock of {env}.")
        return
    holder = current.holder
    held = f", held for {elapsed(current.age.total_seconds())}" if current.age is not None else ""
    click.echo(f"run      {holder.run}\nowner    {holder.caller}\nhost     {holder.host} (process {holder.pid})")
    click.echo(f"age      since {holder.since}{held}, renewed {elapsed(current.idle.total_seconds())} ago")
    journal = RunFolder(root / "artifacts" / params.env, run, "runner").journal()
    aws = aws_client(params, root, run, journal.write)
    caller = aws.require_account(params.account)
    process = asdict(ProcessIdentity.this_process())
    journal.write("run", **process, run=run, notebooks=[], mode="unlock", caller=caller, **run_metadata(params))
    environment_lock(params, aws, caller, journal.write).unlock(current)
    journal.write(
        "unlock",
        reason=reason,
        holder=asdict(holder),
        age_seconds=None if current.age is None else round(current.age.total_seconds()),
        idle_seconds=round(current.idle.total_seconds()),
    )
    click.echo(
        f"Released. If that run is still alive, it notices within {round(RENEWAL.total_seconds())} s:"
        " wait for that before you apply."
    )
    click.echo(f"Evidence: {paths.for_shell(finish_run(params, root, run))}")
