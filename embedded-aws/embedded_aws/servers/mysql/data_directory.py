"""Create a data directory: by the server's own installer, or as a copy of a snapshot. A partial one is never used."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from embedded_aws.servers.mysql.programs import Programs
from embedded_aws.servers.processes import environment
from embedded_aws.servers.server import ServerFailed, last_log_lines

INSTALL_SECONDS = 120.0  # it takes less than one on an idle machine
SMALL = ("--loose-innodb-log-file-size=16M", "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0")


def create_data_directory(programs: Programs, data: Path, log: Path, source: Path | None) -> None:
    """Create a data directory, as a copy of `source` where that exists.

    Raises:
        ServerFailed: The installer failed.
    """
    draft = data.with_name(f"{data.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    if source and source.exists():
        shutil.copytree(source, draft)
    else:
        draft.mkdir(mode=0o700)
        _install(programs, draft, log)
    draft.chmod(0o700)
    draft.rename(data)


def _install(programs: Programs, data: Path, log: Path) -> None:
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    command = [programs.server, "--no-defaults", "--initialize-insecure"]
    if programs.installer:
        # Its administrator has no password, and is deleted before the server listens: see sql.init_statements.
        locked = ["--auth-root-authentication-method=socket", "--auth-root-socket-user=root"]
        command = [programs.installer, "--no-defaults", "--skip-test-db", "--skip-name-resolve", *locked]
    with log.open("ab", buffering=0) as output:
        completed = subprocess.run(
            [*command, f"--datadir={data}", *SMALL, *as_root],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(), timeout=INSTALL_SECONDS,
        )  # fmt: skip
    if completed.returncode:
        lines = last_log_lines(log.read_text(errors="replace"))
        raise ServerFailed(f"its data directory could not be created: {lines}")
