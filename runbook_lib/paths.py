"""The checkout, and the root whose params/ and artifacts/ are used."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from .errors import WrongUsage

_ROOT = "RUNBOOK_ROOT"
_FIRST = Path("notebooks", "01_network.ipynb")
_INSTALLED = Path(__file__).resolve().with_name("project")
"""What the wheel holds of a checkout: cli/project_files.py."""


def checkout() -> Path:
    """Where notebooks/ and webapp/ are: in or above `RUNBOOK_ROOT` or the current folder, or around this package.

    Raises:
        WrongUsage: There are no notebooks in any of them: an installed package has only those that it can write.
    """
    here = Path.cwd()
    given = [Path(os.environ[_ROOT]).resolve()] if _ROOT in os.environ else []
    above = [parent for folder in given for parent in folder.parents]  # the root of a rehearsal is in a checkout
    for folder in (*given, *above, here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / _FIRST).is_file():
            return folder
    raise WrongUsage(
        f"{for_shell(here)} is not a checkout of the runbook: there is no {_FIRST} in it, in a folder above it, or in"
        f" the one that {_ROOT} names.",
        fix=f"Go to a checkout (cd FOLDER) and run this again, or name it: export {_ROOT}=FOLDER\n"
        "  → There is none yet? `runbook init FOLDER` writes notebooks, parameters and a small application.",
    )


def reviewed() -> Path:
    """Where notebooks/ are as they were released: in the installed package, or in the checkout."""
    return _INSTALLED if (_INSTALLED / _FIRST).is_file() else checkout()


def root() -> Path:
    """`RUNBOOK_ROOT`, or the checkout."""
    return Path(os.environ[_ROOT]) if _ROOT in os.environ else checkout()


def for_shell(path: str | Path) -> str:
    """A path as it can be pasted into a shell: quoted where it has spaces, quotes or the like."""
    return shlex.quote(str(path))
