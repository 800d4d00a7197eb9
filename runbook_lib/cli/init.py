"""The command ``runbook init``: write a project for an installed package."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import click

from ..errors import WrongUsage
from ..files import write_atomically
from ..formatting import pluralize
from ..paths import for_shell
from . import project_files

PACKAGE = "runbook-lib"
_REQUIREMENTS = Path("requirements", "runbook.txt")
_WHEELS = "wheels"


@click.command()
@click.argument(
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The project's folder; it may exist, without these files.",
)
def init(folder: Path) -> None:
    """Write a project into DIR: notebooks, parameters, a small application, workflows.  Nothing is overwritten.

    The documents come with them.
    """
    requirement, local = _origin()
    files = {name: source.read_bytes() for name, source in project_files.find().items()}
    lines = ["# What `make setup` installs beside run.txt.", f"--find-links {_WHEELS}", requirement]
    files[_REQUIREMENTS.as_posix()] = "\n".join([*lines, ""]).encode()
    wheels = _REQUIREMENTS.parent / _WHEELS
    if local and local.is_file():
        files[(wheels / local.name).as_posix()] = local.read_bytes()
    write_project(folder, files)
    where = for_shell(folder)
    click.echo(f"{pluralize(len(files), 'file')} in {where}; README.md there says what they are. Next:")
    click.echo(f"  cd {where}")
    click.echo("  edit params/dev.yaml: the account, the region, admin_cidrs and the certificate")
    click.echo("  runbook plan --env dev")
    if local and local.is_dir():
        build = f"pip wheel --no-deps --wheel-dir {for_shell(folder / wheels)} {for_shell(local)}"
        click.echo(f"For `make setup` and the workflows, build the wheel of this runbook: {build}")


def write_project(folder: Path, files: dict[str, bytes]) -> None:
    """Write files by their names in the project.

    Raises:
        WrongUsage: One of them exists already; nothing is written then.
    """
    existing = [name for name in files if (folder / name).exists()]
    if existing:
        more = f" and {len(existing) - 3} more" if len(existing) > 3 else ""
        raise WrongUsage(
            f"{for_shell(folder)} has {', '.join(existing[:3])}{more} already, and nothing is overwritten.",
            fix="Name a folder that has no project yet: runbook init DIR",
        )
    try:
        for name, content in files.items():
            write_atomically(folder / name, content)
    except OSError as error:
        raise WrongUsage(
            f"{for_shell(folder)} cannot be written: {error.strerror}.", fix="Name another folder: runbook init DIR"
        ) from None


def _origin() -> tuple[str, Path | None]:
    """How pip is asked for this version of the runbook, and the local file or folder that it was installed from.

    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    this = distribution(PACKAGE)
    pinned = f"{PACKAGE}=={this.version}"
    text = this.read_text("direct_url.json")
    if not text:
        return pinned, None
    origin = json.loads(text)
    url, vcs = origin["url"], origin.get("vcs_info")
    if vcs:
        return f"{PACKAGE} @ {vcs['vcs']}+{url}@{vcs['commit_id']}", None
    if urlsplit(url).scheme == "file":
        path = Path(url2pathname(urlsplit(url).path))
        return pinned, path if path.suffix == ".whl" or path.is_dir() else None
    return f"{PACKAGE} @ {url}", None
