"""From which commit a run was made, and the application that it deploys."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any


def source(code: Path) -> dict[str, Any]:
    """The checkout's ``commit``, and whether it is ``clean``; nothing where there is no repository of its own."""
    commit = _git(code, "rev-parse", "HEAD")
    return {"commit": commit, "clean": not _git(code, "status", "--porcelain")} if commit else {}


def last_commit(code: Path, part: str) -> str:
    """The commit that last touched a part of the checkout.

    Nothing where the part is not as it was committed, or where the history is cut short: git then
    names the oldest commit that it has, whatever that one touched.
    https://git-scm.com/docs/shallow
    """
    if _asked(code, "status", "--porcelain", "--untracked-files=normal", "--", part) != "":
        return ""
    if _asked(code, "rev-parse", "--is-shallow-repository") != "false":
        return ""
    return _git(code, "rev-list", "--max-count=1", "HEAD", "--", part)


def _git(code: Path, *command: str) -> str:
    """What git says; nothing where it says nothing, or there is no git."""
    return _asked(code, *command) or ""


def _asked(code: Path, *command: str) -> str | None:
    """What git says; ``None`` where there is no git, or it fails."""
    if not (code / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(code), *command], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
