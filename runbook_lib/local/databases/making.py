"""A data directory: made by the server's own installer, or copied from a snapshot's; half of one is never used."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from runbook_lib.local.databases.programs import Programs

MAKE_SECONDS = 120.0  # less than one, on a machine that has nothing else to do
SMALL = ("--loose-innodb-log-file-size=16M", "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0")


class ServerFailed(Exception):
    """It could not be made, started or asked; says why, with the server's own words."""

    def __init__(self, why: str, parameters: bool = False) -> None:
        super().__init__(why)
        self.parameters = parameters  # whether they are the reason


def make_data(programs: Programs, data: Path, log: Path, source: Path | None) -> None:
    """Make it, as a copy where there is a source.

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


def environment() -> dict[str, str]:
    """For the server's programs: nothing of the caller's that they might read as an option."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ} | {"LC_ALL": "C"}


def last_words(said: str) -> str:
    """Without what is not printable: MariaDB rings the bell, which no XML may hold."""
    lines = ["".join(filter(str.isprintable, line)) for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if "[Note]" not in line and "[Warning]" not in line]
    return " ".join((telling or lines or ["it said nothing"])[-3:])


def _install(programs: Programs, data: Path, log: Path) -> None:
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    command = [programs.server, "--no-defaults", "--initialize-insecure"]
    if programs.installer:
        # Its administrator has no password, and is gone before the server listens: see sql.first_of_all.
        locked = ["--auth-root-authentication-method=socket", "--auth-root-socket-user=root"]
        command = [programs.installer, "--no-defaults", "--skip-test-db", "--skip-name-resolve", *locked]
    with log.open("ab", buffering=0) as output:
        done = subprocess.run(
            [*command, f"--datadir={data}", *SMALL, *as_root],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(), timeout=MAKE_SECONDS,
        )  # fmt: skip
    if done.returncode:
        raise ServerFailed(f"its data directory could not be made: {last_words(log.read_text(errors='replace'))}")
