"""Other people's tools in an environment of their own, where their dependencies conflict with ours."""

from __future__ import annotations

import os
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ToolEnvironment:
    """A virtual environment with a tool."""

    folder: Path

    def run(self, program: str, *arguments: str | Path, cwd: Path | None = None, **variables: str) -> str:
        """Run one of its programs, in this folder; returns what it prints."""
        programs = self.folder / "bin"
        around = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        around |= {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", **variables}
        command = [programs / program, *arguments]
        done = subprocess.run(command, cwd=cwd, env=around, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


def tool_environment(folder: Path, *packages: str) -> ToolEnvironment:
    """Create an environment with the newest versions of packages, as their users would."""
    made = ToolEnvironment(folder / "tools")
    venv.create(made.folder, with_pip=True, symlinks=True)
    made.run("pip", "install", "--quiet", "--disable-pip-version-check", *packages)
    return made
