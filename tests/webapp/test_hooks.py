"""The hooks where things go wrong; that they go right is shown on a machine, with the whole bundle."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .processes import free_port
from .world import WEBAPP


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The application as AfterInstall leaves it, but with this very environment."""
    app = shutil.copytree(WEBAPP, tmp_path / "opt" / "webapp")
    (app / "venv").symlink_to(sys.prefix)
    return app


@pytest.mark.needs("ps")
@pytest.mark.parametrize(
    ("file", "line", "named"),
    [
        (
            "shiftlog/wsgi.py",
            "raise LookupError('a thing that nobody packed')",
            "LookupError: a thing that nobody packed",
        ),
        ("gunicorn.conf.py", "workers = a_few", "name 'a_few' is not defined"),
    ],
)
def test_an_application_that_cannot_start_is_told_at_once(installed: Path, file: str, line: str, named: str) -> None:
    """The hook does not wait for what has ended: it says so, after the error itself, and leaves nothing running."""
    with (installed / file).open("a", encoding="utf-8") as broken:
        broken.write(f"\n{line}\n")
    root = installed.parents[1]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WEBAPP_"))}
    settings = {"WEBAPP_DATABASE_URL": f"sqlite:///{root}/db", "WEBAPP_PORT": str(free_port()), "WEBAPP_ZONE": "z"}
    began = time.monotonic()
    done = subprocess.run(
        ["sh", str(installed / "hooks" / "application_start.sh")],
        env={**inherited, **settings, "WEBAPP_ROOT": str(root), "WEBAPP_INSTANCE_ID": "i"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert time.monotonic() - began < 30  # on a busy machine, too; an answer would be waited for longer
    assert done.returncode == 1
    assert named in done.stderr[-1500:]
    assert "it has ended; its last words are above" in done.stderr
    pid = int((root / "run" / "webapp.pid").read_text(encoding="utf-8"))
    assert (
        str(installed)
        not in subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout
    )
