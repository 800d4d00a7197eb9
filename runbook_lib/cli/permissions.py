"""``runbook permissions``: print the IAM policy that an environment's verbs need."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from .. import paths
from ..aws.permissions import MANAGED_POLICY_LIMIT, policy, policy_size, split_policy
from ..errors import WrongUsage
from ..files import write_atomically
from ..formatting import pluralize
from ..params import load, params_file
from ..stacks.permissions import VERBS, statements_for

_CHANGING = ("apply", "destroy")


@click.command()
@click.option("--env", required=True, metavar="ENV", help="A file in params/, e.g. local.")
@click.option("--verb", type=click.Choice(list(VERBS)), help="What the policy allows; apply and destroy if not given.")
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Also write it there, as one or several files that each fit into a managed policy.",
)  # fmt: skip
def permissions(env: str, verb: str | None, into: Path | None) -> None:
    """Print the IAM policy that a verb needs, as JSON.  verify needs what plan needs; all others but logs include it.

    deploy is what deploy.yml does: an apply of 04_deploy in which nothing but the revision differs.
    """
    document = policy(statements_for(load(params_file(paths.root(), env)), (verb,) if verb else _CHANGING))
    click.echo(json.dumps(document, indent=2))
    documents = split_policy(document)
    if into:
        _write(into, f"{env}-{verb or 'change'}", documents)
    elif len(documents) > 1:
        click.echo(
            f"{policy_size(document)} characters; a managed policy holds {MANAGED_POLICY_LIMIT}."
            f" --into FOLDER writes it as {pluralize(len(documents), 'file')}.",
            err=True,
        )


def _write(folder: Path, name: str, documents: Sequence[dict[str, Any]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, document in enumerate(documents, 1):
            path = folder / (f"{name}-{number}.json" if len(documents) > 1 else f"{name}.json")
            write_atomically(path, f"{json.dumps(document, indent=2)}\n".encode())
            click.echo(f"Written: {path}", err=True)
    except OSError as error:
        raise WrongUsage(f"{folder} cannot be written: {error.strerror}.", fix="Name another folder.") from None
