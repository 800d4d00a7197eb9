"""The programs beside Python that tests need, listed in programs.txt and installed by install_programs.sh."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

TABLE = Path(__file__).parents[1] / "programs.txt"
# Debian keeps servers in /usr/sbin; a browser that Playwright has fetched is beside this Python.
FOLDERS = ("/usr/sbin", "/usr/local/sbin", str(Path(sys.executable).parent))


def find_program(name: str) -> str:
    """The path of a program, or of what may take its place; without any the test is skipped.

    Raises:
        KeyError: The table does not list it.
    """
    names, debian, homebrew = _table()[name]
    where = os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS])
    for each in names:
        if path := shutil.which(each, path=where):
            return path
    packages = f"{debian} (Debian)" + ("" if homebrew == "-" else f" or {homebrew} (Homebrew)")
    pytest.skip(f"{' or '.join(names)} is not installed: run tests/install_programs.sh, or install {packages}")


def require(*names: str) -> None:
    """Skip the test when one of these programs is not installed."""
    for name in names:
        find_program(name)


def _table() -> dict[str, tuple[list[str], str, str]]:
    """Names, Debian's package and Homebrew's, by the first name."""
    rows = [line.split() for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {names.partition(",")[0]: (names.split(","), debian, homebrew) for names, debian, homebrew in rows}
