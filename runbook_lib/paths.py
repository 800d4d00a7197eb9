"""The checkout, and the root whose params/ and artifacts/ are used."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from .errors import WrongUsage

_ROOT = "RUNBOOK_ROOT"
_FIRST = Path("notebooks", "01_network.ipynb")


def checkout() -> Path:
    """Where notebooks/ and webapp/ are: around this package, in `RUNBOOK_ROOT`, or in or above the current folder.

    Raises:
        WrongUsage: There are no notebooks in any of them: an installed package has none of its own.
    """
    here = Path.cwd()
    given = [Path(os.environ[_ROOT]).resolve()] if _ROOT in os.environ else []
    for folder in (Path(__file__).resolve().parents[1], *given, here, *here.parents):
        if (folder / _FIRST).is_file():
            return folder
    raise WrongUsage(
        f"{for_shell(here)} is not a checkout of the runbook: there is no {_FIRST} in it, in a folder above it, or in"
        f" the one that {_ROOT} names.",
        fix=f"Go to a checkout (cd FOLDER) and run this again, or name it: export {_ROOT}=FOLDER",
    )


def root() -> Path:
    """`RUNBOOK_ROOT`, or the checkout."""
    return Path(os.environ[_ROOT]) if _ROOT in os.environ else checkout()


def for_shell(path: str | Path) -> str:
    """A path as it can be pasted into a shell: quoted where it has spaces, quotes or the like."""
    return shlex.quote(str(path))
