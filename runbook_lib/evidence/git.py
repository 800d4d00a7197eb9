"""Read from git which commit a run used, and which commit last changed the application."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any


def read_source(checkout: Path) -> dict[str, Any]:
    """The checkout's ``commit``, and whether it is ``clean``; empty where it is not a git repository."""
    commit = _run(checkout, "rev-parse", "HEAD")
    return {"commit": commit, "clean": not _run(checkout, "status", "--porcelain")} if commit else {}


def read_file(checkout: Path, commit: str, path: str) -> str | None:
    """The text of a file as it is in a commit; ``None`` where it is not in it."""
    return _run(checkout, "show", f"{commit}:./{path}")


def find_last_commit(checkout: Path, path: str) -> str:
    """The commit that last changed a path of the checkout.

    Empty where the path has uncommitted changes, and in a shallow clone: git would name the oldest
    commit that it has, whatever that changed.
    https://git-scm.com/docs/shallow
    """
    if _run(checkout, "status", "--porcelain", "--untracked-files=normal", "--", path) != "":
        return ""
    if _run(checkout, "rev-parse", "--is-shallow-repository") != "false":
        return ""
    return _run(checkout, "rev-list", "--max-count=1", "HEAD", "--", path) or ""


def _run(checkout: Path, *command: str) -> str | None:
    """The output of a git command; ``None`` where git is missing or fails."""
    if not (checkout / ".git").exists():
        return None
    try:
        process = subprocess.run(
            ["git", "-C", str(checkout), *command], capture_output=True, encoding="utf-8", check=False, timeout=20
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return process.stdout.strip() if process.returncode == 0 else None
