"""The checkout, and the root whose params/ and artifacts/ are used."""

from __future__ import annotations

import os
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
        f"{_FIRST} is neither in {_ROOT}, nor in {here} or a folder above it",
        fix=f"run this in a checkout of the runbook, or set {_ROOT} to one",
    )


def root() -> Path:
    """`RUNBOOK_ROOT`, or the checkout."""
    return Path(os.environ[_ROOT]) if _ROOT in os.environ else checkout()
