"""From which commit a run was made."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any


def source(code: Path) -> dict[str, Any]:
    """The checkout's ``commit``, and whether it is ``clean``; nothing where there is no repository of its own."""
    commit = _git(code, "rev-parse", "HEAD")
    return {"commit": commit, "clean": not _git(code, "status", "--porcelain")} if commit else {}


def _git(code: Path, *command: str) -> str:
    """What git says; nothing where there is no git."""
    if not (code / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(code), *command], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
