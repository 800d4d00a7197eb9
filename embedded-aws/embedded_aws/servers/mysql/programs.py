"""Find the database server that is installed on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# MariaDB first: Ubuntu lets MySQL's server (AppArmor) write to its own data directory only.
SERVERS = (("mariadbd", "mariadb"), ("mysqld", "mysql"))
VERSION_SECONDS = 10.0


@dataclass(frozen=True)
class Programs:
    """A server, its client, and the installer of a data directory (MySQL's server does that itself)."""

    server: str
    client: str
    installer: str | None
    version: str

    @property
    def is_mariadb(self) -> bool:
        """Whether it is MariaDB, which differs from MySQL in a few parameters."""
        return self.installer is not None

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{'MariaDB' if self.is_mariadb else 'MySQL'} {self.version}"

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version as numbers, for comparisons."""
        return tuple(int(number) for number in self.version.split("."))


def find_programs(path: str | None = None) -> Programs | None:
    """Find programs on the path, or in the `sbin` beside one of its `bin`, where Debian has servers."""
    where = _with_sbin(os.environ.get("PATH", "") if path is None else path)
    for server_name, client_name in SERVERS:
        server, client = shutil.which(server_name, path=where), shutil.which(client_name, path=where)
        if server and client and (programs := _inspect(server, client, where)):
            return programs
    return None


def _inspect(server: str, client: str, path: str) -> Programs | None:
    try:
        output = subprocess.run(
            [server, "--no-defaults", "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"Ver (\d+\.\d+\.\d+)", output)
    installer = shutil.which("mariadb-install-db", path=path) if "MariaDB" in output else None
    if not version or ("MariaDB" in output and not installer):
        return None
    return Programs(server, client, installer, version[1])


def _with_sbin(path: str) -> str:
    folders = [Path(part) for part in path.split(os.pathsep) if part]
    beside = [folder.with_name("sbin") for folder in folders if folder.name == "bin"]
    # An empty path would mean the current folder or the system's default path.
    return os.pathsep.join(map(str, [*folders, *beside])) or os.devnull
